"""Deepgram for dialog: live speech-to-text over v1 (Nova) and v2 (Flux)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dialog_core.factory import Factory, Services
from dialog_core.hookspecs import hookimpl
from dialog_deepgram.settings import DeepgramSettings

if TYPE_CHECKING:
    from dialog_core.protocols import SpeechToText

__all__ = ["dialog_stt"]


def build(settings: DeepgramSettings, services: Services) -> SpeechToText:
    """Make the component; its session stack is imported only now."""
    from dialog_deepgram.session import Deepgram  # noqa: PLC0415 - listing plugins must stay quick

    return Deepgram(settings, services)


@hookimpl
def dialog_stt() -> tuple[Factory[DeepgramSettings, SpeechToText], ...]:
    """Deepgram's live transcription."""
    return (Factory("deepgram", DeepgramSettings, build),)
