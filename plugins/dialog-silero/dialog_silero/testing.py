"""The conformance kits of the model, at both rates, and of the two policies."""

from __future__ import annotations

from dialog_core.testing.contracts import (
    BargeInAbility,
    BargeInKit,
    EndpointerKit,
    VadAbility,
    VadKit,
)

__all__ = ["kits"]

TOLERANCE = 1e-4
"""The runtime sums in another order when a batch has another size."""


def kits() -> tuple[VadKit, VadKit, EndpointerKit, BargeInKit]:
    """One for each component, and for each rate."""
    noise = frozenset({VadAbility.NOISE})
    words = frozenset({BargeInAbility.YIELDS, BargeInAbility.WORDS})
    return (
        VadKit("silero", {"rate": 8000}, noise, TOLERANCE, variant="8000"),
        VadKit("silero", {"rate": 16000}, noise, TOLERANCE, variant="16000"),
        EndpointerKit("silero"),
        BargeInKit("silero", abilities=words),
    )
