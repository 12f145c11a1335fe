"""Silero voice activity detection: the model, and an endpointer and a barge-in policy tuned to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dialog_core.factory import Factory, Services
from dialog_core.hookspecs import hookimpl
from dialog_silero.policies import (
    BargeInSettings,
    EndpointerSettings,
    SileroBargeIn,
    SileroEndpointer,
)
from dialog_silero.settings import SileroSettings

if TYPE_CHECKING:
    from dialog_silero.model import Silero

__all__ = ["dialog_barge_in", "dialog_endpointer", "dialog_vad"]


def _model(settings: SileroSettings, _services: Services) -> Silero:
    from dialog_silero.model import Silero  # noqa: PLC0415 - numpy and the runtime load when needed

    return Silero.of(settings)


async def _warm(settings: SileroSettings, services: Services) -> None:
    from anyio import to_thread  # noqa: PLC0415 - as above

    await to_thread.run_sync(_model(settings, services).warm)


@hookimpl
def dialog_vad() -> tuple[Factory[SileroSettings, Silero], ...]:
    """The model."""
    return (Factory("silero", SileroSettings, _model, _warm),)


@hookimpl
def dialog_endpointer() -> tuple[Factory[EndpointerSettings, SileroEndpointer], ...]:
    """Silence ends the turn."""
    return (Factory("silero", EndpointerSettings, lambda settings, _: SileroEndpointer(settings)),)


@hookimpl
def dialog_barge_in() -> tuple[Factory[BargeInSettings, SileroBargeIn], ...]:
    """A sure voice interrupts."""
    return (Factory("silero", BargeInSettings, lambda settings, _: SileroBargeIn(settings)),)
