"""The core's own policies and detector keep the contracts of their kinds."""

from __future__ import annotations

from dialog_core.policies.kits import kits
from dialog_core.testing.contracts import BargeInContract, EndpointerContract, VadContract

(
    ACOUSTIC, HEURISTIC, ADAPTIVE, PROVIDER,
    HARD_CUT, SOFT_FADE, DISABLED, MIN_WORDS, BACKCHANNEL,
    ENERGY,
) = kits()  # fmt: skip


class TestAcoustic(EndpointerContract):
    kit = ACOUSTIC


class TestHeuristic(EndpointerContract):
    kit = HEURISTIC


class TestAdaptive(EndpointerContract):
    kit = ADAPTIVE


class TestProvider(EndpointerContract):
    kit = PROVIDER


class TestHardCut(BargeInContract):
    kit = HARD_CUT


class TestSoftFade(BargeInContract):
    kit = SOFT_FADE


class TestDisabled(BargeInContract):
    kit = DISABLED


class TestMinWords(BargeInContract):
    kit = MIN_WORDS


class TestBackchannel(BargeInContract):
    kit = BACKCHANNEL


class TestEnergy(VadContract):
    kit = ENERGY
