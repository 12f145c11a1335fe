from __future__ import annotations

from dialog_plivo.testing import kits

from dialog_core.testing.contracts.voip import VoipContract


class TestPlivo(VoipContract):
    kit = kits()[0]
