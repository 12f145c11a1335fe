from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import attrs
from starlette.types import ASGIApp

from dialog_core.factory import Services
from dialog_core.observe.observations import Observation, Trouble
from dialog_core.protocols import VoIP
from dialog_core.testing.phones.door import Answer, PlainDoor, application, drain
from dialog_core.testing.phones.phone import Carrier, Phone, Seal
from dialog_core.testing.vendor import in_memory

__all__ = ["VoipKit", "VoipWorld", "open_world"]

HOST = "voice.example.com"


@attrs.frozen
class VoipKit:
    """What a VoIP plugin brings to be tested by the contract, and to take part in whole conversations."""

    name: str
    """As a settings file writes it."""
    new_carrier: Callable[[], Carrier]
    new_voip: Callable[[Services, Mapping[str, object]], VoIP]
    """With settings that fit the carrier's account, and these besides."""
    abilities: frozenset[str]
    """Words of :class:`dialog_core.line.Ability`; each is proved, and so is the absence of the others."""
    table: Mapping[str, object] = attrs.field(factory=dict)
    """The same settings as a settings file has them, for whole conversations; without ``use``."""
    seals: frozenset[Seal] = frozenset()
    """The ways in which a webhook may be signed that this carrier knows; empty if it signs none."""
    unsigned: Mapping[str, object] | None = None
    """Settings that let unsigned webhooks in; None if there are none."""


@attrs.frozen
class VoipWorld:
    """A server with the plugin, and the pretended carrier around it, in memory."""

    kit: VoipKit
    carrier: Carrier
    voip: VoIP
    door: PlainDoor
    services: Services
    observed: list[Observation]

    def call(self, **options: Any) -> AbstractAsyncContextManager[Phone]:
        """A call to the server; see :meth:`Carrier.call`."""
        return self.carrier.call(**options)

    async def dial(self, number: str, **metadata: str) -> str:
        """Let the server call somebody."""
        return await self.voip.dial(self.door, number, metadata)

    def troubles(self) -> list[str]:
        """What the plugin noted as failed or refused."""
        return [each.what for each in self.observed if isinstance(each, Trouble)]


@asynccontextmanager
async def open_world(
    kit: VoipKit, answer: Answer = drain, **settings: object
) -> AsyncIterator[VoipWorld]:
    """Set up a server whose calls are answered by `answer`. settings: in addition to the kit's."""
    carrier = kit.new_carrier()
    path = f"/{PlainDoor.agent}/{kit.name}"
    door = PlainDoor(answer, path=path, public_url=f"https://{HOST}")
    observed: list[Observation] = []
    apps: dict[str, ASGIApp] = dict(carrier.apps)
    async with in_memory(apps, observe=observed.append) as services:
        voip = kit.new_voip(services, settings)
        apps[HOST] = application(voip, door)
        async with carrier.serving(services, f"https://{HOST}{path}"):
            yield VoipWorld(kit, carrier, voip, door, services, observed)
