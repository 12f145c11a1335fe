"""A way for calls to arrive that consists of a webhook and an echoing media socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, cast

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from dialog_core.call.clock import SystemClock
from dialog_core.errors import TicketError
from dialog_core.line import Ability, Progress
from dialog_core.net.app import CallServer, Hosted
from dialog_core.net.door import ignore
from dialog_core.net.settings import ServerSettings
from dialog_core.observe.observations import Observation
from dialog_core.protocols import FrontDoor, Line

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class EchoLine:
    def __init__(self, socket: WebSocket, call: str) -> None:
        self.socket = socket
        self.call = call


class EchoSocket:
    """A bare ASGI application, as media sockets are."""

    def __init__(self, door: FrontDoor) -> None:
        self.door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        socket = WebSocket(scope, receive, send)
        try:
            call = self.door.redeem(scope["path_params"]["ticket"])
        except TicketError:
            await socket.close()
            return
        await socket.accept()
        await self.door.answer(cast("Line", EchoLine(socket, call)))


class EchoVoip:
    abilities = frozenset({Ability.OUTBOUND})

    async def dial(self, door: FrontDoor, number: str, metadata: Mapping[str, str]) -> str:
        door.report(number, Progress.RINGING, reason=",".join(metadata))
        return number

    def routes(self, door: FrontDoor) -> Sequence[BaseRoute]:
        async def incoming(request: Request) -> JSONResponse:
            body = await request.body()
            ticket = door.issue("CA1") if door.has_room() else ""
            url = door.url(request, f"/media/{ticket}", websocket=True)
            return JSONResponse({"size": len(body), "url": url if ticket else ""})

        return [
            Route("/incoming", incoming, methods=["POST"]),
            WebSocketRoute("/media/{ticket}", EchoSocket(door)),
        ]

    def next_steps(self, base: str) -> Sequence[str]:
        return (f"call {base}",)


async def echo(line: Line) -> None:
    socket = cast("EchoLine", line).socket
    while (message := await socket.receive())["type"] == "websocket.receive":
        await socket.send({**message, "type": "websocket.send"})


async def linger(_line: Line) -> None:
    await anyio.sleep_forever()


def hosted(
    answer: Callable[[Line], Awaitable[None]] = echo,
    observe: Callable[[Observation], None] = ignore,
) -> Hosted:
    return Hosted("reception", "echo", EchoVoip(), answer, observe)


def new_server(
    settings: ServerSettings | None = None,
    answer: Callable[[Line], Awaitable[None]] = echo,
    *,
    observe: Callable[[Observation], None] = ignore,
) -> CallServer:
    here = [hosted(answer, observe)]
    return CallServer(settings or ServerSettings(), here, clock=SystemClock())


async def chunks(total: int) -> AsyncIterator[bytes]:
    while total > 0:
        yield bytes(min(total, 1000))
        total -= 1000
