from __future__ import annotations

from dialog_together.kits import kits

from dialog_core.testing.contracts import SttContract, TtsContract

MANUAL, SERVER_VAD, VOICE = kits()


class TestTogetherCommitted(SttContract):
    kit = MANUAL


class TestTogetherServerVad(SttContract):
    kit = SERVER_VAD


class TestTogetherVoice(TtsContract):
    kit = VOICE
