"""AssemblyAI for dialog: live speech-to-text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dialog_core import Factory, Services, hookimpl

from dialog_assemblyai.settings import AssemblyAISettings

if TYPE_CHECKING:
    from dialog_core.protocols import SpeechToText

__all__ = ["dialog_stt"]


def build(settings: AssemblyAISettings, services: Services) -> SpeechToText:
    """Make one for a call; what it needs is imported only now."""
    from dialog_assemblyai.session import AssemblyAI  # noqa: PLC0415 - listing plugins must stay quick

    return AssemblyAI(settings, services)


@hookimpl
def dialog_stt() -> Iterable[Factory[AssemblyAISettings, SpeechToText]]:
    """The recogniser, under the name that a settings file writes."""
    return (Factory("assemblyai", AssemblyAISettings, build, contract=">=1.0,<2"),)
