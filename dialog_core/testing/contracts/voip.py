from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, ClassVar

import attrs
from starlette.types import ASGIApp

from dialog_core.factory import Services
from dialog_core.observe.observations import Observation, Trouble
from dialog_core.protocols import VoIP
from dialog_core.testing.contracts.component import build
from dialog_core.testing.phones.door import Answer, PlainDoor, application, drain
from dialog_core.testing.phones.phone import Carrier, Phone, Seal
from dialog_core.testing.vendor import in_memory

__all__ = ["VoipKit", "VoipWorld", "open_world"]

HOST = "voice.example.com"


@attrs.frozen(eq=False)
class VoipKit:
    """A way for calls to arrive, to be tested, and to take part in whole conversations."""

    name: str
    table: Mapping[str, object]
    """Settings that fit the pretended carrier's account, and with which calls can be placed if it can at all."""
    carrier: Callable[[], Carrier]
    """Makes a fresh pretended carrier."""
    abilities: frozenset[str] = frozenset()
    """Words of :class:`dialog_core.line.Ability`; each is proved, and so is the absence of the others."""
    seals: frozenset[Seal] = frozenset()
    """The ways in which a webhook may be signed that this carrier knows; empty if it signs none."""
    unsigned: Mapping[str, object] | None = None
    """Settings that let unsigned webhooks in; None if there are none."""
    variant: str = ""
    kind: ClassVar[str] = "voip"


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
    """Set up a server whose calls are answered by `answer`. settings: beside the kit's own, or instead."""
    carrier = kit.new_carrier()
    path = f"/{PlainDoor.agent}/{kit.name}"
    door = PlainDoor(answer, path=path, public_url=f"https://{HOST}")
    observed: list[Observation] = []
    apps: dict[str, ASGIApp] = dict(carrier.apps)
    async with in_memory(apps, observe=observed.append) as services:
        voip: VoIP = build(kit, services, **settings)
        apps[HOST] = application(voip, door)
        async with carrier.serving(services, f"https://{HOST}{path}"):
            yield VoipWorld(kit, carrier, voip, door, services, observed)
