"""A fake Together AI: an ASGI application that hears, thinks and speaks as the real one does.

It checks handshakes and messages, and fails as told::

    fake = FakeTogether(script=["What time is it?"])
    fake.scripts.append(TtsScript(TtsFault.DROP, after=2))   # the first text loses its socket after two chunks
    async with in_memory(fake.app) as services:
        stt = TogetherListener(TogetherSttSettings(api_key=Secret(KEY)), services)

Every stretch of voice on a connection says the next phrase of `script`; its own speech is a tone per word.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import anyio
import attrs
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from dialog_together.testing_chat import answer, denial
from dialog_together.testing_listen import Listening, SttFault
from dialog_together.testing_speak import AUDIO, Speaking, TtsFault, TtsScript

__all__ = ["AUDIO", "KEY", "FakeTogether", "SttFault", "TtsFault", "TtsScript"]

KEY = "tg-test-key"
"""The API key that the fake accepts."""


@attrs.define(eq=False)
class FakeTogether:
    """The vendor; one serves any number of calls."""

    script: Sequence[str] = ()
    """Phrases said by each connection's stretches of voice, in order."""
    answers: Sequence[str] = ("Certainly.",)
    """What the model says, request by request; the last repeats."""
    key: str = KEY
    refusals: deque[int] = attrs.field(factory=deque)
    """HTTP statuses that the next sockets are refused with."""
    unanswered: int = 0
    """Handshakes that are never answered, from now on."""
    faults: Sequence[SttFault] = ()
    """Of the recogniser's first connections, in order; later ones are well."""
    scripts: deque[TtsScript] = attrs.field(factory=deque)
    """How the next committed texts go."""
    latency: float = 0.1
    """Seconds to a text's first audio."""
    seconds_per_character: float = 0.06
    chunk: int = 4800
    """Bytes of audio in a delta, which may cut a sample or a header."""
    speed: float = 20.0
    """Times faster than it sounds that audio is sent; 0: at once."""
    riff: bool = False
    """Put a RIFF header before each item's audio."""
    item_gap: float = 0.0
    """Seconds between the items of a text."""
    lateness: float = 0.8
    """Seconds by which late audio is late."""
    listening: list[Listening] = attrs.field(factory=list)
    """The recogniser's connections."""
    speaking: list[Speaking] = attrs.field(factory=list)
    """The voice's connections."""
    handshakes: list[Mapping[str, str]] = attrs.field(factory=list)
    """Headers of every socket."""
    requests: list[dict[str, Any]] = attrs.field(factory=list)
    """Bodies of the chat's requests."""
    spoken: list[str] = attrs.field(factory=list)
    """Texts that were committed to be spoken."""
    clears: int = 0
    """How often the voice's text buffer was cleared."""
    chunks: int = 0
    """Deltas of audio sent."""
    live: int = 0
    """Connections that are open."""
    _changed: anyio.Event = attrs.field(factory=anyio.Event)

    @property
    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                WebSocketRoute("/v1/realtime", self._listen),
                WebSocketRoute("/v1/audio/speech/websocket", self._speak),
                Route("/v1/chat/completions", self._chat, methods=["POST"]),
            ]
        )

    async def until(self, reached: Callable[[FakeTogether], object]) -> None:
        """Wait until this is true of the fake."""
        while not reached(self):
            await self._changed.wait()

    def notify(self) -> None:
        """Something changed."""
        changed, self._changed = self._changed, anyio.Event()
        changed.set()

    def drop_sockets(self) -> None:
        """Lose every connection of the voice."""
        for connection in self.speaking:
            connection.drop()

    async def _listen(self, socket: WebSocket) -> None:
        if await self._admitted(socket):
            number = len(self.listening)
            fault = self.faults[number] if number < len(self.faults) else SttFault()
            connection = Listening(socket, self.script, fault)
            self.listening.append(connection)
            await self._serve(connection)

    async def _speak(self, socket: WebSocket) -> None:
        if await self._admitted(socket):
            connection = Speaking(self, socket)
            self.speaking.append(connection)
            await self._serve(connection)

    async def _serve(self, connection: Listening | Speaking) -> None:
        self.live += 1
        self.notify()
        try:
            await connection.serve()
        finally:
            self.live -= 1
            self.notify()

    async def _admitted(self, socket: WebSocket) -> bool:
        """Accept a socket, or refuse it."""
        self.handshakes.append(dict(socket.headers))
        self.notify()
        if self.unanswered:
            self.unanswered -= 1
            await anyio.sleep_forever()
        status = self.refusals.popleft() if self.refusals else None
        if status is None and not self._is_ours(socket):
            status = 401
        if status is not None:
            await socket.send_denial_response(denial(status, "refused by a test", "refused"))
            return False
        await socket.accept()
        return True

    async def _chat(self, request: Request) -> Response:
        if not self._is_ours(request):
            return denial(401, "Invalid API key provided", "invalid_api_key")
        number = min(len(self.requests), len(self.answers) - 1)
        self.requests.append(await request.json())
        return await answer(request, self.answers[number])

    def _is_ours(self, connection: HTTPConnection) -> bool:
        return connection.headers.get("authorization") == f"Bearer {self.key}"
