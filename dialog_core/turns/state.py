"""The state of the turn machine and the numbers it goes by: frozen values."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

import attrs

from dialog_core.messages import Transcript, Utterance
from dialog_core.turns.effects import Cause, Nudge, Unheard
from dialog_core.turns.events import EndWanted, Timer
from dialog_core.turns.expectation import ANYTHING, Expectation
from dialog_core.turns.policy import BargeIn, Endpointer, Judgement
from dialog_core.turns.rhythm import UNKNOWN, Rhythm

__all__ = [
    "INTERRUPTIBLE",
    "LIVE",
    "OPEN",
    "TIMERS",
    "WANTED_LIMIT",
    "Eager",
    "Phase",
    "TurnPolicy",
    "TurnState",
    "evolve",
]

WANTED_LIMIT = 32
"""How many messages of the application may wait for the floor."""


INTERRUPTIBLE = frozenset({"greeting", "answers", "prompts"})
"""What the caller may interrupt; a message of the application says so itself."""


class Phase(enum.Enum):
    """Who has the floor."""

    IDLE = "idle"
    """Nobody speaks."""
    HEARING = "hearing"
    """The caller speaks."""
    ENDPOINTING = "endpointing"
    """The caller fell silent: are they done?"""
    THINKING = "thinking"
    """A reply is being made; nothing of it is audible."""
    SPEAKING = "speaking"
    """A reply sounds."""
    OVERLAP = "overlap"
    """The caller sounds while we speak: backchannel or barge-in?"""
    CLOSED = "closed"
    """The call is over."""


LIVE = frozenset({Phase.THINKING, Phase.SPEAKING, Phase.OVERLAP})
"""Phases with exactly one live reply; in the others there is none."""

OPEN = frozenset({Phase.HEARING, Phase.ENDPOINTING})
"""Phases with a turn of the caller that is not complete; in them there may be one eager reply."""

TIMERS = {
    Phase.IDLE: frozenset({Timer.IDLE}),
    Phase.HEARING: frozenset({Timer.WATCHDOG}),
    Phase.ENDPOINTING: frozenset({Timer.ENDPOINT, Timer.EAGER}),
    Phase.THINKING: frozenset({Timer.WATCHDOG}),
    Phase.SPEAKING: frozenset({Timer.WATCHDOG}),
    Phase.OVERLAP: frozenset({Timer.WATCHDOG, Timer.OVERLAP}),
    Phase.CLOSED: frozenset[Timer](),
}
"""Which timers a phase may have running."""


@attrs.frozen
class TurnPolicy:
    """What the machine goes by. Seconds; see `TurnSettings` for what each is for."""

    endpointer: Endpointer
    barge_in: BargeIn
    patience: float = 8.0
    max_silence: float = 3.5
    settle: float = 0.2
    watchdog: float = 30.0
    first_audio: float = 6.0
    dead_air: float = 4.0
    longest_turn: float = 60.0
    longest_hold: float = 5.0
    idle_prompts: int = 2
    failures: int = 3
    """Replies that may fail in a row before the call is ended."""
    give_up: str = ""
    """Number to hand the caller to then; empty to hang up."""
    interruptible: frozenset[str] = INTERRUPTIBLE
    """Which of what we say the caller may interrupt."""
    eager: bool = False
    """Replies may start before it is certain that the caller has finished."""
    eager_after: float = 0.2
    eager_most: int = 2

    def forbids_interrupting(self, cause: Cause | None) -> bool:
        """Whether a reply with this cause is heard to its end, whatever the caller does."""
        match cause:
            case Utterance():
                return "answers" not in self.interruptible
            case Nudge() | Unheard():
                return "prompts" not in self.interruptible
            case _:
                return False


@attrs.frozen
class Eager:
    """A reply that was started before its turn was complete, and what it has told of itself."""

    reply: int
    utterance: Utterance
    """The words that it answers."""
    shielded: bool = False
    """A protected segment of it is to be heard."""
    expecting: Expectation | None = None
    """What it will have asked the caller for."""


@attrs.frozen(slots=False)
class TurnState:
    """All that the machine remembers. Times are seconds since the call began.

    Its values are in a dictionary, which is copied in one step: see :func:`evolve`.
    """

    phase: Phase = Phase.IDLE
    reply: int = 0
    """Number of the latest reply; counts up from 1."""
    cause: Cause | None = None
    """Why the live reply is made."""
    heard: str = ""
    """What marks have confirmed of the live reply."""
    previous: str = ""
    """What was heard of the reply before."""

    voiced: bool = False
    """The caller is making sound."""
    started: float = 0.0
    """First voiced sample of the present sound, or of the turn while words wait."""
    sounding_since: float = 0.0
    """First voiced sample of the latest sound."""
    sounding_until: float = 0.0
    """Last voiced sample of the latest sound, once it is over."""
    probability: float = 1.0
    silent_since: float = 0.0
    """Last voiced sample, or the end of words that no voice detector noticed."""
    words: tuple[Transcript, ...] = ()
    """Settled words that no reply has been made for."""
    interim: Transcript | None = None
    """Words that the recogniser may still change."""
    taken: Transcript | None = None
    """Interim words that were answered; what settles them later is not new."""
    end_of_turn: bool | None = None
    """The recogniser's verdict on this pause."""
    eager: Eager | None = None
    """A reply to the waiting words that nobody hears until the turn is complete."""
    eager_starts: int = 0
    """Eager replies since the last reply was over."""
    settling: bool = False
    """The pause is over but for words that have not settled."""
    question: int = 0
    """How often the endpointer was asked; the number of its latest question."""
    expecting: Expectation = ANYTHING
    """What the agent has asked the caller for."""
    expected: Expectation = ANYTHING
    """What it had asked for when the turn that is being answered was spoken."""
    rhythm: Rhythm = UNKNOWN
    """How long this caller pauses within a turn."""
    judged: Judgement | None = None
    """What a policy was asked last."""

    shielded: bool = False
    """A protected segment of the live reply is not heard yet."""
    held_since: float | None = None
    """When the live reply was ducked or held."""
    wanted: tuple[Cause, ...] = ()
    """What the application (or a failure) wants said when the floor is free."""
    ending: EndWanted | None = None
    nudges: int = 0
    """Idle prompts given since the caller last spoke."""
    unheard: int = 0
    """Voices in a row of which no word came."""
    sounded: float = 0.0
    """Seconds of the longest voice since the latest words or reply."""
    failures: int = 0
    """Replies failed since one was heard."""

    @property
    def text(self) -> str:
        """The words that wait, interim ones included."""
        pieces = [word.text.strip() for word in self.words]
        if self.interim is not None:
            pieces.append(self.interim.text.strip())
        return " ".join(piece for piece in pieces if piece)

    def is_rambling(self, at: float, longest: float) -> bool:
        """Whether the caller's turn has lasted so many seconds, pauses included, and has words to answer."""
        return bool(self.text) and at >= self.started + longest

    @property
    def protected(self) -> bool:
        """The live reply may not be interrupted."""
        return (
            self.shielded
            or self.ending is not None
            or not getattr(self.cause, "interruptible", True)
        )

    def utterance(self) -> Utterance:
        """The waiting words as one turn of the caller."""
        spans = [*self.words, *([self.interim] if self.interim is not None else [])]
        return Utterance(
            self.text, self.started, max(self.silent_since, self.started), tuple(spans)
        )


if TYPE_CHECKING:
    from attrs import evolve
else:

    def evolve(state: TurnState, **changes: object) -> TurnState:
        """A copy with these changes; a type checker sees attrs' own, which takes six times as long."""
        changed = object.__new__(TurnState)
        values = changed.__dict__
        values.update(state.__dict__)
        values.update(changes)
        return changed
