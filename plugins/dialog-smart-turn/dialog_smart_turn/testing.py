"""The conformance kit of the endpointer."""

from __future__ import annotations

from dialog_core.testing.contracts import EndpointerAbility, EndpointerKit

__all__ = ["kits"]


def kits() -> tuple[EndpointerKit]:
    """Without its model: what counts is that it answers all the same. The model is tested on speech."""
    abilities = frozenset({EndpointerAbility.WORDS, EndpointerAbility.THINKS})
    return (EndpointerKit("smart-turn", abilities=abilities),)
