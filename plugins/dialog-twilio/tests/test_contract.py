from __future__ import annotations

from dialog_twilio.testing import kits

from dialog_core.testing.contracts.voip import VoipContract


class TestTwilio(VoipContract):
    kit = kits()[0]
