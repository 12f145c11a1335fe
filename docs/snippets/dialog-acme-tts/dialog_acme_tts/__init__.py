"""Acme's voices for dialog."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dialog_acme_tts.settings import AcmeSettings
from dialog_core import Factory, Services, hookimpl

if TYPE_CHECKING:
    from dialog_core.protocols import TextToSpeech

__all__ = ["dialog_tts"]


def build(settings: AcmeSettings, services: Services) -> TextToSpeech:
    """Make one for a call; what it needs is imported only now."""
    from dialog_acme_tts.session import Acme  # noqa: PLC0415 - listing plugins must stay quick

    return Acme(settings, services)


@hookimpl
def dialog_tts() -> Iterable[Factory[AcmeSettings, TextToSpeech]]:
    """The voices, under the name that a settings file writes."""
    return (Factory("acme-tts", AcmeSettings, build),)
