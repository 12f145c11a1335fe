"""Acme's live speech-to-text for dialog."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dialog_acme_stt.settings import AcmeSettings
from dialog_core import Factory, Services, hookimpl

if TYPE_CHECKING:
    from dialog_core.protocols import SpeechToText

__all__ = ["dialog_stt"]


def build(settings: AcmeSettings, services: Services) -> SpeechToText:
    """Make one for a call; what it needs is imported only now."""
    from dialog_acme_stt.session import Acme  # noqa: PLC0415 - listing plugins must stay quick

    return Acme(settings, services)


@hookimpl
def dialog_stt() -> Iterable[Factory[AcmeSettings, SpeechToText]]:
    """The recogniser, under the name that a settings file writes."""
    return (Factory("acme-stt", AcmeSettings, build),)
