from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, MutableMapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import anyio
import attrs
import httpx
from anyio.abc import TaskGroup
from anyio.lowlevel import checkpoint
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from starlette.types import ASGIApp, Scope

from dialog_core.errors import HandshakeRefused, SocketClosed, SocketError
from dialog_core.factory import Connect
from dialog_core.net.version import USER_AGENT
from dialog_core.testing.asgi import Apps, ClientGone, app_for, new_scope, play, port_of

__all__ = ["memory_connect"]

MESSAGES = 64
"""Messages under way in each direction; then the sender waits, as it would for a full TCP window."""

LOST = 1006
UPGRADE = {
    "upgrade": "websocket",
    "connection": "Upgrade",
    "sec-websocket-key": "ZGlhbG9nIGluIG1lbW9yeQ==",
    "sec-websocket-version": "13",
    "user-agent": USER_AGENT,
}


@attrs.define(eq=False)
class Handshake:
    """How the upgrade went."""

    done: anyio.Event = attrs.field(factory=anyio.Event)
    accepted: bool = False
    refusal: tuple[int, Mapping[str, str]] | None = None
    body: bytes = b""


@attrs.define(eq=False)
class Ended:
    """Who ended the connection, and how; None while it lives."""

    code: int = LOST
    reason: str = ""
    by_client: bool = False
    by_app: bool = False


class MemorySocket:
    """Both ends of a WebSocket in memory: the client's methods, and ASGI's `receive` and `send` for the application."""

    def __init__(self) -> None:
        self.handshake = Handshake()
        self._ended = Ended()
        self._to_app, self._at_app = stream()
        self._to_client, self._at_client = stream()
        self._greeted = False

    # the client's end

    async def send(self, data: str | bytes) -> None:
        """Send a message. Raises: SocketClosed."""
        if self._ended.by_client or self._ended.by_app:
            raise SocketClosed(self._ended.code, self._ended.reason)
        key = "text" if isinstance(data, str) else "bytes"
        try:
            await self._to_app.send({"type": "websocket.receive", key: data})
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            raise SocketClosed(self._ended.code, self._ended.reason) from None

    async def receive(self) -> str | bytes:
        """The next message. Raises: SocketClosed."""
        try:
            message = await self._at_client.receive()
        except (anyio.EndOfStream, anyio.ClosedResourceError):
            raise SocketClosed(self._ended.code, self._ended.reason) from None
        data: str | bytes | None = message.get("text")
        return message["bytes"] if data is None else data

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close; the application sees the code and the reason after what was sent before."""
        if not self._ended.by_client and not self._ended.by_app:
            self._ended = Ended(code, reason, by_client=True)
        self._to_app.close()
        self._to_client.close()
        self._at_client.close()
        await checkpoint()

    # the application's end

    async def run(self, app: ASGIApp, scope: Scope, tasks: TaskGroup) -> None:
        """Run the application; if it returns or drops without closing, the client sees code 1006."""
        try:
            returned = await play(app, scope, self._app_receive, self._app_send, tasks=tasks)
            if returned and not self.handshake.accepted and self.handshake.refusal is None:
                self.handshake.refusal = 500, {}
        finally:
            self._end_by_app(LOST, "")
            self.handshake.done.set()

    async def _app_receive(self) -> MutableMapping[str, Any]:
        if not self._greeted:
            self._greeted = True
            return {"type": "websocket.connect"}
        try:
            return await self._at_app.receive()
        except (anyio.EndOfStream, anyio.ClosedResourceError):
            ended = self._ended
            return {"type": "websocket.disconnect", "code": ended.code, "reason": ended.reason}

    async def _app_send(self, message: MutableMapping[str, Any]) -> None:
        match message["type"]:
            case "websocket.accept":
                self.handshake.accepted = True
                self.handshake.done.set()
            case "websocket.close" if not self.handshake.accepted:
                self.handshake.refusal = 403, {}
                self._end_by_app(LOST, "")
                self.handshake.done.set()
            case "websocket.close":
                self._end_by_app(message.get("code", 1000), message.get("reason") or "")
            case "websocket.http.response.start":
                self.handshake.refusal = message["status"], plain(message.get("headers", ()))
            case "websocket.http.response.body":
                self._deny(message)
            case _:
                await self._deliver(message)

    def _deny(self, message: MutableMapping[str, Any]) -> None:
        self.handshake.body += message.get("body", b"")
        if not message.get("more_body", False):
            self._end_by_app(LOST, "")
            self.handshake.done.set()

    async def _deliver(self, message: MutableMapping[str, Any]) -> None:
        try:
            await self._to_client.send(message)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            raise ClientGone("the client is gone") from None

    def _end_by_app(self, code: int, reason: str) -> None:
        if not self._ended.by_client and not self._ended.by_app:
            self._ended = Ended(code, reason, by_app=True)
        self._to_client.close()
        self._to_app.close()
        self._at_app.close()


Message = MutableMapping[str, Any]


def stream() -> tuple[MemoryObjectSendStream[Message], MemoryObjectReceiveStream[Message]]:
    """One direction."""
    return anyio.create_memory_object_stream[MutableMapping[str, Any]](MESSAGES)


def plain(headers: Any) -> dict[str, str]:
    """ASGI headers as text."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}


def memory_connect(apps: Apps, tasks: TaskGroup) -> Connect:
    """A `connect` that reaches the applications, whatever the port."""

    def connect(
        url: str, *, headers: Mapping[str, str] | None = None, timeout: float = 10.0
    ) -> AbstractAsyncContextManager[MemorySocket]:
        return open_memory_socket(apps, tasks, httpx.URL(url), headers or {}, timeout)

    return connect


@asynccontextmanager
async def open_memory_socket(
    apps: Apps,
    tasks: TaskGroup,
    url: httpx.URL,
    headers: Mapping[str, str],
    timeout: float,  # noqa: ASYNC109 - the contract of Connect
) -> AsyncIterator[MemorySocket]:
    """Open a WebSocket of the application that plays the URL's host."""
    where = f"{url.host}:{port_of(url)}"
    app = app_for(apps, url.host)
    if app is None:
        raise SocketError(f"cannot connect to {where}: nobody plays this host")
    socket = MemorySocket()
    try:
        tasks.start_soon(socket.run, app, new_socket_scope(url, headers), tasks)
        with anyio.fail_after(timeout):
            await socket.handshake.done.wait()
        check(socket.handshake, where)
        yield socket
    except TimeoutError as error:
        if socket.handshake.done.is_set():
            raise
        raise SocketError(f"no answer from {where} to the upgrade within {timeout:g} s") from error
    finally:
        with anyio.CancelScope(shield=True):
            await socket.close()


def check(handshake: Handshake, where: str) -> None:
    """Raises: HandshakeRefused, SocketError."""
    if handshake.refusal is not None:
        raise HandshakeRefused(*handshake.refusal, handshake.body)
    if not handshake.accepted:
        raise SocketError(f"connection to {where} was lost during the upgrade")


def new_socket_scope(url: httpx.URL, headers: Mapping[str, str]) -> MutableMapping[str, Any]:
    """The ASGI scope of an upgrade."""
    sent = {"host": url.netloc.decode("ascii"), **UPGRADE}
    sent |= {name.lower(): value for name, value in headers.items()}
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in sent.items()]
    scope = new_scope("websocket", url, raw)
    protocols = sent.get("sec-websocket-protocol", "")
    scope["subprotocols"] = [each.strip() for each in protocols.split(",") if each.strip()]
    scope["extensions"] = {"websocket.http.response": {}}
    return scope
