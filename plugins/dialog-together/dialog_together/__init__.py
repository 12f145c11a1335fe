"""Together AI for dialog: realtime speech-to-text and text-to-speech."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from dialog_core.factory import Factory, Services
from dialog_core.hookspecs import hookimpl
from dialog_together.settings import TogetherSttSettings, TogetherTtsSettings

if TYPE_CHECKING:
    from dialog_core.protocols import SpeechToText, TextToSpeech

__all__ = ["dialog_stt", "dialog_tts"]


def build_stt(settings: TogetherSttSettings, services: Services) -> SpeechToText:
    """One call's speech-to-text."""
    from dialog_together.listen import TogetherListener  # noqa: PLC0415 - keep start-up light

    return TogetherListener(settings, services)


def build_tts(settings: TogetherTtsSettings, services: Services) -> TextToSpeech:
    """One call's text-to-speech."""
    from dialog_together.speak import TogetherSpeaker  # noqa: PLC0415 - keep start-up light

    return TogetherSpeaker(settings, services)


@hookimpl
def dialog_stt() -> Iterable[Factory[Any, SpeechToText]]:
    """Together's realtime transcription, under the name ``together``."""
    return (Factory("together", TogetherSttSettings, build_stt),)


@hookimpl
def dialog_tts() -> Iterable[Factory[Any, TextToSpeech]]:
    """Together's speech socket, under the name ``together``."""
    return (Factory("together", TogetherTtsSettings, build_tts),)
