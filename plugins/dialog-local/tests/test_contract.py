from __future__ import annotations

import pytest
from dialog_local.kits import kits

from dialog_core.testing.contracts import SttContract, TtsContract

STT, TTS = kits()


@pytest.mark.models
class TestRecogniser(SttContract):
    kit = STT


@pytest.mark.models
class TestVoice(TtsContract):
    kit = TTS
