"""An endpointer that hears whether the caller has finished: the smart-turn model, run on this machine."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dialog_core.factory import Factory, Services
from dialog_core.hookspecs import hookimpl
from dialog_smart_turn.files import SMART_TURN
from dialog_smart_turn.settings import SmartTurnSettings

if TYPE_CHECKING:
    from dialog_core.models import ModelSet
    from dialog_core.protocols import Endpointer
    from dialog_smart_turn.endpointer import SmartTurn

__all__ = ["dialog_endpointer", "dialog_models"]


def build(settings: SmartTurnSettings, services: Services) -> SmartTurn:
    """Make a call's endpointer."""
    from dialog_smart_turn.endpointer import SmartTurn  # noqa: PLC0415 - numpy only where used

    return SmartTurn(settings, services)


async def warm(settings: SmartTurnSettings, services: Services) -> None:
    """Load the model. Raises: SettingsError if its file is missing, PluginError if it is broken."""
    await build(settings, services).warm()


@hookimpl
def dialog_endpointer() -> Iterable[Factory[SmartTurnSettings, Endpointer]]:
    """The model with the last-word rule."""
    return (Factory("smart-turn", SmartTurnSettings, build, warm),)


@hookimpl
def dialog_models() -> Iterable[ModelSet]:
    """The model's file."""
    return (SMART_TURN,)
