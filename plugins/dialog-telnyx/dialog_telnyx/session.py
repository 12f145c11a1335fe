from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.routing import BaseRoute, Route, WebSocketRoute

from dialog_core.carriers.verbs import asking, check_callee, setup_steps
from dialog_core.factory import Services
from dialog_core.line import Ability
from dialog_core.protocols import FrontDoor
from dialog_telnyx.callbacks import Webhooks
from dialog_telnyx.calls import Calls
from dialog_telnyx.gate import Gate
from dialog_telnyx.line import ABILITIES
from dialog_telnyx.media import MediaSocket
from dialog_telnyx.rest import TelnyxRest
from dialog_telnyx.settings import TelnyxSettings
from dialog_telnyx.webhooks import pack_state

__all__ = ["TelnyxVoIP"]


class TelnyxVoIP:
    """Calls to and from Telnyx numbers, by Call Control; see :class:`dialog_core.protocols.VoIP`."""

    def __init__(self, settings: TelnyxSettings, services: Services) -> None:
        self._settings = settings
        self._services = services

    @property
    def abilities(self) -> frozenset[str]:
        """Placing calls wants a number to show."""
        return ABILITIES | ({Ability.OUTBOUND} if self._settings.dial_from else set())

    def routes(self, door: FrontDoor) -> Sequence[BaseRoute]:
        """Events find their call in the process that holds it."""
        settings, services = self._settings, self._services
        calls = Calls()
        media = MediaSocket(settings, services, door, calls)
        gate = Gate(settings, services.clock, services.observe)
        rest = TelnyxRest(settings, services)
        hooks = Webhooks(settings, services, door, gate, rest, calls, media.lines)
        return (
            Route("/webhook", hooks.take, methods=["POST"]),
            WebSocketRoute("/media/{ticket}", media),
        )

    def next_steps(self, base: str) -> Sequence[str]:
        """What to enter in Telnyx's portal."""
        return setup_steps(
            "Telnyx",
            base,
            f"In the Telnyx portal, set the webhook URL of your Call Control application to: {base}/webhook (API v2)",
            "Give a number to the application, and call the number",
            unsigned=self._settings.allow_unsigned,
        )

    async def dial(self, door: FrontDoor, number: str, metadata: Mapping[str, str]) -> str:
        """What we know of the call travels in its client state, so that any process can take it when it is answered.

        Source: Telnyx docs, "Dial".
        """
        settings = self._settings
        check_callee("telnyx", number, shown=settings.dial_from)
        body = {
            "connection_id": settings.connection_id,
            "to": number,
            "from": settings.dial_from,
            "timeout_secs": settings.dial_timeout,
            "client_state": pack_state(metadata),
            "webhook_url": door.url(None, "/webhook"),
            "webhook_url_method": "POST",
        }
        with asking("place a call"):
            return await TelnyxRest(settings, self._services).dial(body)
