"""A server that behaves like Deepgram's live transcription, v1 and v2, and fails on request.

::

    fake = FakeDeepgram(vocabulary=("hello", "there"), faults=(Fault(drop_after=1.0),))
    async with in_memory(fake.app) as services:
        stt = Deepgram(DeepgramSettings(api_key=Secret(KEY)), services)

What it hears: :mod:`dialog_core.testing.hearing`. What it refuses: :mod:`dialog_deepgram.checks`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

import anyio
import attrs
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from dialog_core.audio import TELEPHONE, AudioFrame
from dialog_core.call.clock import SystemClock
from dialog_core.errors import ProviderProtocolError
from dialog_core.protocols import SttSession
from dialog_core.testing.hearing import Ear, spoken
from dialog_core.testing.vendor import Drop
from dialog_deepgram import protocol as wire
from dialog_deepgram.checks import Options, Refusal, check
from dialog_deepgram.recogniser import REQUEST, FluxRecogniser, LiveRecogniser

__all__ = ["KEY", "Connection", "FakeDeepgram", "Fault", "play", "spoken"]

KEY = "test-key"
"""The API key, or token, that the fake accepts."""

IDLE_SECONDS = 10.0
REPLIES = 256
"""Messages that may be under way to a client; then the fake stops reading, like a full TCP window."""
REASONS = {429: "TOO_MANY_REQUESTS", 402: "ASR_PAYMENT_REQUIRED", 403: "INSUFFICIENT_PERMISSIONS"}


async def play(session: SttSession, frames: Iterable[AudioFrame]) -> None:
    """Feed frames as a line would: each when its last sample has sounded."""
    clock = SystemClock()
    began: float | None = None
    for frame in frames:
        if began is None:
            began = clock.monotonic() - frame.at
        due = began + frame.at + TELEPHONE.seconds(len(frame.data))
        await anyio.sleep(max(0.0, due - clock.monotonic()))
        session.feed(frame)


@attrs.frozen
class Fault:
    """What goes wrong on one connection. Seconds are of audio received on it, but for `late`."""

    refuse: int | None = None
    """HTTP status instead of an upgrade."""
    unanswered: bool = False
    """Never answer the handshake."""
    drop_after: float | None = None
    """Lose the connection without a close frame."""
    close_after: float | None = None
    """Close it, with code 1011 and a reason."""
    mute_after: float | None = None
    """Send nothing more, but go on reading."""
    garbage_after: float | None = None
    """Send something that is not JSON, once."""
    late: float = 0.0
    """Seconds by which every message is late."""
    deaf_to_finalize: bool = False
    lying: bool = False
    """Send times that cannot be true."""
    unready: bool = False
    """v2: never send Connected."""
    first: str = ""
    """Text sent as the first message."""


@attrs.define(eq=False)
class Connection:
    """What a client did on one connection, for a test to look at."""

    path: str
    query: tuple[tuple[str, str], ...]
    headers: dict[str, str]
    commands: list[tuple[float, str]] = attrs.field(factory=list)
    """Kinds of text messages, with the loop's time."""
    audio: list[tuple[float, int]] = attrs.field(factory=list)
    """Sizes of binary messages, with the loop's time."""
    seconds: float = 0.0
    """Audio received."""
    accepted: bool = False
    closed: bool = False
    """The connection is over."""

    def kinds(self) -> list[str]:
        """The kinds of the commands."""
        return [kind for _, kind in self.commands]


@attrs.define(eq=False)
class FakeDeepgram:
    """Deepgram for tests and load; one serves any number of calls."""

    script: Sequence[str] = ()
    """Phrases said by each connection's stretches of voice, in order."""
    vocabulary: Sequence[str] = ()
    """Words that audio made by :func:`spoken` carries; then `script` is not used."""
    faults: Sequence[Fault] = ()
    """Of the first connections, in order; later ones are well."""
    latency: float = 0.0
    """Seconds between audio and what is said about it."""
    key: str = KEY
    connections: list[Connection] = attrs.field(factory=list)

    @property
    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                WebSocketRoute("/v1/listen", self._serve),
                WebSocketRoute("/v2/listen", self._serve),
            ]
        )

    async def _serve(self, websocket: WebSocket) -> None:
        number = len(self.connections)
        fault = self.faults[number] if number < len(self.faults) else Fault()
        query = tuple(websocket.query_params.multi_items())
        headers = dict(websocket.headers)
        connection = Connection(websocket.url.path, query, headers)
        self.connections.append(connection)
        flux = connection.path.startswith("/v2")
        judged = check(headers, query, key=self.key, flux=flux)
        if fault.refuse is not None:
            code = REASONS.get(fault.refuse, "INTERNAL_SERVER_ERROR")
            judged = Refusal(fault.refuse, code, "refused by a test")
        try:
            if fault.unanswered:
                await anyio.sleep_forever()
            if isinstance(judged, Refusal):
                await websocket.send_denial_response(denial(judged))
                return
            await websocket.accept(headers=[(b"dg-request-id", REQUEST.encode())])
            connection.accepted = True
            talk = self._talk(websocket, connection, judged, fault)
            await talk.run()
        finally:
            connection.closed = True

    def _talk(
        self, websocket: WebSocket, connection: Connection, options: Options, fault: Fault
    ) -> Talk:
        flux = connection.path.startswith("/v2")
        ear = Ear(options.fmt, self.script, self.vocabulary)
        make = FluxRecogniser if flux else LiveRecogniser
        recogniser = make(options, ear, fault.lying)
        return Talk(websocket, connection, options, fault, recogniser, self.latency + fault.late)


