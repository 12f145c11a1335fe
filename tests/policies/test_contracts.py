"""The core's own policies and detector keep the contracts of their kinds."""

from __future__ import annotations

from dialog_core.policies.kits import kits
from dialog_core.testing.contracts import BargeInContract, EndpointerContract, VadContract

ACOUSTIC, HEURISTIC, PROVIDER, HARD_CUT, SOFT_FADE, DISABLED, ENERGY = kits()


class TestAcoustic(EndpointerContract):
    kit = ACOUSTIC


class TestHeuristic(EndpointerContract):
    kit = HEURISTIC


class TestProvider(EndpointerContract):
    kit = PROVIDER


class TestHardCut(BargeInContract):
    kit = HARD_CUT


class TestSoftFade(BargeInContract):
    kit = SOFT_FADE


class TestDisabled(BargeInContract):
    kit = DISABLED


class TestEnergy(VadContract):
    kit = ENERGY
