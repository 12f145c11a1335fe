"""The ASGI application: every agent's routes, and the health of the process.

It can be served by :func:`dialog_core.net.server.serve`, by any ASGI server, or be mounted in an existing application,
which then keeps it running::

    calls = CallServer(settings, hosted, clock=clock)

    @asynccontextmanager
    async def lifespan(app):
        async with calls.running():
            yield

    app = Starlette(routes=[Mount("/voice", calls)], lifespan=lifespan)
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext

import attrs
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import Receive, Scope, Send

from dialog_core.errors import LineError
from dialog_core.factory import Clock
from dialog_core.net.body_limit import BodyLimit
from dialog_core.net.call_states import CallStates
from dialog_core.net.door import Door, Tickets, ignore
from dialog_core.net.room import Room
from dialog_core.net.settings import ServerSettings
from dialog_core.net.version import VERSION
from dialog_core.observe.observations import Observation
from dialog_core.protocols import Line, VoIP

__all__ = ["CallServer", "Hosted"]


@attrs.frozen
class Hosted:
    """An agent that can be called in one way."""

    agent: str
    voip_name: str
    voip: VoIP
    answer: Callable[[Line], Awaitable[None]]
    """Runs a call to its end; never raises."""
    observe: Callable[[Observation], None] = ignore
    """Sees how far its calls have come."""

    @property
    def path(self) -> str:
        """Where its routes are."""
        return f"/{self.agent}/{self.voip_name}"


Open = Callable[[], AbstractAsyncContextManager[Sequence[Hosted]]]


class CallServer:
    """Webhooks and media sockets of all agents, and ``GET /health``."""

    def __init__(
        self, settings: ServerSettings, hosted: Sequence[Hosted] | Open, *, clock: Clock
    ) -> None:
        """hosted: the agents, or how to open them when the process starts and close them when it ends."""
        self.settings = settings
        self.room = Room(settings.calls)
        self.states = CallStates(clock)
        """How far each call has come."""
        self._doors: dict[str, tuple[VoIP, Door]] = {}
        self._open = hosted if callable(hosted) else lambda: nullcontext(hosted)
        self._clock = clock
        key = settings.secret.reveal().encode() if settings.secret else secrets.token_bytes(32)
        self._tickets = Tickets(key, settings.ticket_seconds, clock)
        self._running = False
        self._router = self._new_router(())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI; its lifespan runs it, for a server that has no other application."""
        if scope["type"] == "lifespan":
            await Router(lifespan=lambda _app: self.running()).lifespan(scope, receive, send)
        else:
            await self._router(scope, receive, send)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Open the agents and take calls; at the end let live calls finish for `drain` seconds, then end them."""
        async with self._open() as hosted:
            self._doors = {each.agent: (each.voip, self._door(each)) for each in hosted}
            self._router = self._new_router(
                [Mount(door.path, routes=voip.routes(door)) for voip, door in self._doors.values()]
            )
            self._running = True
            try:
                yield
                await self.room.drain(self.settings.drain)
            finally:
                self._running = False
                await self.room.close()

    async def dial(self, agent: str, number: str, metadata: Mapping[str, str] | None = None) -> str:
        """Let an agent call a number (E.164 or a SIP address). Returns the carrier's id of the call.

        The call runs like one that came in; `states` and the observation `CallState` tell what becomes of it.
        Raises: LineError if there is no such agent, no room, or the carrier refuses or cannot.
        """
        if agent not in self._doors:
            known = ", ".join(self._doors) or "none, since the server is not running"
            raise LineError(f"no agent {agent!r} can call; there are: {known}")
        voip, door = self._doors[agent]
        if not door.has_room():
            raise LineError("no call can be placed: the process is full or draining")
        return await voip.dial(door, number, metadata or {})

    def _door(self, hosted: Hosted) -> Door:
        return Door(
            hosted.agent,
            hosted.path,
            self.settings,
            self.room,
            self._tickets,
            self.states,
            hosted.answer,
            hosted.observe,
        )

    def _new_router(self, routes: Sequence[BaseRoute]) -> BodyLimit:
        router = Router([Route("/health", self._health), *routes])
        return BodyLimit(router, self.settings.body_limit)

    async def _health(self, _request: Request) -> JSONResponse:
        status = "ok" if self._running else "starting"
        if self.room.draining:
            status = "draining"
        told = {
            "status": status,
            "calls": self.room.calls,
            "room": self.room.free(self._clock.wall()) if self._running else 0,
            "version": VERSION,
        }
        return JSONResponse(told, 200 if status == "ok" else 503)
