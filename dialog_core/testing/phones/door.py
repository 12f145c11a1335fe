from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute, Mount

from dialog_core.call.clock import SystemClock
from dialog_core.errors import LineError, TicketError
from dialog_core.line import Progress
from dialog_core.net.call_states import CallStates
from dialog_core.observe.observations import CallState
from dialog_core.protocols import FrontDoor, Line, VoIP

__all__ = ["Answer", "PlainDoor", "application", "drain"]

Answer = Callable[[Line], Awaitable[None]]
"""Runs a call on a line."""


async def drain(line: Line) -> None:
    """Listen to a line, and say nothing."""
    async for _ in line.events():
        pass


class PlainDoor:
    """A front door without a framework behind it: answers calls with any function of a line."""

    agent = "reception"

    def __init__(
        self, answer: Answer = drain, *, path: str = "/reception/voip", public_url: str = ""
    ) -> None:
        """path: where the plugin is mounted. public_url: without it, addresses follow the request."""
        self.path = path
        self.room = True
        self.lines: list[Line] = []
        """Every line that was answered, oldest first."""
        self.tickets: dict[str, str] = {}
        """Those not redeemed yet, and the calls they are for."""
        self.states: list[CallState] = []
        """How far calls have come, oldest first."""
        self._answer = answer
        self._public_url = public_url
        self._progress = CallStates(SystemClock())

    def url(self, request: HTTPConnection | None, path: str, *, websocket: bool = False) -> str:
        """See :class:`dialog_core.protocols.FrontDoor`."""
        if self._public_url:
            scheme, _, host = self._public_url.partition("://")
            secure = scheme == "https"
        elif request is None:
            raise LineError("no public address is known before a request came")
        else:
            host = request.headers.get("host", "")
            forwarded = request.headers.get("x-forwarded-proto", request.url.scheme)
            secure = forwarded.split(",")[0].strip() in {"https", "wss"}
        scheme = ("ws" if websocket else "http") + ("s" if secure else "")
        return f"{scheme}://{host}{self.path}{path}"

    def has_room(self) -> bool:
        """Whatever `room` says."""
        return self.room

    def issue(self, call: str) -> str:
        """A ticket."""
        ticket = secrets.token_urlsafe(12)
        self.tickets[ticket] = call
        return ticket

    def redeem(self, ticket: str) -> str:
        """The call of a ticket, once."""
        try:
            return self.tickets.pop(ticket)
        except KeyError:
            raise TicketError("the ticket is not one of ours, or was used or is too old") from None

    def expire(self) -> None:
        """Let time pass until no ticket is good any more."""
        self.tickets.clear()

    def report(self, call: str, progress: Progress, *, reason: str = "") -> None:
        """Keep a step that is forward."""
        self._progress.report(call, progress, reason=reason, observe=self.states.append)

    async def reached(self, call: str, *wanted: Progress) -> CallState:
        """Wait until a call is in one of these states, or in a final one."""
        return await self._progress.reached(call, *wanted)

    async def answer(self, line: Line) -> None:
        """Run the function on the line; a line that fails under it is a call that is over."""
        self.lines.append(line)
        try:
            await self._answer(line)
        except LineError:
            return


def application(voip: VoIP, door: FrontDoor) -> Starlette:
    """A server with this one way in."""
    routes: list[BaseRoute] = [Mount(door.path, routes=list(voip.routes(door)))]
    return Starlette(routes=routes)
