"""Cartesia text-to-speech for dialog."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from dialog_cartesia.settings import CartesiaSettings
from dialog_core.factory import Factory, Services
from dialog_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from dialog_core.protocols import TextToSpeech

__all__ = ["dialog_tts"]


def build(settings: CartesiaSettings, services: Services) -> TextToSpeech:
    """One call's text-to-speech."""
    from dialog_cartesia.session import Cartesia  # noqa: PLC0415 - keep start-up light

    return Cartesia(settings, services)


async def warm(settings: CartesiaSettings, services: Services) -> None:
    """Open the process's socket before the first call. Raises: ProviderError."""
    from dialog_cartesia.pool import shared_pool  # noqa: PLC0415 - keep start-up light

    await (await shared_pool(settings, services)).link()


@hookimpl
def dialog_tts() -> Iterable[Factory[Any, TextToSpeech]]:
    """Cartesia, under the name ``cartesia``."""
    return (Factory("cartesia", CartesiaSettings, build, warm),)
