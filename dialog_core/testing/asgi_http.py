from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, MutableMapping
from contextlib import suppress
from typing import Any

import anyio
import attrs
import httpx
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from starlette.types import ASGIApp

from dialog_core.testing.asgi import Apps, app_for, new_scope, play

__all__ = ["MemoryTransport"]

CHUNKS = 16
"""Pieces of a body under way; then the application waits, as it would for a slow reader."""


@attrs.define(eq=False)
class Exchange:
    """One request and its answer: the application runs in a task of its own and streams to the client."""

    app: ASGIApp
    scope: MutableMapping[str, Any]
    body: bytes
    sender: MemoryObjectSendStream[bytes]
    chunks: MemoryObjectReceiveStream[bytes]
    started: anyio.Event = attrs.field(factory=anyio.Event)
    gone: anyio.Event = attrs.field(factory=anyio.Event)
    answer: tuple[int, list[tuple[bytes, bytes]]] | None = None

    async def run(self, tasks: TaskGroup) -> None:
        """Run the application to its end; without a complete body the client sees a lost connection."""
        try:
            await play(self.app, self.scope, self.receive, self.send, tasks=tasks)
        finally:
            self.started.set()
            self.sender.close()

    async def receive(self) -> MutableMapping[str, Any]:
        """ASGI: the request's body once, then the news that the client is gone."""
        if "dialog.body" not in self.scope:
            self.scope["dialog.body"] = True
            return {"type": "http.request", "body": self.body, "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """ASGI: sending to a client that is gone does nothing, as with a real server."""
        if message["type"] == "http.response.start":
            self.answer = message["status"], list(message.get("headers", ()))
            self.started.set()
            return
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            if message.get("body"):
                await self.sender.send(bytes(message["body"]))
            if not message.get("more_body", False):
                await self.sender.send(b"")

    def disconnect(self) -> None:
        """The client is gone."""
        self.gone.set()
        self.chunks.close()


class Body(httpx.AsyncByteStream):
    """A streamed answer, one chunk as the application sent it; an empty one is its end."""

    def __init__(self, exchange: Exchange, timeout: float | None) -> None:
        self._exchange = exchange
        self._timeout = timeout

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            with anyio.fail_after(self._timeout):
                chunk = await self._exchange.chunks.receive()
        except TimeoutError as error:
            raise httpx.ReadTimeout("no more of the body in time") from error
        except anyio.EndOfStream as error:
            raise httpx.RemoteProtocolError("lost in the middle of a body") from error
        if not chunk:
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        self._exchange.disconnect()


class MemoryTransport(httpx.AsyncBaseTransport):
    """Carries an httpx client's requests to ASGI applications, streaming both the answer and its end."""

    def __init__(self, apps: Apps, tasks: TaskGroup) -> None:
        self._apps = apps
        self._tasks = tasks

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        app = app_for(self._apps, request.url.host)
        if app is None:
            raise httpx.ConnectError(f"nobody plays {request.url.host}", request=request)
        exchange = await new_exchange(app, request)
        self._tasks.start_soon(exchange.run, self._tasks)
        timeouts: Mapping[str, float | None] = request.extensions.get("timeout", {})
        try:
            with anyio.fail_after(timeouts.get("read")):
                await exchange.started.wait()
        except TimeoutError as error:
            exchange.disconnect()
            raise httpx.ReadTimeout("no answer in time", request=request) from error
        except BaseException:
            exchange.disconnect()
            raise
        if exchange.answer is None:
            exchange.disconnect()
            raise httpx.RemoteProtocolError("lost without an answer", request=request)
        status, headers = exchange.answer
        stream = Body(exchange, timeouts.get("read"))
        return httpx.Response(status, headers=headers, stream=stream, request=request)


async def new_exchange(app: ASGIApp, request: httpx.Request) -> Exchange:
    """An exchange that has not begun."""
    scope = new_scope("http", request.url, request.headers.raw)
    scope["method"] = request.method
    sender, chunks = anyio.create_memory_object_stream[bytes](CHUNKS)
    return Exchange(app, scope, await request.aread(), sender, chunks)
