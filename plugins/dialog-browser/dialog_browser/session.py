from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from starlette.routing import BaseRoute, Route, WebSocketRoute

from dialog_browser.gate import Gate, is_loopback
from dialog_browser.line import ABILITIES, VOIP
from dialog_browser.pages import Pages
from dialog_browser.settings import BrowserSettings
from dialog_browser.socket import TalkSocket
from dialog_core.factory import Services
from dialog_core.line import Ability, cannot
from dialog_core.protocols import FrontDoor

__all__ = ["BrowserVoIP"]


class BrowserVoIP:
    """Calls from a web page; see :class:`dialog_core.protocols.VoIP`."""

    abilities = ABILITIES

    def __init__(self, settings: BrowserSettings, services: Services) -> None:
        self._settings = settings
        self._services = services

    def routes(self, door: FrontDoor) -> Sequence[BaseRoute]:
        gate = Gate(self._settings, door, self._services.clock, self._services.observe)
        pages = Pages(door, gate)
        talk = TalkSocket(self._settings, self._services, door, gate)
        return (
            Route("/", pages.page),
            Route("/ticket", pages.ticket, methods=["POST"]),
            WebSocketRoute("/talk/{ticket}", talk),
            Route("/{name}", pages.asset),
        )

    def next_steps(self, base: str) -> Sequence[str]:
        """Where to talk, and who else may."""
        parts = urlsplit(base)
        here = is_loopback(parts.hostname or "")
        elsewhere = self._settings.open or bool(self._settings.password)
        steps = [f"Open {base}/ in a browser, and talk"]
        if not here and not elsewhere:
            steps = [
                f"Open the path {parts.path}/ of this server's local address in a browser on this machine, and talk",
                "To talk from elsewhere, set a password, or open = true, in the agent's voip table",
            ]
        elif not here and parts.scheme != "https":
            steps.append(
                "Browsers give a microphone to https pages only: put a TLS proxy or a tunnel before this server"
            )
        if self._settings.open:
            steps.append("Anybody who reaches the page can talk, at your cost: open is set")
        return steps

    async def dial(self, door: FrontDoor, number: str, metadata: Mapping[str, str]) -> str:  # noqa: ARG002 - nobody can be called here
        raise cannot(VOIP, Ability.OUTBOUND)
