from __future__ import annotations

from dialog_deepgram.kits import kits

from dialog_core.testing.contracts import SttContract

NOVA, FLUX = kits()


class TestNova(SttContract):
    kit = NOVA


class TestFlux(SttContract):
    kit = FLUX