def denial(refusal: Refusal) -> Response:
    """An HTTP response in Deepgram's form."""
    body = {"err_code": refusal.code, "err_msg": refusal.message, "request_id": REQUEST}
    return Response(
        json.dumps(body),
        status_code=refusal.status,
        headers={"dg-error": f"{refusal.code}: {refusal.message}", "dg-request-id": REQUEST},
        media_type="application/json",
    )


@attrs.frozen
class Ending:
    """How a connection ends; without a code, the client has gone already."""

    code: int | None = None
    reason: str = ""
    flush: bool = False
    """What is under way is delivered first."""
    drop: bool = False


@attrs.frozen(eq=False)
class Talk:
    """One accepted connection."""

    websocket: WebSocket
    connection: Connection
    options: Options
    fault: Fault
    recogniser: LiveRecogniser | FluxRecogniser
    late: float
    clock: SystemClock = attrs.field(factory=SystemClock)

    @property
    def flux(self) -> bool:
        """True for v2."""
        return isinstance(self.recogniser, FluxRecogniser)

    async def run(self) -> None:
        """Serve until either side ends it. Raises: Drop."""
        outbox, inbox = anyio.create_memory_object_stream[tuple[float, str]](REPLIES)
        with outbox, inbox:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._deliver, inbox)
                ending = await self._listen(outbox)
                if ending.flush:
                    outbox.close()
                else:
                    tasks.cancel_scope.cancel()
        if ending.drop:
            raise Drop
        here = self.websocket.application_state is WebSocketState.CONNECTED
        if ending.code is not None and here:
            await self.websocket.close(ending.code, ending.reason)

    async def _deliver(self, inbox: MemoryObjectReceiveStream[tuple[float, str]]) -> None:
        async for due, text in inbox:
            await anyio.sleep(max(0.0, due - self.clock.monotonic()))
            try:
                await self.websocket.send_text(text)
            except WebSocketDisconnect:
                return

    async def _listen(self, outbox: MemoryObjectSendStream[tuple[float, str]]) -> Ending:
        """Take messages until one of them, or a fault, ends the connection."""
        opened = self.clock.monotonic()
        await self._reply(outbox, self._greeting())
        while True:
            # A KeepAlive alone does not save a connection that was never sent audio.
            spent = 0.0 if self.connection.seconds else self.clock.monotonic() - opened
            message = None
            with anyio.move_on_after(IDLE_SECONDS - spent):
                message = await self.websocket.receive()
            if message is None:
                return Ending(1011, "NET-0001: no audio and no text in time")
            if message["type"] == "websocket.disconnect":
                return Ending()
            text, data = message.get("text"), message.get("bytes")
            if text is not None:
                ending = await self._obey(text, outbox)
            else:
                ending = await self._hear(data or b"", outbox)
            if ending is not None:
                return ending

    def _greeting(self) -> Iterator[str]:
        if self.fault.first:
            yield self.fault.first
        if self.flux and not self.fault.unready:
            yield wire.build(wire.Connected(REQUEST))

    async def _obey(
        self, text: str, outbox: MemoryObjectSendStream[tuple[float, str]]
    ) -> Ending | None:
        parse = wire.parse_flux_command if self.flux else wire.parse_command
        try:
            command = parse(text)
        except ProviderProtocolError:
            command = wire.Unknown("")
        kind = command.kind if isinstance(command, wire.Unknown) else type(command).__name__
        self.connection.commands.append((self.clock.monotonic(), kind))
        if isinstance(command, wire.Unknown):
            return await self._complain(outbox)
        if isinstance(command, wire.Finalize) and self.fault.deaf_to_finalize:
            return None
        # The recogniser of a connection knows its commands: v1 or v2, by the same path.
        answers = self.recogniser.obey(command)  # type: ignore[arg-type]
        await self._reply(outbox, map(wire.build, answers))
        return Ending(1000, flush=True) if isinstance(command, wire.CloseStream) else None

    async def _complain(self, outbox: MemoryObjectSendStream[tuple[float, str]]) -> Ending | None:
        if self.flux:
            failure = wire.FluxFailure("UNPARSABLE_CLIENT_MESSAGE", "could not parse")
            await self._reply(outbox, (wire.build(failure),))
            return Ending(1000, flush=True)
        await self._reply(outbox, (wire.build(wire.Failure("SchemaError", "could not parse")),))
        return None

    async def _hear(
        self, data: bytes, outbox: MemoryObjectSendStream[tuple[float, str]]
    ) -> Ending | None:
        if not data:
            return Ending(1000, flush=True)
        connection, fault = self.connection, self.fault
        connection.audio.append((self.clock.monotonic(), len(data)))
        before = connection.seconds
        connection.seconds += self.options.fmt.seconds(len(data))
        await self._reply(outbox, map(wire.build, self.recogniser.hear(data)))
        if fault.garbage_after is not None and before < fault.garbage_after <= connection.seconds:
            await outbox.send((0.0, "{not json"))
        if fault.drop_after is not None and connection.seconds >= fault.drop_after:
            return Ending(drop=True)
        if fault.close_after is not None and connection.seconds >= fault.close_after:
            return Ending(1011, "NET-0000: internal error", flush=True)
        return None

    async def _reply(
        self, outbox: MemoryObjectSendStream[tuple[float, str]], texts: Iterable[str]
    ) -> None:
        mute = self.fault.mute_after
        due = self.clock.monotonic() + self.late
        for text in texts:
            if mute is None or self.connection.seconds < mute:
                await outbox.send((due, text))
