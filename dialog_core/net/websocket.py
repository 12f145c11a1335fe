"""WebSockets to vendors: the sans-I/O core of `websockets` on an anyio stream, on any event loop.

Any task may send. One task receives; whoever must wait for something that only reading can bring (a close, a pong)
reads too, and what it reads meanwhile waits for the receiver in order::

    receive()  --.                     .--> inbox --> receive()
    close()    --+--> one read at a time
    keepalive  --'                     '--> pong, close

A write is never left half done, because a frame cut in two would spoil the socket for the other calls that share it:
it is shielded from cancellation, and a peer that takes nothing for 2 s counts as lost.
"""

from __future__ import annotations

import math
import socket as sockets
import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import assert_never

import anyio
import attrs
from anyio.abc import ByteStream, SocketAttribute
from websockets.client import ClientProtocol
from websockets.exceptions import (
    InvalidHandshake,
    InvalidState,
    InvalidStatus,
    InvalidURI,
    ProtocolError,
)
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI, parse_uri

from dialog_core.errors import HandshakeRefused, SocketClosed, SocketError
from dialog_core.net.frames import (
    FINAL_BINARY,
    FINAL_TEXT,
    MASKED,
    extent,
    is_whole,
    message_frame,
    new_masks,
)
from dialog_core.net.groups import ungrouped
from dialog_core.net.loop_stream import LoopStream, connect_stream
from dialog_core.net.tls import client_context
from dialog_core.net.version import USER_AGENT

__all__ = ["ClientSocket", "open_websocket"]

CONNECT_SECONDS = 10.0
KEEPALIVE_SECONDS = 15.0
CLOSE_SECONDS = 0.5
WRITE_SECONDS = 2.0
MAX_MESSAGE = 16 * 1024 * 1024
CHUNK = 65_536
LOST = 1006
BROKEN = (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError)


def never(_data: bytes) -> bool:
    """Streams of other loops cannot send at once."""
    return False


