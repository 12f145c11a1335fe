"""A fake Cartesia: an ASGI application with the text-to-speech socket of the real one.

It checks the handshake and every request, keeps contexts apart, counts them against the plan's limit, lets them expire,
buffers text as long as the real one does, and fails as scripted::

    fake = FakeCartesia()
    fake.scripts.append(Script(Fault.DROP, after=2))     # the first context loses its socket after two chunks
    async with in_memory(fake) as services:
        tts = Cartesia(CartesiaSettings(api_key=Secret(fake.api_key), voice="v"), services)

Its speech is a tone per word with silence between, `seconds_per_character` long.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import anyio
import attrs
from anyio.abc import TaskGroup
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from dialog_cartesia.protocol import PATH
from dialog_cartesia.testing_context import Context, Fault, Flushes, Script
from dialog_cartesia.testing_rules import NEW_ERRORS, denial, problem, version_of
from dialog_core.testing.vendor import Drop

__all__ = ["FakeCartesia", "Fault", "Flushes", "Script"]

MOST_REQUESTS = 100_000
SOCKETS_PER_CONTEXT = 10


@attrs.define(eq=False)
class FakeCartesia:
    """The vendor. Its fields may be changed at any time; they apply from the next context or handshake."""

    api_key: str = "sk_car_test"
    contexts: int = 15
    """Concurrent contexts of the plan; more get an error 429."""
    latency: float = 0.1
    """Seconds to a submission's first audio."""
    seconds_per_character: float = 0.06
    chunk: float = 0.1
    """Seconds of audio in a chunk."""
    speed: float = 20.0
    """Times faster than it sounds that audio is sent; 0: at once."""
    flushes: Flushes = Flushes.ASKED
    late_words: bool = False
    """Send word times after the audio of their submission, not before."""
    late_chunks: int = 3
    """Chunks that still come after a cancel."""
    expiry: float = 1.0
    idle: float = 300.0
    refusals: deque[int] = attrs.field(factory=deque)
    """HTTP statuses that the next handshakes are refused with."""
    scripts: deque[Script] = attrs.field(factory=deque)
    """How the next contexts go, in the order they begin."""
    requests: deque[dict[str, Any]] = attrs.field(factory=lambda: deque(maxlen=MOST_REQUESTS))
    """Every request that came."""
    handshakes: list[Mapping[str, str]] = attrs.field(factory=list)
    """Headers of every handshake."""
    live: set[str] = attrs.field(factory=set)
    """Contexts under way."""
    sockets: set[Connection] = attrs.field(factory=set)
    chunks: int = 0
    """Chunks sent."""
    _changed: anyio.Event = attrs.field(factory=anyio.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        if scope["type"] != "websocket" or scope["path"] != PATH:
            await PlainTextResponse("not found", 404)(scope, receive, send)
            return
        socket = WebSocket(scope, receive, send)
        self.handshakes.append(dict(socket.headers))
        status = self.refusals.popleft() if self.refusals else denial(socket, self.api_key)
        self.notify()
        if status is None and len(self.sockets) >= self.contexts * SOCKETS_PER_CONTEXT:
            status = 429
        if status is not None:
            await socket.send_denial_response(Response("refused", status))
            return
        await socket.accept()
        await Connection(self, socket).serve()

    @property
    def transcripts(self) -> list[str]:
        """What was submitted, without what only ends a context."""
        return [each["transcript"] for each in self.requests if each.get("transcript")]

    @property
    def cancels(self) -> list[str]:
        """Contexts that were cancelled by the client."""
        return [each["context_id"] for each in self.requests if each.get("cancel")]

    async def until(self, reached: Callable[[FakeCartesia], object]) -> None:
        """Wait until this is true of the fake."""
        while not reached(self):
            await self._changed.wait()

    def notify(self) -> None:
        """Something changed."""
        changed, self._changed = self._changed, anyio.Event()
        changed.set()

    def drop_sockets(self) -> None:
        """Lose every connection."""
        for connection in tuple(self.sockets):
            connection.drop()


@attrs.define(eq=False)
class Connection:
    """One socket and its contexts."""

    fake: FakeCartesia
    socket: WebSocket
    contexts: dict[str, Context] = attrs.field(factory=dict)
    gone: set[str] = attrs.field(factory=set)
    """Contexts that have ended; their ids may not be used again."""
    dropped: bool = False
    tasks: TaskGroup = attrs.field(factory=anyio.create_task_group)
    _turn: anyio.Lock = attrs.field(factory=anyio.Lock)

    async def serve(self) -> None:
        """Read until the client leaves, the socket rested too long, or a script drops it."""
        self.fake.sockets.add(self)
        self.fake.notify()
        try:
            async with self.tasks:
                await self._read()
                self.tasks.cancel_scope.cancel()
        finally:
            self.fake.sockets.discard(self)
            self.fake.live -= self.contexts.keys()
            self.fake.notify()
        if self.dropped:
            raise Drop

    async def _read(self) -> None:
        while True:
            with anyio.move_on_after(self.fake.idle) as idle:
                try:
                    raw = await self.socket.receive_text()
                except WebSocketDisconnect:
                    return
                await self._take(raw)
            if idle.cancelled_caught and not self.contexts:
                await self.socket.close(1000)
                return

    def drop(self) -> None:
        """Lose the connection without a goodbye."""
        self.dropped = True
        self.tasks.cancel_scope.cancel()

    async def send(self, message: Mapping[str, Any]) -> None:
        """Send a message. Raises: WebSocketDisconnect."""
        await self.send_text(json.dumps(message))

    async def send_text(self, text: str) -> None:
        """Send a frame. Raises: WebSocketDisconnect."""
        async with self._turn:
            await self.socket.send_text(text)

    async def refuse(self, context: str | None, status: int, reason: str) -> None:
        """Send an error in the shape of the client's version."""
        message: dict[str, Any] = {"type": "error", "done": True, "status_code": status}
        if version_of(self.socket) >= NEW_ERRORS:
            code = "quota_exceeded" if status == 429 else "invalid_request"  # noqa: PLR2004 - HTTP
            message |= {"title": reason, "message": "scripted", "error_code": code}
            message["request_id"] = "req-1"
        else:
            message["error"] = f"{reason}: scripted"
        if context is not None:
            message["context_id"] = context
        await self.send(message)

    async def _take(self, raw: str) -> None:
        try:
            request = json.loads(raw)
        except ValueError:
            request = None
        if not isinstance(request, dict):
            await self.refuse(None, 400, "not a JSON object")
            return
        self.fake.requests.append(request)
        self.fake.notify()
        name = request.get("context_id")
        if not isinstance(name, str):
            await self.refuse(None, 400, "context_id is required")
            return
        if request.get("cancel") is True:
            if name in self.contexts:
                self.contexts[name].cancel()
            return
        context = self.contexts.get(name)
        wrong = problem(request, context.first if context else {})
        if wrong is not None or name in self.gone:
            await self.refuse(name, 400, wrong or "the context is over")
        elif context is not None:
            context.push(request)
        elif len(self.fake.live) >= self.fake.contexts:
            await self.refuse(name, 429, "too many concurrent contexts")
        else:
            self._begin(name, request)

    def _begin(self, name: str, request: dict[str, Any]) -> None:
        script = self.fake.scripts.popleft() if self.fake.scripts else Script()
        context = self.contexts[name] = Context(self, name, request, script)
        self.fake.live.add(name)
        context.push(request)
        self.tasks.start_soon(context.run)

    def forget(self, name: str) -> None:
        """The context has ended."""
        del self.contexts[name]
        self.gone.add(name)
        self.fake.live.discard(name)
        self.fake.notify()
