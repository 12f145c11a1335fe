"""The core's own policies and detector keep the contracts of their kinds."""

from __future__ import annotations

from dialog_core.testing.contracts import BargeInContract, EndpointerContract, VadContract
from dialog_core.testing.contracts.policy_kit import (
    BargeInAbility,
    BargeInKit,
    EndpointerAbility,
    EndpointerKit,
    VadKit,
)


class TestAcoustic(EndpointerContract):
    kit = EndpointerKit("acoustic")


class TestHeuristic(EndpointerContract):
    kit = EndpointerKit("heuristic", abilities=frozenset({EndpointerAbility.WORDS}))


class TestProvider(EndpointerContract):
    kit = EndpointerKit("provider", abilities=frozenset({EndpointerAbility.VERDICT}))


class TestHardCut(BargeInContract):
    kit = BargeInKit("hard-cut")


class TestSoftFade(BargeInContract):
    kit = BargeInKit(
        "soft-fade", abilities=frozenset({BargeInAbility.YIELDS, BargeInAbility.DUCKS})
    )


class TestDisabled(BargeInContract):
    kit = BargeInKit("disabled", abilities=frozenset())


class TestEnergy(VadContract):
    kit = VadKit("energy")
