"""Speech on this machine, with no account: a recogniser, a voice, and a scripted agent to try them with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dialog_core.factory import Factory, Services
from dialog_core.hookspecs import hookimpl
from dialog_local.models import MOONSHINE
from dialog_local.settings import BookingSettings, SttSettings, TtsSettings

if TYPE_CHECKING:
    from dialog_core.agent.agent import Agent
    from dialog_core.models import ModelSet
    from dialog_core.protocols import SpeechToText, TextToSpeech

__all__ = ["dialog_agent", "dialog_models", "dialog_stt", "dialog_tts"]


def build_stt(settings: SttSettings, services: Services) -> SpeechToText:
    """Make a call's recogniser."""
    from dialog_local.stt import LocalSpeechToText  # noqa: PLC0415 - onnxruntime only where used

    return LocalSpeechToText(settings, services)


async def warm_stt(settings: SttSettings, services: Services) -> None:
    """Load the recogniser's model. Raises: SettingsError if its files are missing."""
    from dialog_local.stt import LocalSpeechToText  # noqa: PLC0415 - onnxruntime only where used

    await LocalSpeechToText(settings, services).warm()


def build_tts(settings: TtsSettings, services: Services) -> TextToSpeech:
    """Make a call's voice."""
    from dialog_local.tts import LocalTextToSpeech  # noqa: PLC0415 - onnxruntime only where used

    return LocalTextToSpeech(settings, services)


async def warm_tts(settings: TtsSettings, services: Services) -> None:
    """Load the voice. Raises: SettingsError if its file is missing."""
    from dialog_local.tts import LocalTextToSpeech  # noqa: PLC0415 - onnxruntime only where used

    await LocalTextToSpeech(settings, services).warm()


def build_booking(settings: BookingSettings, services: Services) -> Agent:
    """Make a call's booking agent."""
    from dialog_local.booking.agent import BookingAgent  # noqa: PLC0415 - only where used

    return BookingAgent(settings, services.clock)


@hookimpl
def dialog_stt() -> Iterable[Factory[SttSettings, SpeechToText]]:
    """Moonshine tiny, English."""
    return (Factory("local", SttSettings, build_stt, warm_stt),)


@hookimpl
def dialog_tts() -> Iterable[Factory[TtsSettings, TextToSpeech]]:
    """Hibari, English."""
    return (Factory("local", TtsSettings, build_tts, warm_tts),)


@hookimpl
def dialog_agent() -> Iterable[Factory[BookingSettings, Agent]]:
    """A scripted agent that books an appointment."""
    return (Factory("booking", BookingSettings, build_booking),)


@hookimpl
def dialog_models() -> Iterable[ModelSet]:
    """Moonshine's files; the voice comes with the package."""
    return (MOONSHINE,)
