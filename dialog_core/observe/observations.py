"""What the framework tells about itself: frozen values, a few per turn, never one per frame or token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import attrs

from dialog_core.line import Progress

__all__ = [
    "CallEnded",
    "CallStarted",
    "CallState",
    "Counted",
    "EagerReply",
    "Judged",
    "Observation",
    "Observer",
    "Personal",
    "ProviderTimed",
    "ReplyTimed",
    "SpeakerLabelled",
    "StepTaken",
    "Trouble",
]


@attrs.frozen
class Personal:
    """Something a caller said, or that identifies them. The log leaves it out unless told otherwise."""

    text: str

    def __str__(self) -> str:
        return "(personal)"

    def __repr__(self) -> str:
        return "Personal(...)"


@attrs.frozen
class CallStarted:
    """A line was answered."""

    call: str
    at: float
    agent: str
    voip: str
    caller: Personal


@attrs.frozen
class StepTaken:
    """The turn machine took an event. `at` is call time; `event` and `effects` are the machine's own values."""

    call: str
    at: float
    phase: str
    """Name of the phase afterwards."""
    event: object
    effects: tuple[object, ...]


@attrs.frozen
class Judged:
    """A policy was asked about a pause or an overlap, and answered."""

    call: str
    at: float
    policy: str
    """``endpointer``, ``barge_in``, or ``echo`` for what was kept from both."""
    answer: str
    """Name of the answer: ``Wait``, ``Done``, ``Ask``, ``Abstain``, or ``Cut``, ``Duck``, ``Continue``, ..."""
    reason: str
    """Constant phrase; empty if the policy gave none."""
    seconds: float
    """Silence so far, or how long the caller has sounded."""
    until: float | None
    """Seconds of silence that end the turn, or of voice after which it asks again; None if it set none."""


@attrs.frozen
class ProviderTimed:
    """A provider did one piece of work. Times are seconds on the loop's clock."""

    call: str
    provider: str
    stage: str
    """``stt``, ``llm`` or ``tts``."""
    started: float
    first: float | None
    """When its first result came; None if there was none."""
    ended: float


@attrs.frozen
class ReplyTimed:
    """A reply is over: where its time went. Seconds since the call began; None for what never happened."""

    call: str
    reply: int
    ended: float | None
    """Last voiced sample of the caller's turn; None if the reply answers no words."""
    decided: float
    """The turn was complete."""
    first_text: float | None
    first_segment: float | None
    first_audio: float | None
    audible: float | None
    """The first audio was handed to the line."""
    outcome: str
    """Name of the record it ended in: ``Said``, ``BargeIn``, ``TakenBack`` or ``BrokenOff``."""
    began: float | None = None
    """When it was begun eagerly, before the turn was complete; None if it was not."""


@attrs.frozen
class EagerReply:
    """A reply that was begun before its turn was complete: it is confirmed now, or was made in vain."""

    call: str
    at: float
    reply: int
    missed: str
    """Why it was in vain, such as ``the caller went on``; empty for one that is confirmed."""
    seconds: float
    """For which it had been made by now: gained, or wasted."""
    characters: int
    """Of text that had been given to the voice."""
    audio: float
    """Seconds of audio that had been made."""


@attrs.frozen
class Trouble:
    """Something failed or was refused, and somebody dealt with it."""

    call: str
    """Empty where no call is concerned."""
    where: str
    """Component, such as ``deepgram`` or ``twilio.webhook``."""
    what: str
    """Constant sentence; the error's own text goes to `detail`."""
    detail: str = ""


@attrs.frozen
class Counted:
    """A counter of a call or a provider grew, such as ``frames dropped``."""

    call: str
    what: str
    amount: int


@attrs.frozen
class SpeakerLabelled:
    """A diarizer told who said some of the caller's words; the history has the label by then."""

    call: str
    at: float
    """When it was told, in seconds since the call began."""
    started: float
    """First sample of the words."""
    ended: float
    speaker: int
    """Counted from 0, in the order in which voices were first heard."""


@attrs.frozen
class CallEnded:
    """A call is over and everything of it is closed."""

    call: str
    at: float
    reason: str
    turns: int
    noted: Mapping[str, Personal] = attrs.field(factory=dict, hash=False)
    """What the agent added to the call's metadata: what came of the conversation."""


@attrs.frozen
class CallState:
    """A carrier told how far a call has come.

    A call's states come in order and once each; some may be missing. The last one is final.
    """

    call: str
    at: float
    """Seconds since 1970, when this process heard of it."""
    progress: Progress
    reason: str = ""
    """The carrier's own word for it, such as ``user_busy``; empty if it gave none."""


Observation = (
    CallStarted
    | StepTaken
    | Judged
    | ProviderTimed
    | ReplyTimed
    | EagerReply
    | SpeakerLabelled
    | Trouble
    | Counted
    | CallEnded
    | CallState
)


class Observer(Protocol):
    """Receives observations in batches, outside the calls; may be slow, must not be needed."""

    async def observe(self, batch: Sequence[Observation]) -> None:
        """Take a batch, oldest first. One that raises is dropped with a message."""
        ...
