"""Calls from a web page: the door that a newcomer opens first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from dialog_browser.settings import BrowserSettings
from dialog_core.factory import Factory, Services
from dialog_core.hookspecs import hookimpl
from dialog_core.line import Ability

if TYPE_CHECKING:
    from dialog_core.protocols import VoIP

__all__ = ["BrowserSettings", "dialog_voip"]


def build(settings: BrowserSettings, services: Services) -> VoIP:
    """Make the way in for one agent's calls."""
    from dialog_browser.session import BrowserVoIP  # noqa: PLC0415 - the server stack, only when used

    return BrowserVoIP(settings, services)


@hookimpl
def dialog_voip() -> Iterable[Factory[Any, VoIP]]:
    """Calls from a web page."""
    abilities = frozenset({Ability.KEYPRESS})
    return (Factory("browser", BrowserSettings, build, abilities=abilities),)
