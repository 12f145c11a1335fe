from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from dialog_core.factory import Factory, Services
from dialog_core.hookspecs import hookimpl
from dialog_core.line import Ability
from dialog_plivo.settings import PlivoSettings

if TYPE_CHECKING:
    from dialog_core.protocols import VoIP

__all__ = ["PlivoSettings", "dialog_voip"]


def build(settings: PlivoSettings, services: Services) -> VoIP:
    """Make the way in for one agent's calls."""
    from dialog_plivo.session import PlivoVoIP  # noqa: PLC0415 - the server stack, only when used

    return PlivoVoIP(settings, services)


@hookimpl
def dialog_voip() -> Iterable[Factory[Any, VoIP]]:
    """Calls to and from Plivo numbers."""
    abilities = frozenset(Ability.ALL) - {Ability.TRANSCRIBE}
    return (Factory("plivo", PlivoSettings, build, abilities=abilities),)
