"""ElevenLabs text-to-speech for dialog."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from dialog_core.factory import Factory, Services
from dialog_core.hookspecs import hookimpl
from dialog_elevenlabs.settings import ElevenLabsSettings

if TYPE_CHECKING:
    from dialog_core.protocols import TextToSpeech

__all__ = ["dialog_tts"]


def build(settings: ElevenLabsSettings, services: Services) -> TextToSpeech:
    """One call's text-to-speech."""
    from dialog_elevenlabs.session import ElevenLabs  # noqa: PLC0415 - keep start-up light

    return ElevenLabs(settings, services)


async def warm(settings: ElevenLabsSettings, services: Services) -> None:
    """Open the process's socket before the first call, in a telephone's format. Raises: ProviderError."""
    from dialog_elevenlabs.session import ElevenLabs  # noqa: PLC0415 - keep start-up light

    await ElevenLabs(settings, services).warm()


@hookimpl
def dialog_tts() -> Iterable[Factory[Any, TextToSpeech]]:
    """ElevenLabs, under the name ``elevenlabs``."""
    return (Factory("elevenlabs", ElevenLabsSettings, build, warm),)
