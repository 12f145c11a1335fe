from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from dialog_core.factory import Factory, Services
from dialog_core.hookspecs import hookimpl
from dialog_core.line import Ability
from dialog_telnyx.settings import TelnyxSettings

if TYPE_CHECKING:
    from dialog_core.protocols import VoIP

__all__ = ["TelnyxSettings", "dialog_voip"]


def build(settings: TelnyxSettings, services: Services) -> VoIP:
    """Make the way in for one agent's calls."""
    from dialog_telnyx.session import TelnyxVoIP  # noqa: PLC0415 - the server stack, only when used

    return TelnyxVoIP(settings, services)


@hookimpl
def dialog_voip() -> Iterable[Factory[Any, VoIP]]:
    """Calls to and from Telnyx numbers."""
    return (Factory("telnyx", TelnyxSettings, build, abilities=frozenset(Ability.ALL)),)
