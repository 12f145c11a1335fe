"""What happened: past tense, frozen, each with `at`, seconds since the call began.

For speech, `at` is the time of the audio, not of our noticing it. Transcripts, from :mod:`dialog_core.messages`,
are events too.
"""

from __future__ import annotations

import enum
import math

import attrs

from dialog_core.messages import Transcript
from dialog_core.turns.expectation import Expectation

__all__ = [
    "AnswerExpected",
    "DeadAir",
    "EndFailed",
    "EndOfTurn",
    "EndWanted",
    "EndpointJudged",
    "Event",
    "HungUp",
    "Keypress",
    "ListenerFailed",
    "MarkReached",
    "OfAReply",
    "ReplyAudible",
    "ReplyFailed",
    "ReplyPlayed",
    "ReplyWanted",
    "ReplyWithdrawn",
    "Shielded",
    "SpeechStarted",
    "SpeechStopped",
    "Timer",
    "TimerFired",
    "TurnResumed",
]


class Timer(enum.Enum):
    """The timers a call may have running; one of each at most."""

    ENDPOINT = "endpoint"
    EAGER = "eager"
    OVERLAP = "overlap"
    IDLE = "idle"
    WATCHDOG = "watchdog"


@attrs.frozen
class SpeechStarted:
    """The caller began to sound; `at` is the first voiced sample."""

    at: float
    probability: float = 1.0


@attrs.frozen
class SpeechStopped:
    """The caller fell silent; `at` is the last voiced sample, so it lies in the past when it is noticed."""

    at: float


@attrs.frozen
class EndOfTurn:
    """The recogniser believes that the caller has finished."""

    at: float
    sure: bool = True
    """False for an eager guess that may be taken back by :class:`TurnResumed`."""


@attrs.frozen
class TurnResumed:
    """The recogniser takes an eager :class:`EndOfTurn` back."""

    at: float


@attrs.frozen
class EndpointJudged:
    """The answer of an endpointer that wanted time to think (`Ask`)."""

    at: float
    question: int
    """Number of the question; an answer to an older one is late and ignored."""
    wait: float
    """Seconds from the last voiced sample; 0 means that the caller has finished."""


@attrs.frozen
class ReplyWanted:
    """The application wants to speak without having been spoken to."""

    at: float
    ticket: int
    """Which of the application's messages; 0 and up, unique in the call."""
    interruptible: bool = True
    expecting: Expectation | None = None
    """What kind of answer it asks for; None leaves what was asked for before."""


@attrs.frozen
class AnswerExpected:
    """The agent says what kind of answer it asks the caller for."""

    at: float
    expecting: Expectation
    reply: int = 0
    """The reply that asks; 0 for the application outside of replies."""


@attrs.frozen
class ReplyWithdrawn:
    """The application no longer wants a message said, or heard to its end."""

    at: float
    ticket: int


@attrs.frozen
class Shielded:
    """From now on the live reply may not be interrupted, or may again: a protected segment of it is to be heard."""

    at: float
    reply: int
    on: bool


@attrs.frozen
class EndWanted:
    """The application wants the call to end when what was said has been heard."""

    at: float
    reason: str
    transfer: str = ""
    """Number to hand the caller to; empty to hang up."""
    now: bool = False
    """True to end at once, whatever is being said."""


@attrs.frozen
class EndFailed:
    """The call could not be ended as wanted: the carrier refused the transfer."""

    at: float
    error: str


@attrs.frozen
class ReplyAudible:
    """The first audio of a reply was handed to the line."""

    at: float
    reply: int


@attrs.frozen
class MarkReached:
    """The line says that playback reached the end of a segment."""

    at: float
    reply: int
    text: str
    """The segment's text, now known to be heard."""


@attrs.frozen
class ReplyPlayed:
    """All of a reply was made and heard."""

    at: float
    reply: int
    ended: float = math.inf
    """When the last of it sounded, as well as that is known; `at` may be later by the way that the news took."""


@attrs.frozen
class ReplyFailed:
    """A reply could not be made to its end."""

    at: float
    reply: int
    error: str


@attrs.frozen
class DeadAir:
    """A reply is live, and nothing has sounded on the line for longer than the budget allows."""

    at: float
    reply: int


@attrs.frozen
class ListenerFailed:
    """Nobody can hear the caller any more: the recogniser failed for good."""

    at: float
    error: str


@attrs.frozen
class Keypress:
    """The caller pressed a key."""

    at: float
    digit: str
    """One of 0123456789*#ABCD."""


@attrs.frozen
class TimerFired:
    """A timer that the machine set has come due."""

    at: float
    timer: Timer


@attrs.frozen
class HungUp:
    """The line is gone."""

    at: float
    reason: str = "hangup"


OfAReply = (
    ReplyAudible | MarkReached | ReplyPlayed | ReplyFailed | Shielded | DeadAir | AnswerExpected
)
"""Tells of one reply, whose number it carries."""

Event = (
    SpeechStarted
    | SpeechStopped
    | Transcript
    | EndOfTurn
    | TurnResumed
    | EndpointJudged
    | ReplyWanted
    | AnswerExpected
    | ReplyWithdrawn
    | Shielded
    | EndWanted
    | EndFailed
    | ReplyAudible
    | MarkReached
    | ReplyPlayed
    | ReplyFailed
    | DeadAir
    | ListenerFailed
    | Keypress
    | TimerFired
    | HungUp
)
