"""OpenAI for dialog: language models, speech-to-text in two forms and text-to-speech, also of compatible servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dialog_core.factory import Factory, Services
from dialog_core.hookspecs import hookimpl
from dialog_openai.realtime.settings import RealtimeSettings
from dialog_openai.settings import OpenAISettings
from dialog_openai.speech.settings import SpeechSettings
from dialog_openai.transcribe.settings import TranscribeSettings

if TYPE_CHECKING:
    from dialog_core.protocols import LanguageModel, SpeechToText, TextToSpeech

__all__ = ["OpenAISettings", "dialog_llm", "dialog_stt", "dialog_tts"]


def build(settings: OpenAISettings, services: Services) -> LanguageModel:
    """Make the model of one call."""
    from dialog_openai.session import OpenAIModel  # noqa: PLC0415 - the HTTP stack loads with use

    return OpenAIModel(settings, services)


def build_realtime(settings: RealtimeSettings, services: Services) -> SpeechToText:
    """Make one call's recogniser over a socket."""
    from dialog_openai.realtime.session import (  # noqa: PLC0415 - loads with use
        RealtimeTranscription,
    )

    return RealtimeTranscription(settings, services)


def build_transcribe(settings: TranscribeSettings, services: Services) -> SpeechToText:
    """Make one call's recogniser that uploads phrases."""
    from dialog_openai.transcribe.session import Transcription  # noqa: PLC0415 - loads with use

    return Transcription(settings, services)


def build_speech(settings: SpeechSettings, services: Services) -> TextToSpeech:
    """Make one call's voice."""
    from dialog_openai.speech.session import OpenAISpeech  # noqa: PLC0415 - loads with use

    return OpenAISpeech(settings, services)


@hookimpl
def dialog_llm() -> tuple[Factory[OpenAISettings, LanguageModel], ...]:
    """The language model `openai`."""
    return (Factory("openai", OpenAISettings, build),)


@hookimpl
def dialog_stt() -> tuple[Factory[Any, SpeechToText], ...]:
    """`openai`, over Realtime transcription sessions, and `openai:transcribe`, by uploading phrases."""
    return (
        Factory("openai", RealtimeSettings, build_realtime),
        Factory("transcribe", TranscribeSettings, build_transcribe),
    )


@hookimpl
def dialog_tts() -> tuple[Factory[SpeechSettings, TextToSpeech], ...]:
    """The voice `openai`."""
    return (Factory("openai", SpeechSettings, build_speech),)
