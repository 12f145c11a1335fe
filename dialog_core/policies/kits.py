"""The conformance kits of the core's own policies and detector."""

from __future__ import annotations

from dialog_core.testing.contracts.policy_kit import (
    BargeInAbility,
    BargeInKit,
    EndpointerAbility,
    EndpointerKit,
    VadKit,
)

__all__ = ["kits"]


Endpointers = tuple[EndpointerKit, EndpointerKit, EndpointerKit, EndpointerKit]
BargeIns = tuple[BargeInKit, BargeInKit, BargeInKit, BargeInKit, BargeInKit]


def kits() -> tuple[*Endpointers, *BargeIns, VadKit]:
    """One for each component."""
    worded = frozenset({BargeInAbility.YIELDS, BargeInAbility.WORDS})
    fades = frozenset({BargeInAbility.YIELDS, BargeInAbility.DUCKS})
    return (
        EndpointerKit("acoustic"),
        EndpointerKit("heuristic", abilities=frozenset({EndpointerAbility.WORDS})),
        EndpointerKit("adaptive"),
        EndpointerKit("provider", abilities=frozenset({EndpointerAbility.VERDICT})),
        BargeInKit("hard-cut"),
        BargeInKit("soft-fade", abilities=fades),
        BargeInKit("disabled", abilities=frozenset()),
        BargeInKit("min-words", abilities=worded),
        BargeInKit("backchannel", abilities=worded),
        VadKit("energy"),
    )
