from __future__ import annotations

from dialog_cartesia.kits import kits

from dialog_core.testing.contracts import TtsContract


class TestCartesia(TtsContract):
    kit = kits()[0]
