from __future__ import annotations

from dialog_openai.kits import kits

from dialog_core.testing.contracts import LlmContract


class TestChat(LlmContract):
    kit = kits()[0]
