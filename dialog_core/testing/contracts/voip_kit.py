from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, ClassVar, TypeVar

import anyio
import attrs
from starlette.types import ASGIApp

from dialog_core import g711
from dialog_core.audio import TELEPHONE, AudioFrame
from dialog_core.factory import Services
from dialog_core.net.body_limit import BodyLimit
from dialog_core.observe.observations import Observation, Trouble
from dialog_core.protocols import Line, LineEvent, VoIP
from dialog_core.testing.contracts.component import build
from dialog_core.testing.phones.door import Answer, PlainDoor, application
from dialog_core.testing.phones.phone import Carrier, Phone, Seal
from dialog_core.testing.vendor import in_memory

__all__ = ["Clerk", "VoipKit", "VoipWorld", "open_world"]

HOST = "voice.example.com"
PATIENCE = 120.0
"""Seconds that a test waits for what must come."""
BODY_LIMIT = 1_000_000
E = TypeVar("E")


@attrs.frozen(eq=False)
class VoipKit:
    """A way for calls to arrive, to be tested, and to take part in whole conversations. Its lines have 8 kHz."""

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
    numbers: bool = True
    """Whether calls come from and to numbers; where they do not, as on a web page, both are empty."""
    variant: str = ""
    kind: ClassVar[str] = "voip"


class Clerk:
    """Answers calls, keeps what each line says, and does nothing by itself."""

    def __init__(self) -> None:
        self.events: list[LineEvent] = []
        """Of all lines, in order."""
        self.live = 0
        """Lines that have not ended."""
        self.fmt = TELEPHONE
        """Of the newest line."""
        self._changed = anyio.Event()

    async def __call__(self, line: Line) -> None:
        """Listen to a line to its end."""
        self.live += 1
        self.fmt = line.fmt
        try:
            async for event in line.events():
                self.events.append(event)
                self._tell()
        finally:
            self.live -= 1
            self._tell()

    def of(self, kind: type[E]) -> list[E]:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def heard(self) -> bytes:
        """All audio that came, as a phone has it: mu-law at 8 kHz."""
        audio = b"".join(frame.data for frame in self.of(AudioFrame))
        return g711.convert(audio, self.fmt.encoding, TELEPHONE.encoding)

    async def has(self, kind: type[LineEvent], count: int = 1) -> None:
        """Wait until so many events of a kind have come."""
        await self._until(lambda: len(self.of(kind)) >= count)

    async def idle(self) -> None:
        """Wait until no line is live."""
        await self._until(lambda: not self.live)

    async def _until(self, reached: Callable[[], bool]) -> None:
        with anyio.fail_after(PATIENCE):
            while not reached():
                await self._changed.wait()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()


@attrs.frozen
class VoipWorld:
    """A server with the plugin, and the pretended carrier around it, in memory."""

    kit: VoipKit
    carrier: Carrier
    voip: VoIP
    door: PlainDoor
    services: Services
    observed: list[Observation]
    clerk: Clerk
    """Who answers, unless the test does."""

    @property
    def line(self) -> Line:
        """Of the newest call."""
        return self.door.lines[-1]

    def call(self, **options: Any) -> AbstractAsyncContextManager[Phone]:
        """A call to the server; see :meth:`Carrier.call`."""
        return self.carrier.call(**options)

    async def play(self, audio: bytes) -> None:
        """Let the newest call's line play audio as a phone has it: mu-law at 8 kHz, in samples that G.711 can have."""
        line = self.line
        await line.play(g711.convert(audio, TELEPHONE.encoding, line.fmt.encoding))

    async def dial(self, number: str, **metadata: str) -> str:
        """Let the server call somebody."""
        return await self.voip.dial(self.door, number, metadata)

    def troubles(self) -> list[str]:
        """What the plugin noted as failed or refused."""
        return [each.what for each in self.observed if isinstance(each, Trouble)]


@asynccontextmanager
async def open_world(
    kit: VoipKit, answer: Answer | None = None, **settings: object
) -> AsyncIterator[VoipWorld]:
    """Set up a server. answer: runs its calls; a :class:`Clerk` unless given. settings: beside the kit's own."""
    carrier = kit.carrier()
    path = f"/{PlainDoor.agent}/{kit.name}"
    clerk = Clerk()
    door = PlainDoor(answer or clerk, path=path, public_url=f"https://{HOST}")
    observed: list[Observation] = []
    apps: dict[str, ASGIApp] = dict(carrier.apps)
    async with in_memory(apps, observe=observed.append) as services:
        voip: VoIP = build(kit, services, **settings)
        apps[HOST] = BodyLimit(application(voip, door), BODY_LIMIT)
        async with carrier.serving(services, f"https://{HOST}{path}"):
            yield VoipWorld(kit, carrier, voip, door, services, observed, clerk)
