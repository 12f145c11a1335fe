"""A fake ElevenLabs: an ASGI application with both of the real one's text-to-speech sockets.

It checks the handshake and every message, keeps contexts apart, counts them against the limit of five, lets them idle
out, gathers text as long as the real one does, and fails as scripted::

    fake = FakeElevenLabs()
    fake.scripts.append(Script(Fault.DROP, after=2))     # the first context loses its socket after two chunks
    async with in_memory(fake) as services:
        tts = ElevenLabs(ElevenLabsSettings(api_key=Secret(fake.api_key), voice="v"), services)

What is flushed is spoken to its end, also after the context was closed: so late audio comes as it does in reality. The
socket of a single context is there for the vendor's own client, which speaks no other.

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
from starlette.responses import Response
from starlette.routing import Router, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from dialog_core.testing.vendor import Drop
from dialog_elevenlabs.testing_context import Alignments, Context, Fault, Script
from dialog_elevenlabs.testing_rules import FORMATS, denial, problem

__all__ = ["Alignments", "FakeElevenLabs", "Fault", "Script"]

PATH = "/v1/text-to-speech/{voice}"
DEFAULT_INACTIVITY = 20
MOST_REQUESTS = 100_000
POLICY_VIOLATION = 1008


@attrs.define(eq=False)
class FakeElevenLabs:
    """The vendor. Its fields may be changed at any time; they apply from the next context or handshake."""

    api_key: str = "sk_eleven_test"
    voices: frozenset[str] = frozenset()
    """Ids of the voices that exist; all, if there are none."""
    contexts: int = 5
    """Contexts that a socket may carry; one more closes it."""
    latency: float = 0.1
    """Seconds to a text's first audio."""
    seconds_per_character: float = 0.06
    chunk: float = 0.1
    """Seconds of audio in a chunk."""
    chunk_bytes: int = 0
    """The same in bytes, which may cut a sample; 0: as `chunk` says."""
    speed: float = 20.0
    """Times faster than it sounds that audio is sent; 0: at once."""
    alignments: Alignments = Alignments.EACH
    refusals: deque[Response] = attrs.field(factory=deque)
    """What the next handshakes are refused with."""
    scripts: deque[Script] = attrs.field(factory=deque)
    """How the next contexts go, in the order they begin."""
    requests: deque[dict[str, Any]] = attrs.field(factory=lambda: deque(maxlen=MOST_REQUESTS))
    """Every message that came."""
    handshakes: list[WebSocket] = attrs.field(factory=list)
    live: set[str] = attrs.field(factory=set)
    """Contexts under way."""
    most: int = 0
    """Contexts that one socket carried at once."""
    sockets: set[Connection] = attrs.field(factory=set)
    chunks: int = 0
    """Chunks sent."""
    left: int = 0
    """Contexts that were closed while they sounded: replies that nobody wanted to the end."""
    _changed: anyio.Event = attrs.field(factory=anyio.Event)
    _router: Router = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._router = Router(
            [
                WebSocketRoute(f"{PATH}/multi-stream-input", self._serve_many),
                WebSocketRoute(f"{PATH}/stream-input", self._serve_one),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        await self._router(scope, receive, send)

    async def _serve_many(self, socket: WebSocket) -> None:
        await self._serve(socket, single=False)

    async def _serve_one(self, socket: WebSocket) -> None:
        await self._serve(socket, single=True)

    async def _serve(self, socket: WebSocket, *, single: bool) -> None:
        self.handshakes.append(socket)
        wrong = denial(socket, self.api_key, self.voices)
        response = self.refusals.popleft() if self.refusals else wrong
        self.notify()
        if response is not None:
            await socket.send_denial_response(response)
            return
        await socket.accept()
        await Connection(self, socket, single).serve()

    @property
    def texts(self) -> list[str]:
        """What was to be spoken, in order."""
        return [each["text"] for each in self.requests if (each.get("text") or "").strip()]

    @property
    def closes(self) -> list[str]:
        """Contexts that were closed by the client."""
        return [each["context_id"] for each in self.requests if each.get("close_context")]

    @property
    def openings(self) -> list[dict[str, Any]]:
        """The first messages of contexts."""
        return [each for each in self.requests if each.get("text") == " "]

    async def until(self, reached: Callable[[FakeElevenLabs], object]) -> None:
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

    fake: FakeElevenLabs
    socket: WebSocket
    single: bool
    contexts: dict[str, Context] = attrs.field(factory=dict)
    dropped: bool = False
    closing: bool = False
    """True once it ends with its last context."""
    tasks: TaskGroup = attrs.field(factory=anyio.create_task_group)
    _turn: anyio.Lock = attrs.field(factory=anyio.Lock)

    @property
    def inactivity(self) -> float:
        """Seconds without text after which a context is closed."""
        return float(self.socket.query_params.get("inactivity_timeout", DEFAULT_INACTIVITY))

    async def serve(self) -> None:
        """Read until the client leaves, or something ends the connection."""
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
        while not self.tasks.cancel_scope.cancel_called:
            try:
                raw = await self.socket.receive_text()
            except WebSocketDisconnect:
                return
            await self._take(raw)

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

    async def refuse(self, word: str, message: str) -> None:
        """Tell an error of the whole socket, and close it."""
        await self.send({"message": message, "error": word, "code": POLICY_VIOLATION})
        await self.socket.close(POLICY_VIOLATION, message)
        self.tasks.cancel_scope.cancel()

    async def _take(self, raw: str) -> None:
        try:
            request = json.loads(raw)
        except ValueError:
            request = None
        if not isinstance(request, dict):
            await self.refuse("invalid_input_message", "not a JSON object")
            return
        self.fake.requests.append(request)
        self.fake.notify()
        if request.get("close_socket"):
            self.closing = True
            for context in self.contexts.values():
                context.push({"close_context": True})
            await self._close_if_done()
            return
        if self.single and request.get("text") == "":
            request = {"flush": True, "close_context": True}
        await self._route(request)

    async def _route(self, request: dict[str, Any]) -> None:
        name = request.get("context_id") or ""
        context = self.contexts.get(name)
        if context is None and request.get("close_context"):
            return  # of a context that is over
        # An empty text opens a context too, with the defaults; its real first message is then refused.
        wrong = problem(request, first=context is None and request.get("text") != "")
        if wrong is not None:
            await self.refuse("invalid_input_message", wrong)
        elif context is not None:
            context.push(request)
        elif len(self.contexts) >= self.fake.contexts:
            await self.refuse("max_active_contexts", "too many contexts are open")
        else:
            self._begin(name, request)

    def _begin(self, name: str, request: dict[str, Any]) -> None:
        query, fake = self.socket.query_params, self.fake
        script = fake.scripts.popleft() if fake.scripts else Script()
        context = self.contexts[name] = Context(
            self,
            None if self.single else name,
            script,
            FORMATS[query["output_format"]],
            query.get("auto_mode") == "true",
        )
        fake.live.add(name)
        fake.most = max(fake.most, len(self.contexts))
        context.push(request)
        self.tasks.start_soon(context.run)

    async def over(self, context: Context) -> None:
        """The context has ended: say so, and forget it."""
        name = context.name or ""
        del self.contexts[name]
        self.fake.live.discard(name)
        self.fake.notify()
        named = {} if context.name is None else {"contextId": name}
        await self.send(
            {"isFinal": True, "audio": None, **named} if self.single else {"isFinal": True, **named}
        )
        self.closing = self.closing or self.single
        await self._close_if_done()

    async def _close_if_done(self) -> None:
        if self.closing and not self.contexts:
            await self.socket.close(1000)
            self.tasks.cancel_scope.cancel()
