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
from dialog_twilio.session import TwilioVoIP
from dialog_twilio.settings import TwilioSettings
from dialog_twilio.testing.account import Account
from dialog_twilio.testing.phone import Phone, place_call
from dialog_twilio.testing.rest import FakeTwilio

__all__ = ["Stage", "open_stage"]

HOST = "voice.example.com"


@attrs.frozen
class Stage:
    """A server with this plugin, and a pretended Twilio around it, in memory."""

    account: Account
    twilio: FakeTwilio
    door: PlainDoor
    services: Services
    observed: list[Observation]

    def url(self, path: str) -> str:
        """Public address of a route of the plugin."""
        return f"https://{HOST}{self.door.path}{path}"

    def call(self, **options: Any) -> AbstractAsyncContextManager[Phone]:
        """A call; see :func:`place_call` for the options."""
        return place_call(self.services, self.url("/voice"), twilio=self.twilio, **options)

    def troubles(self) -> list[str]:
        """What the plugin noted as failed or refused."""
        return [each.what for each in self.observed if isinstance(each, Trouble)]


@asynccontextmanager
async def open_stage(
    answer: Callable[[Line], Awaitable[None]] = drain,
    *,
    settings: TwilioSettings | None = None,
    public_url: str = f"https://{HOST}",
) -> AsyncIterator[Stage]:
    """Set up a server whose calls are answered by `answer`, and Twilio."""
    account = Account()
    twilio = FakeTwilio(account)
    door = PlainDoor(answer, path="/reception/twilio", public_url=public_url)
    observed: list[Observation] = []
    apps: dict[str, Any] = {"api.twilio.com": twilio}
    async with in_memory(apps, observe=observed.append) as services:
        voip = TwilioVoIP(settings or account.settings(), services)
        apps[HOST] = application(voip, door)
        yield Stage(account, twilio, door, services, observed)
