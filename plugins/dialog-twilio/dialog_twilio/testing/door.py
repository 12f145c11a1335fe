from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute, Mount

from dialog_core.errors import LineError, TicketError
from dialog_core.protocols import FrontDoor, Line, VoIP

__all__ = ["PlainDoor", "application"]

Answer = Callable[[Line], Awaitable[None]]


async def drain(line: Line) -> None:
    """Listen to a line, and say nothing."""
    async for _ in line.events():
        pass


class PlainDoor:
    """A front door without a framework behind it: answers calls with any function of a line."""

    agent = "reception"
    path = "/reception/twilio"

    def __init__(self, answer: Answer = drain, *, public_url: str = "") -> None:
        """public_url: without it, addresses follow the request and its forwarded headers."""
        self.room = True
        self.lines: list[Line] = []
        """Every line that was answered, oldest first."""
        self.tickets: dict[str, str] = {}
        """Those not redeemed yet, and the calls they are for."""
        self._answer = answer
        self._public_url = public_url

    def url(self, request: HTTPConnection, path: str, *, websocket: bool = False) -> str:
        """See :class:`dialog_core.protocols.FrontDoor`."""
        secure = request.url.scheme in {"https", "wss"}
        host = request.headers.get("host", "")
        if self._public_url:
            scheme, _, host = self._public_url.partition("://")
            secure = scheme == "https"
        elif forwarded := request.headers.get("x-forwarded-proto"):
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
            raise TicketError("the ticket is not one of ours, or was used") from None

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
