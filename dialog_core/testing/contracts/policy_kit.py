"""What a plugin brings to have its policies and its voice detector tested."""

from __future__ import annotations

import enum
from typing import ClassVar

import attrs

from dialog_core.testing.contracts.kit import Table

__all__ = [
    "BargeInAbility",
    "BargeInKit",
    "EndpointerAbility",
    "EndpointerKit",
    "VadAbility",
    "VadKit",
]


class EndpointerAbility(enum.Enum):
    """What an endpointer may be able to do."""

    WORDS = "words"
    """What was said changes how long it waits."""
    VERDICT = "verdict"
    """It believes a recogniser that is sure of a turn's end."""
    THINKS = "thinks"
    """It may ask for time, and then answers later."""


@attrs.frozen(eq=False)
class EndpointerKit:
    """An endpointer to be tested."""

    name: str
    table: Table = attrs.field(factory=dict)
    abilities: frozenset[EndpointerAbility] = frozenset()
    longest: float = 5.0
    """Seconds of silence that it never waits beyond."""
    variant: str = ""
    kind: ClassVar[str] = "endpointer"


class BargeInAbility(enum.Enum):
    """What a barge-in policy may be able to do."""

    YIELDS = "yields"
    """A caller who goes on speaking gets the floor."""
    DUCKS = "ducks"
    """It may fade or hold the reply while it makes up its mind."""
    WORDS = "words"
    """What the caller says changes its mind."""


@attrs.frozen(eq=False)
class BargeInKit:
    """A barge-in policy to be tested."""

    name: str
    table: Table = attrs.field(factory=dict)
    abilities: frozenset[BargeInAbility] = frozenset({BargeInAbility.YIELDS})
    longest: float = 5.0
    """Seconds for which a sure voice must speak at most until it has the floor; for YIELDS."""
    variant: str = ""
    kind: ClassVar[str] = "barge_in"


class VadAbility(enum.Enum):
    """What a voice detector may be able to do."""

    NOISE = "noise"
    """Steady noise as loud as speech is not taken for speech, from the first second on."""


@attrs.frozen(eq=False)
class VadKit:
    """A voice detector to be tested."""

    name: str
    table: Table = attrs.field(factory=dict)
    abilities: frozenset[VadAbility] = frozenset()
    tolerance: float = 0.0
    """By which a probability may differ when the same window is judged in another batch."""
    milliseconds: float = 20.0
    """Of processor time that a second of audio may cost in a batch of 32."""
    variant: str = ""
    kind: ClassVar[str] = "vad"
