"""Acme's voices keep the contract of all voices."""

from __future__ import annotations

from dialog_acme_tts.kits import kits

from dialog_core.testing.contracts import TtsContract


class TestAcme(TtsContract):
    kit = kits()[0]