@attrs.define(eq=False)
class ClientSocket:
    """One open WebSocket; see :class:`dialog_core.protocols.WebSocket`.

    Frames are cut from the stream here. Whole messages go straight to the inbox, everything else through the protocol,
    which therefore sees whole frames, or all of a long one, and is never in the middle of one when it is passed by.
    """

    _stream: ByteStream
    _protocol: ClientProtocol
    _inbox: deque[str | bytes] = attrs.field(factory=deque)
    _frames: list[Frame] = attrs.field(factory=list)
    _reading: bool = False
    """A task is waiting for the network."""
    _read_done: anyio.Event | None = None
    """Set when that task's read is over; None while no other waits for it."""
    _unsent: list[bytes] = attrs.field(factory=list)
    _writing: anyio.Event | None = None
    """Set when the write under way is over."""
    _send_now: Callable[[bytes], bool] = attrs.field()
    _masks: Iterator[bytes] = attrs.field(factory=new_masks)
    _closed: SocketClosed | None = None
    _pong: bytes = b""
    _rest: bytes = b""
    """The beginning of a frame."""
    _owed: float = 0
    """Bytes of a long frame that the protocol is still to be given; infinite if all goes through it."""

    @_send_now.default
    def _default_send_now(self) -> Callable[[bytes], bool]:
        return self._stream.send_now if isinstance(self._stream, LoopStream) else never

    @property
    def _busy(self) -> bool:
        """Something is being written, or waits for its turn."""
        return self._writing is not None or bool(self._unsent)

    async def send(self, data: str | bytes) -> None:
        """Send a text or a binary message, in one write. Raises: SocketClosed."""
        if self._closed is not None:
            raise self._closed
        if self._protocol.state is not State.OPEN:
            raise self._end(LOST)
        frame = message_frame(data, next(self._masks))
        if self._busy or not self._send_now(frame):
            self._unsent.append(frame)
            await self._write()
        if self._closed is not None:
            raise self._closed

    async def receive(self) -> str | bytes:
        """The next message. Raises: SocketClosed, after the last message."""
        while not self._inbox:
            if self._closed is not None:
                raise self._closed
            await self._advance()
        return self._inbox.popleft()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close with a handshake of at most 0.5 s; again is harmless."""
        with anyio.move_on_after(CLOSE_SECONDS, shield=True):
            if self._closed is None:
                try:
                    self._protocol.send_close(code, reason)
                except InvalidState:
                    self._end(LOST)
                await self._flush()
            while self._closed is None:
                await self._advance()
        self._end(code, reason)
        await anyio.aclose_forcefully(self._stream)

    async def keep_alive(self, interval: float) -> None:
        """Ping every `interval` seconds; without a pong within as many, the socket counts as lost."""
        number = 0
        while self._closed is None:
            await anyio.sleep(interval)
            number += 1
            if not await self._ping(str(number).encode(), interval):
                self._end(LOST, f"no pong within {interval:g} s")
                await anyio.aclose_forcefully(self._stream)

    async def _ping(self, payload: bytes, patience: float) -> bool:
        try:
            self._protocol.send_ping(payload)
        except InvalidState:
            return True
        await self._flush()
        with anyio.move_on_after(patience):
            while self._pong != payload and self._closed is None:
                if self._inbox and not self._reading:
                    return True  # the receiver is behind, and the pong may be waiting after what it has not read
                await self._advance()
        return self._pong == payload or self._closed is not None

    async def _advance(self) -> None:
        """Wait until something has come: read it, or let the task that reads already do so."""
        if self._reading:
            if self._read_done is None:
                self._read_done = anyio.Event()
            await self._read_done.wait()
            return
        self._reading = True
        try:
            await self._read()
        finally:
            self._reading = False
            if self._read_done is not None:
                self._read_done.set()
                self._read_done = None

    async def _read(self) -> None:
        """One read from the network, which may bring any number of messages."""
        try:
            data = await self._stream.receive(CHUNK)
        except anyio.EndOfStream:
            self._end(LOST)
            return
        except BROKEN:
            self._end(LOST)
            return
        if self._understand(data):
            await self._flush()

    def _understand(self, data: bytes) -> bool:
        """Take what has come. False if it was nothing but whole messages, to which the protocol has no answer."""
        if self._owed:
            rest = data if self._owed >= len(data) else data[: int(self._owed)]
            self._owed -= len(rest)
            self._ask(rest)
            if len(rest) == len(data):
                return True
            data = data[len(rest) :]
            self._understand(data)
            return True
        if self._rest:
            data = self._rest + data
        start, end, asked = 0, len(data), False
        while self._closed is None and (place := extent(data, start, end)) is not None:
            body, over = place
            if over > end:
                if end - start <= CHUNK:
                    break
                self._owed, over = over - end, end
            if self._owed or self._frames or data[start + 1] >= MASKED:
                whole = False
            else:
                whole = data[start] in (FINAL_TEXT, FINAL_BINARY)
            if whole and over - body <= MAX_MESSAGE:
                self._message(data[body:over], is_text=data[start] == FINAL_TEXT)
            else:
                asked = True
                self._ask(data[start:over])
            start = over
        self._rest = data[start:]
        return asked

    def _ask(self, data: bytes) -> None:
        """Let the protocol understand bytes; its answers wait to be flushed."""
        self._protocol.receive_data(data)
        self.take(self._protocol.events_received())

    def take(self, events: Sequence[object]) -> None:
        """Sort what the protocol has understood."""
        for event in events:
            if isinstance(event, Frame):
                self._frame(event)
        if self._protocol.parser_exc is not None:
            sent = self._protocol.close_sent
            self._end(sent.code if sent else LOST, sent.reason if sent else "")

    async def begin(self, events: Sequence[object], *, cut: bool) -> None:
        """Take what came with the answer to the upgrade. cut: it ended in the middle of a frame."""
        self._owed = math.inf if cut else 0
        self.take(events)
        await self._flush()

    def _frame(self, frame: Frame) -> None:
        match frame.opcode:
            case Opcode.TEXT | Opcode.BINARY | Opcode.CONT:
                self._data(frame)
            case Opcode.PONG:
                self._pong = bytes(frame.data)
            case Opcode.CLOSE:
                close = self._protocol.close_rcvd
                self._end(close.code if close else LOST, close.reason if close else "")
            case Opcode.PING:
                return  # the protocol has its answer ready
            case _:
                assert_never(frame.opcode)

    def _data(self, frame: Frame) -> None:
        self._frames.append(frame)
        if not frame.fin:
            return
        frames, self._frames = self._frames, []
        data = frame.data if len(frames) == 1 else b"".join(each.data for each in frames)
        self._message(bytes(data), is_text=frames[0].opcode is Opcode.TEXT)

    def _message(self, data: bytes, *, is_text: bool) -> None:
        if not is_text:
            self._inbox.append(data)
            return
        try:
            self._inbox.append(data.decode())
        except UnicodeDecodeError:
            self._protocol.fail(1007, "text is not utf-8")
            self._end(1007, "text is not utf-8")

    async def _flush(self) -> None:
        """Write what the protocol has to say, all at once."""
        self._unsent += self._protocol.data_to_send()
        await self._write()

    async def _write(self) -> None:
        """Write what waits; whoever's turn it is takes along what others have brought."""
        while self._writing is not None:
            await self._writing.wait()
        data = b"".join(self._unsent)
        self._unsent.clear()
        if data:
            await self._hand_over(data)

    async def _hand_over(self, data: bytes) -> None:
        """Give the network some bytes; it must take them within `WRITE_SECONDS`."""
        written = self._writing = anyio.Event()
        try:
            with anyio.move_on_after(WRITE_SECONDS, shield=True) as limit:
                try:
                    await self._stream.send(data)
                except BROKEN:
                    self._end(LOST)
        finally:
            self._writing = None
            written.set()
        if limit.cancelled_caught:
            self._end(LOST, f"the peer took nothing for {WRITE_SECONDS:g} s")
            await anyio.aclose_forcefully(self._stream)

    def _end(self, code: int, reason: str = "") -> SocketClosed:
        if self._closed is None:
            self._closed = SocketClosed(code, reason)
        return self._closed


