from __future__ import annotations

from dialog_elevenlabs.kits import kits

from dialog_core.testing.contracts import TtsContract


class TestElevenLabs(TtsContract):
    kit = kits()[0]
