"""Acme's recogniser keeps the contract of all recognisers."""

from __future__ import annotations

from dialog_acme_stt.kits import kits

from dialog_core.testing.contracts import SttContract


class TestAcme(SttContract):
    kit = kits()[0]
