from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from dialog_core.factory import Factory, Services
from dialog_core.hookspecs import hookimpl
from dialog_core.line import Ability
from dialog_twilio.settings import TwilioSettings

if TYPE_CHECKING:
    from dialog_core.protocols import VoIP

__all__ = ["TwilioSettings", "dialog_voip"]


def build(settings: TwilioSettings, services: Services) -> VoIP:
    """Make the way in for one agent's calls."""
    from dialog_twilio.session import TwilioVoIP  # noqa: PLC0415 - the server stack, only when used

    return TwilioVoIP(settings, services)


@hookimpl
def dialog_voip() -> Iterable[Factory[Any, VoIP]]:
    """Calls to Twilio numbers."""
    return (Factory("twilio", TwilioSettings, build, abilities=frozenset(Ability.ALL)),)
