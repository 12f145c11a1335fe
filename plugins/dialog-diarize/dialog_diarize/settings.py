"""What may be set of the diarizer."""

from __future__ import annotations

from typing import Any

import attrs

from dialog_core.fields import setting

__all__ = ["DiarizeSettings"]


def not_above_same(instance: Any, _attribute: attrs.Attribute[Any], different: float) -> None:
    """Refuse a border for different voices above the one for the same voice."""
    if different > instance.same:
        raise ValueError(f"must be at most same ({instance.same}), not {different}")


@attrs.frozen
class DiarizeSettings:
    """When two stretches of speech are of one voice."""

    same: float = setting(
        default=0.55,
        unit="0..1",
        at_least=0,
        at_most=1,
        help="likeness from which a voice is one that was heard before",
    )
    different: float = setting(
        default=0.45,
        unit="0..1",
        at_least=0,
        at_most=1,
        check=not_above_same,
        help="likeness up to which a voice is a new one; in between it is not labelled",
    )
    speakers: int = setting(
        default=4, at_least=1, at_most=32, help="voices that are told apart in a call"
    )
    shortest: float = setting(
        default=0.8,
        unit="s",
        at_least=0.2,
        at_most=10,
        help="speech without which a stretch is not labelled",
    )
    enough: float = setting(
        default=1.5,
        unit="s",
        at_least=0.2,
        at_most=10,
        help="speech that a voice must have to be taken for a new one",
    )
    longest: float = setting(
        default=6.0,
        unit="s",
        at_least=1,
        at_most=20,
        help="audio of a stretch that is listened to, its end; more costs more and tells little",
    )
    at_once: int = setting(
        default=1,
        at_least=1,
        at_most=64,
        help="stretches that the process listens to at the same time, each on a processor core",
    )
    threads: int = setting(default=1, at_least=1, at_most=16, help="threads for one stretch")
    folder: str = setting(
        default="",
        help="folder with the model's weights; empty for what `dialogctl models fetch` put there",
    )
