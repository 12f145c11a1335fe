"""A whole call as a value: what everybody in it will do, so that it can be run again, printed and shrunk.

A plan is drawn from a seed by :mod:`dialog_core.testing.simulate.draw`. Nothing in a run is left to chance after that:
what still looks random, such as the latency of the third request, is computed from the seed and its number.
"""

from __future__ import annotations

import enum

import attrs

from dialog_core.turns.state import INTERRUPTIBLE

__all__ = ["Act", "Answer", "CallPlan", "Carrier", "Cue", "Deed", "Fault", "Pace", "Wish"]


class Deed(enum.Enum):
    """What a caller may do."""

    SAY = "says"
    BACKCHANNEL = "acknowledges"
    COUGH = "coughs"
    WHISPER = "whispers"
    """Says words too softly for the voice detector."""
    KEY = "presses"
    WAIT = "waits"
    HANG_UP = "hangs up"
    VANISH = "is gone"


class Cue(enum.Enum):
    """What a caller waits for before an act, and then `after` seconds more."""

    NEXT = "next"
    """The act before is over."""
    HEARD = "heard"
    """The agent has sounded and fallen silent."""
    QUIET = "quiet"
    """The agent is silent, whether or not it has said anything since."""
    SOUNDING = "sounding"
    """The agent sounds."""


@attrs.frozen
class Act:
    """One thing that the caller does."""

    deed: Deed
    cue: Cue = Cue.NEXT
    after: float = 0.0
    text: str = ""
    """What is said, or the key."""
    seconds: float = 0.0
    """How long it lasts."""


@attrs.frozen
class Answer:
    """What the language model answers a request with."""

    text: str
    tool: str = ""
    """A tool that it calls afterwards: ``look_up`` or ``hang_up``."""
    expects: str = ""
    """What kind of answer it asks for, such as ``digits``; empty for any."""


@attrs.frozen
class Wish:
    """Something that the application wants said without having been asked."""

    at: float
    text: str
    interruptible: bool = True
    withdrawn: float | None = None
    """Seconds after which the application no longer wants it."""


@attrs.frozen
class Fault:
    """Something goes wrong: the `number`-th piece of work of a part, counted from 1."""

    where: str
    """``stt``, ``llm``, ``tts``, ``line``, ``tool``."""
    what: str
    number: int = 1
    seconds: float = 0.0
    """How long, or how late, where that applies."""


@attrs.frozen
class Pace:
    """How quick the vendors are; each piece of work takes so long times a factor of its own. Seconds."""

    stt: float = 0.15
    """From the end of the words to the final text."""
    interims: bool = True
    llm: float = 0.3
    """To the first token."""
    token: float = 0.02
    tts: float = 0.15
    """To the first audio of a segment."""
    spread: float = 0.3
    """Standard deviation of the factor's logarithm."""


@attrs.frozen
class Carrier:
    """The line between the caller's ear and us."""

    outbound: float = 0.04
    """Seconds until what we send is with the carrier."""
    inbound: float = 0.04
    jitter: float = 0.0
    """Seconds by which a frame may come later than the one before it foretold."""
    frame: float = 0.06
    echo: float | None = None
    """Seconds after which the agent's own sound comes back as the caller's; None without."""


@attrs.frozen
class CallPlan:
    """One call."""

    seed: int
    acts: tuple[Act, ...] = ()
    answers: tuple[Answer, ...] = (Answer("Certainly."),)
    """The n-th request of the language model gets the n-th; they start again after the last."""
    wishes: tuple[Wish, ...] = ()
    faults: tuple[Fault, ...] = ()
    pace: Pace = Pace()
    carrier: Carrier = Carrier()
    greeting: str = "Hello, how can I help?"
    endpointer: str = "heuristic"
    """A name, or several of a stack, joined by ``+``."""
    barge_in: str = "hard-cut"
    """A name, or several that vote."""
    word_times: bool = True
    """The voice tells when each word sounds."""
    quiet: float = 0.0
    """Seconds that the agent must have been silent before the caller takes it that they have heard it."""
    verdicts: bool = False
    """The recogniser says when it believes that a turn is over."""
    holding: bool = True
    """Hold phrases are said when a reply keeps the caller waiting."""
    eager: bool = False
    """Replies may start before it is certain that the caller has finished."""
    interruptible: frozenset[str] = INTERRUPTIBLE
    """What the caller may interrupt."""
