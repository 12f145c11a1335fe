from __future__ import annotations

from typing import Any

from dialog_openai.kits import kits

from dialog_core.testing.contracts import LlmContract, SttContract, TtsContract

KITS: dict[str, Any] = {f"{kit.kind} {kit.variant}": kit for kit in kits()}


class TestChat(LlmContract):
    kit = KITS["llm chat"]


class TestResponses(LlmContract):
    kit = KITS["llm responses"]


class TestRealtimeCutByTheLine(SttContract):
    kit = KITS["stt line"]


class TestRealtimeCutByItsOwnSilence(SttContract):
    kit = KITS["stt server"]


class TestRealtimeCutByMeaning(SttContract):
    kit = KITS["stt semantic"]


class TestRealtimeWhileTheySpeak(SttContract):
    kit = KITS["stt live"]


class TestUploadsStreamed(SttContract):
    kit = KITS["stt streamed"]


class TestUploadsToWhisper(SttContract):
    kit = KITS["stt whisper"]


class TestSpeech(TtsContract):
    kit = KITS["tts "]
