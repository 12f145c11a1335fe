from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import attrs

from dialog_core.factory import Services
from dialog_core.observe.observations import Observation, Trouble
from dialog_core.protocols import Line
from dialog_core.testing.phones.door import PlainDoor, application, drain
from dialog_core.testing.vendor import in_memory
from dialog_plivo.session import PlivoVoIP
from dialog_plivo.settings import PlivoSettings
from dialog_plivo.testing.account import Account
from dialog_plivo.testing.callees import Callees, open_callees
from dialog_plivo.testing.phone import Phone, place_call
from dialog_plivo.testing.rest import FakePlivo

__all__ = ["Stage", "open_stage"]

HOST = "voice.example.com"


@attrs.frozen
class Stage:
    """A server with this plugin, and a pretended Plivo around it, in memory."""

    account: Account
    plivo: FakePlivo
    door: PlainDoor
    voip: PlivoVoIP
    services: Services
    observed: list[Observation]
    callees: Callees

    def url(self, path: str) -> str:
        """Public address of a route of the plugin."""
        return f"https://{HOST}{self.door.path}{path}"

    def call(self, **options: Any) -> AbstractAsyncContextManager[Phone]:
        """A call; see :func:`place_call` for the options."""
        hangup = {"hangup_url": self.url("/status")}
        return place_call(
            self.services, self.url("/answer"), plivo=self.plivo, **(hangup | options)
        )

    async def dial(self, number: str, **metadata: str) -> str:
        """Let the server call somebody."""
        return await self.voip.dial(self.door, number, metadata)

    def troubles(self) -> list[str]:
        """What the plugin noted as failed or refused."""
        return [each.what for each in self.observed if isinstance(each, Trouble)]


@asynccontextmanager
async def open_stage(
    answer: Callable[[Line], Awaitable[None]] = drain,
    *,
    settings: PlivoSettings | None = None,
    public_url: str = f"https://{HOST}",
) -> AsyncIterator[Stage]:
    """Set up a server whose calls are answered by `answer`, and Plivo."""
    account = Account()
    plivo = FakePlivo(account)
    door = PlainDoor(answer, path="/reception/plivo", public_url=public_url)
    observed: list[Observation] = []
    apps: dict[str, Any] = {"api.plivo.com": plivo, "media.plivo.com": plivo}
    async with in_memory(apps, observe=observed.append) as services:
        voip = PlivoVoIP(settings or account.settings(dial_from="+15550002222"), services)
        apps[HOST] = application(voip, door)
        async with open_callees(services, plivo) as callees:
            yield Stage(account, plivo, door, voip, services, observed, callees)
