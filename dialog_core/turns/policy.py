"""What a plugged-in policy is asked, and what it may answer: pure values both.

An **endpointer** is asked when the caller has fallen silent; a **barge-in** policy is asked while both sound.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import attrs

from dialog_core.audio import Sound
from dialog_core.turns.expectation import ANYTHING, Expectation
from dialog_core.turns.rhythm import UNKNOWN, Rhythm

__all__ = [
    "Abstain",
    "Ask",
    "BargeIn",
    "Continue",
    "Cut",
    "Decision",
    "Done",
    "Doubt",
    "Duck",
    "Endpointer",
    "Hears",
    "Hold",
    "Ignore",
    "Judgement",
    "Overlap",
    "Pause",
    "Verdict",
    "Wait",
]


def because() -> str:
    """Why an answer is what it is, for who observes the call: a constant phrase. Answers are equal whatever it says."""
    reason: str = attrs.field(default="", eq=False)
    return reason


@attrs.frozen
class Pause:
    """The caller is silent: have they finished?"""

    silent: float
    """Seconds since the last voiced sample."""
    text: str
    """The words of this turn so far, interim ones included."""
    settled: bool
    """False while some of the words are interim."""
    end_of_turn: bool | None = None
    """The recogniser's own verdict: True sure, False an eager guess, None when it has not said."""
    previous: str = ""
    """What the agent said last, as heard; empty at the start."""
    since: float = 0.0
    """When the last voiced sample was, in seconds since the call began."""
    expecting: Expectation = ANYTHING
    """What the agent has asked for."""
    rhythm: Rhythm = UNKNOWN
    """How long this caller pauses within a turn."""
    audio: Callable[[float], Sound] | None = attrs.field(default=None, eq=False, repr=False)
    """The caller's latest audio up to that many seconds after the last voiced sample, or to now if that is earlier.

    Only in `ask`, and only for an endpointer that :class:`Hears`.
    """


@attrs.frozen
class Wait:
    """Not yet: ask nobody again before this many seconds of silence (from the last voiced sample) have passed.

    When they have, the turn is complete unless the caller spoke.
    """

    seconds: float
    reason: str = because()


@attrs.frozen
class Done:
    """The caller has finished: reply now."""

    reason: str = because()


@attrs.frozen
class Ask:
    """I need time to think: call my :meth:`Endpointer.ask`; if no answer comes in time, `seconds` is the wait."""

    seconds: float
    reason: str = because()


@attrs.frozen
class Abstain:
    """I leave it to the next endpointer of the stack, within bounds; who is last, or alone, waits `at_most`."""

    at_most: float
    """Seconds of silence after which the turn is complete, whatever the others say; finite."""
    at_least: float = 0.0
    """Seconds of silence before which it is not."""
    reason: str = because()


Verdict = Wait | Done | Ask | Abstain


class Endpointer(Protocol):
    """Who decides that the caller has finished. `judge` is pure and quick; `ask` may wait and is optional."""

    def judge(self, pause: Pause) -> Verdict:
        """Asked at the start of a silence and whenever words or a verdict arrive in it."""
        ...

    async def ask(self, pause: Pause) -> Wait | Done | Abstain:
        """Asked only after `judge` answered `Ask`; cancelled when the caller goes on."""
        ...


class Hears(Protocol):
    """What an endpointer may have besides: it listens to the caller's voice, not only to the words. Optional."""

    @property
    def wants_audio(self) -> float:
        """Seconds of audio that `Pause.audio` gives at most; 0 for none. Nothing is kept for who does not ask."""
        ...


@attrs.frozen
class Overlap:
    """The caller sounds while we speak: what does it mean?"""

    voiced: float
    """Seconds that the caller has sounded; the silence behind it does not count."""
    sounding: bool
    """False when they have already fallen silent again."""
    text: str = ""
    """Words recognised in this overlap, interim ones included."""
    probability: float = 1.0
    """Speech probability at its start, 0..1."""
    ducked: bool = False
    """True when an earlier answer was `Duck` or `Hold`."""
    heard: str = ""
    """What the caller has heard of this reply so far."""
    expecting: Expectation = ANYTHING
    """What the agent has asked for."""


@attrs.frozen
class Continue:
    """Go on speaking. `again` asks once more when the caller has sounded that many seconds; None waits for words."""

    again: float | None = None
    reason: str = because()


@attrs.frozen
class Doubt:
    """I cannot tell yet; ask me when the caller has sounded `again` seconds. Alone it is `Continue`.

    In a vote it turns a cut into a fade, which can be undone.
    """

    again: float
    reason: str = because()


@attrs.frozen
class Ignore:
    """It was a backchannel: go on speaking, and let nobody answer these words; they are only recorded."""

    reason: str = because()


@attrs.frozen
class Duck:
    """Fade out over `fade` seconds and hold; ask again when the caller has sounded `again` seconds."""

    again: float
    fade: float = 0.2
    reason: str = because()


@attrs.frozen
class Hold:
    """Stop playing at once but keep the reply; ask again when the caller has sounded `again` seconds."""

    again: float
    reason: str = because()


@attrs.frozen
class Cut:
    """It is an interruption: stop the reply."""

    reason: str = because()


Decision = Continue | Doubt | Ignore | Duck | Hold | Cut


@attrs.frozen
class Judgement:
    """What a policy was asked last, and what it answered."""

    at: float
    asked: Pause | Overlap
    answer: Verdict | Decision


class BargeIn(Protocol):
    """Who decides what the caller's speech during a reply means. Pure and quick."""

    def judge(self, overlap: Overlap) -> Decision:
        """Asked when the caller begins to sound, at words, when `again` seconds have passed, and at their silence."""
        ...
