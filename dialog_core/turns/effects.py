"""What is to be done: imperative, frozen, carried out by the turn loop in the order given."""

from __future__ import annotations

import attrs

from dialog_core.messages import Utterance
from dialog_core.turns.events import ReplyWanted, Timer
from dialog_core.turns.policy import Pause
from dialog_core.turns.records import Record

__all__ = [
    "Apology",
    "AskEndpointer",
    "CancelTimer",
    "Cause",
    "ConfirmReply",
    "DropReply",
    "DuckReply",
    "Effect",
    "EndCall",
    "HoldReply",
    "Keep",
    "Nudge",
    "ResumeReply",
    "SetTimer",
    "StartReply",
    "StopReply",
    "Unheard",
]


@attrs.frozen
class Apology:
    """A provider failed: say the ready-made sentence, which needs no provider."""

    error: str


@attrs.frozen
class Nudge:
    """The caller has said nothing for a while: ask whether they are still there."""

    times: int
    """How many in a row, from 1."""


@attrs.frozen
class Unheard:
    """The caller sounded, and no word of it came: say so."""

    times: int
    """How many in a row, from 1."""


Cause = Utterance | ReplyWanted | Apology | Nudge | Unheard
"""Why a reply is made: the caller's words, the application's wish, a failure, silence, or sound without words."""


@attrs.frozen
class SetTimer:
    """Fire `timer` at this time of the call, replacing the one that runs; at once if that is past."""

    timer: Timer
    at: float


@attrs.frozen
class CancelTimer:
    """Forget the timer, if it runs."""

    timer: Timer


@attrs.frozen
class StartReply:
    """Begin to make and play a reply."""

    reply: int
    cause: Cause
    eager: bool = False
    """The turn may not be over: make it, and hold its audio until it is confirmed or dropped."""


@attrs.frozen
class ConfirmReply:
    """The turn is complete, with the words that an eager reply was made for: play it."""

    reply: int
    cause: Utterance
    """The turn as it was completed."""


@attrs.frozen
class DropReply:
    """Stop an eager reply and forget it: the turn that it answers never was."""

    reply: int
    why: str
    """Constant phrase."""


@attrs.frozen
class StopReply:
    """Stop the reply everywhere: model, synthesis, our buffers and the carrier's; spare protected segments."""

    reply: int


@attrs.frozen
class DuckReply:
    """Fade the reply out and hold it."""

    reply: int
    fade: float
    """Seconds."""


@attrs.frozen
class HoldReply:
    """Stop playing the reply at once, and keep it."""

    reply: int


@attrs.frozen
class ResumeReply:
    """Go on with a held reply from where the caller stopped hearing it."""

    reply: int


@attrs.frozen
class AskEndpointer:
    """Let the endpointer think; its answer comes back as `EndpointJudged`."""

    question: int
    pause: Pause


@attrs.frozen
class Keep:
    """Enter a record into the history and tell the observers."""

    record: Record


@attrs.frozen
class EndCall:
    """End the call: hand the caller to `transfer`, or hang up."""

    reason: str
    transfer: str = ""


Effect = (
    SetTimer
    | CancelTimer
    | StartReply
    | ConfirmReply
    | DropReply
    | StopReply
    | DuckReply
    | HoldReply
    | ResumeReply
    | AskEndpointer
    | Keep
    | EndCall
)