@asynccontextmanager
async def open_websocket(
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    timeout: float = CONNECT_SECONDS,  # noqa: ASYNC109 - the contract of Connect
    keepalive: float = KEEPALIVE_SECONDS,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[ClientSocket]:
    """Open a WebSocket; leaving the block closes it.

    timeout: seconds for name lookup, TCP, TLS and upgrade together. keepalive: seconds between pings, and for each
    pong; 0 for none. tls: how to check the certificate, if not as everywhere. Messages above 16 MB close the socket.
    Raises: SocketError naming host and port; HandshakeRefused.
    """
    try:
        uri = parse_uri(url)
    except InvalidURI as error:
        raise SocketError(f"{url.partition('?')[0]!r} is not a ws or wss address") from error
    where = f"{uri.host}:{uri.port}"
    try:
        with anyio.fail_after(timeout):
            socket = await connect(uri, headers or {}, tls or client_context())
    except TimeoutError as error:
        raise SocketError(f"{where} did not answer within {timeout:g} s") from error
    except ssl.SSLError as error:
        raise SocketError(f"no secure connection to {where}: {error.reason or error}") from error
    except OSError as error:
        raise SocketError(f"cannot connect to {where}: {error.__cause__ or error}") from error
    with ungrouped():
        async with anyio.create_task_group() as tasks:
            if keepalive:
                tasks.start_soon(socket.keep_alive, keepalive)
            try:
                yield socket
            finally:
                await socket.close()
                tasks.cancel_scope.cancel()


async def connect(
    uri: WebSocketURI, headers: Mapping[str, str], tls: ssl.SSLContext
) -> ClientSocket:
    """TCP, TLS and upgrade. Raises: OSError, SocketError."""
    stream = await connect_stream(uri.host, uri.port, tls if uri.secure else None)
    try:
        raw = stream.extra(SocketAttribute.raw_socket)  # noqa: S610 - anyio, not Django
        raw.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_NODELAY, 1)
        return await upgrade(stream, uri, headers)
    except BaseException:
        await anyio.aclose_forcefully(stream)
        raise


async def upgrade(
    stream: ByteStream, uri: WebSocketURI, headers: Mapping[str, str]
) -> ClientSocket:
    """Ask for the upgrade and take what comes with the answer. Raises: HandshakeRefused, SocketError."""
    asked = {"user-agent": USER_AGENT} | {name.lower(): value for name, value in headers.items()}
    offered = asked.pop("sec-websocket-protocol", "")
    protocols = [Subprotocol(each.strip()) for each in offered.split(",") if each.strip()]
    protocol = ClientProtocol(uri, subprotocols=protocols or None, max_size=MAX_MESSAGE)
    request = protocol.connect()
    for name, value in asked.items():
        request.headers.pop(name, None)
        request.headers[name] = value
    protocol.send_request(request)
    await stream.send(b"".join(protocol.data_to_send()))
    events: list[object] = []
    came = b""
    while not events and protocol.handshake_exc is None:
        try:
            data = await stream.receive(CHUNK)
            came += data
            protocol.receive_data(data)
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            protocol.receive_eof()
        events += protocol.events_received()
    check(protocol.handshake_exc, f"{uri.host}:{uri.port}")
    socket = ClientSocket(stream, protocol)
    await socket.begin(events, cut=not is_whole(came.partition(b"\r\n\r\n")[2]))
    return socket


def check(error: Exception | None, where: str) -> None:
    """Raises: HandshakeRefused, SocketError."""
    match error:
        case None:
            return
        case InvalidStatus(response=Response() as answer):
            headers = {name.lower(): value for name, value in answer.headers.raw_items()}
            raise HandshakeRefused(answer.status_code, headers, bytes(answer.body or b""))
        case InvalidHandshake() | ProtocolError():
            raise SocketError(f"{where} does not speak WebSocket: {error}") from error
        case _:
            raise SocketError(f"connection to {where} was lost during the upgrade") from error
