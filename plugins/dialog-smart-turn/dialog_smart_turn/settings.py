"""What may be set of the endpointer."""

from __future__ import annotations

from typing import Any

import attrs

from dialog_core.fields import setting
from dialog_core.language import primary

__all__ = ["SmartTurnSettings"]


def not_below_shortest(instance: Any, _attribute: attrs.Attribute[Any], longest: float) -> None:
    """Refuse a longest wait that is shorter than the shortest."""
    if longest < instance.shortest:
        raise ValueError(f"must be at least shortest ({instance.shortest}), not {longest}")


@attrs.frozen
class SmartTurnSettings:
    """When the `smart-turn` endpointer takes the caller's turn for finished."""

    threshold: float = setting(
        default=0.5,
        unit="0..1",
        above=0,
        at_most=1,
        help="probability from which a voice counts as finished",
    )
    shortest: float = setting(
        default=0.4,
        unit="s",
        above=0,
        at_most=10,
        help="silence that ends a turn when the voice has finished",
    )
    longest: float = setting(
        default=2.0,
        unit="s",
        above=0,
        at_most=10,
        check=not_below_shortest,
        help="silence that ends a turn when the voice surely goes on; in between by probability",
    )
    deadline: float = setting(
        default=0.4,
        unit="s",
        above=0,
        at_most=2,
        help="longest that a judgement may take; then the words alone decide",
    )
    at_once: int = setting(
        default=1,
        at_least=1,
        at_most=64,
        help="judgements made at the same time by the process; each keeps a processor core busy for some 50 ms",
    )
    threads: int = setting(default=1, at_least=1, at_most=16, help="threads for one judgement")
    folder: str = setting(
        default="",
        help="folder with the model's file; empty for what `dialogctl models fetch` put there",
    )
    finished: float = setting(
        default=0.5,
        unit="s",
        above=0,
        at_most=10,
        help="silence after words that look complete, where the model is late",
    )
    unsure: float = setting(
        default=0.8,
        unit="s",
        above=0,
        at_most=10,
        help="silence after words that tell nothing, where the model is late",
    )
    unfinished: float = setting(
        default=1.5,
        unit="s",
        above=0,
        at_most=10,
        help="silence after a conjunction, article, filler or comma; if longer than `unsure`, the model is not asked",
    )
    number: float = setting(
        default=1.2,
        unit="s",
        above=0,
        at_most=10,
        help="silence while a number may be going on; if longer than `unsure`, the model is not asked",
    )
    answered: float = setting(
        default=0.35,
        unit="s",
        above=0,
        at_most=10,
        help="silence after a whole answer of the kind asked for; if not above `shortest`, the model is not asked",
    )
    dictating: float = setting(
        default=2.0,
        unit="s",
        above=0,
        at_most=10,
        help="silence within such an answer; if longer than `unsure`, the model is not asked",
    )
    language: str | None = setting(
        default=None, spoken=primary, help="ISO 639-1 code of the language whose words it knows"
    )
