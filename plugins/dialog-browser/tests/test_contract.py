from __future__ import annotations

from dialog_browser.testing import kits

from dialog_core.testing.contracts.voip import VoipContract


class TestBrowser(VoipContract):
    kit = kits()[0]
