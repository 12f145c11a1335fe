"""Acme's model keeps the contract of all language models."""

from __future__ import annotations

from dialog_acme_llm.testing import kits

from dialog_core.testing.contracts import LlmContract


class TestAcme(LlmContract):
    kit = kits()[0]
