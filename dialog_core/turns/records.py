"""What became true and stays so: the entries that history, observers and tests are made of.

Every started reply ends in exactly one of `Said`, `BargeIn`, `TakenBack` and `BrokenOff`; `heard` is what the caller
got of it, never what was generated.
"""

from __future__ import annotations

import attrs

from dialog_core.messages import Utterance

__all__ = [
    "Backchannel",
    "BargeIn",
    "BrokenOff",
    "NothingHeard",
    "Record",
    "Said",
    "TakenBack",
    "TurnComplete",
]


@attrs.frozen
class TurnComplete:
    """The caller finished a turn. A reply to it follows, unless the call ends."""

    at: float
    utterance: Utterance


@attrs.frozen
class NothingHeard:
    """The caller had the floor and said nothing that could be made out."""

    at: float


@attrs.frozen
class Said:
    """A reply was heard to its end."""

    at: float
    reply: int
    heard: str


@attrs.frozen
class BargeIn:
    """The caller interrupted a reply."""

    at: float
    reply: int
    heard: str


@attrs.frozen
class Backchannel:
    """The caller said something under a reply that asks for no answer, such as "mhm"."""

    at: float
    reply: int
    utterance: Utterance


@attrs.frozen
class TakenBack:
    """A reply was dropped before any of it sounded, because the caller went on; its turn is open again."""

    at: float
    reply: int


@attrs.frozen
class BrokenOff:
    """A reply ended early: a provider failed, or the line went."""

    at: float
    reply: int
    heard: str
    error: str


Record = TurnComplete | NothingHeard | Said | BargeIn | Backchannel | TakenBack | BrokenOff
