"""Speaker labels from a voice model on this machine, filled into the history after each turn."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dialog_core.factory import Factory, Services
from dialog_core.hookspecs import hookimpl
from dialog_diarize.files import CAMPPLUS
from dialog_diarize.settings import DiarizeSettings

if TYPE_CHECKING:
    from dialog_core.models import ModelSet
    from dialog_core.protocols import Diarizer
    from dialog_diarize.diarizer import VoiceDiarizer

__all__ = ["dialog_diarizer", "dialog_models"]


def build(settings: DiarizeSettings, services: Services) -> VoiceDiarizer:
    """Make a call's diarizer."""
    from dialog_diarize.diarizer import VoiceDiarizer  # noqa: PLC0415 - numpy and onnx only where used

    return VoiceDiarizer(settings, services)


async def warm(settings: DiarizeSettings, services: Services) -> None:
    """Load the network. Raises: SettingsError if its weights are missing, PluginError if they are broken."""
    await build(settings, services).warm()


@hookimpl
def dialog_diarizer() -> Iterable[Factory[DiarizeSettings, Diarizer]]:
    """CAM++, for Chinese and English voices."""
    return (Factory("diarize", DiarizeSettings, build, warm),)


@hookimpl
def dialog_models() -> Iterable[ModelSet]:
    """The network's weights."""
    return (CAMPPLUS,)
