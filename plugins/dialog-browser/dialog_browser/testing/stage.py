from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import anyio
import attrs
from starlette.types import ASGIApp, Receive, Scope, Send

from dialog_browser.session import BrowserVoIP
from dialog_browser.settings import BrowserSettings
from dialog_browser.testing.page import Page, open_page
from dialog_core.factory import Services
from dialog_core.observe.observations import Observation, Trouble
from dialog_core.testing.phones import PlainDoor, application, drain
from dialog_core.testing.phones.door import Answer
from dialog_core.testing.vendor import in_memory

__all__ = ["LOCAL", "Stage", "open_stage"]

LOCAL = "http://localhost:8080"
PATH = "/reception/browser"


@attrs.frozen
class Stage:
    """A server with this plugin, in memory."""

    door: PlainDoor
    services: Services
    observed: list[Observation]
    base: str
    """Public address of the page, without the final slash."""

    def call(self, **options: Any) -> AbstractAsyncContextManager[Page]:
        """A call; see :func:`dialog_browser.testing.page.open_page`."""
        return open_page(self.services, self.base, **options)

    async def wait(self, seconds: float) -> None:
        """Let time pass."""
        await anyio.sleep(seconds)

    def troubles(self) -> list[str]:
        """What the plugin noted as failed or refused."""
        return [each.what for each in self.observed if isinstance(each, Trouble)]


@asynccontextmanager
async def open_stage(
    answer: Answer = drain, *, address: str = LOCAL, public_url: str = "", **settings: Any
) -> AsyncIterator[Stage]:
    """Set up a server whose calls are answered by `answer`. settings: of the plugin; 8 kHz unless given."""
    door = PlainDoor(answer, path=PATH, public_url=public_url)
    observed: list[Observation] = []
    apps: list[ASGIApp] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await apps[0](scope, receive, send)

    async with in_memory(app, observe=observed.append) as services:
        voip = BrowserVoIP(BrowserSettings(**{"rate": 8000, **settings}), services)
        apps.append(application(voip, door))
        yield Stage(door, services, observed, f"{public_url or address}{PATH}")
