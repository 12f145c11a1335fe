"""A WebSocket client that does only what a phone needs, at half the cost: many phones load a server from one core.

Put it in the place of the ordinary one: ``attrs.evolve(services, connect=light_connect)``. It speaks plain ``ws``,
sends no pings, and masks with a key of zeros, which leaves the payload as it is.

Source: RFC 6455, sections 4.1 and 5.2.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import anyio
from anyio.abc import ByteStream

from dialog_core.errors import HandshakeRefused, SocketClosed, SocketError

__all__ = ["LightSocket", "light_connect"]

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CHUNK = 65_536
HEAD_MOST = 16_384
SHORT, LONG = 126, 65_536
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
CLOSE_SECONDS = 0.5
NO_MASK = b"\0\0\0\0"
SWITCHING = 101
LOST = (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream)


class LightSocket:
    """One open WebSocket; see :class:`dialog_core.protocols.WebSocket`. One task receives, any may send."""

    def __init__(self, stream: ByteStream, received: bytes) -> None:
        self._stream = stream
        self._buffer = bytearray(received)
        self._writing = anyio.Lock(fast_acquire=True)
        self._closed: SocketClosed | None = None

    async def send(self, data: str | bytes) -> None:  # per frame
        """Send a text or a binary message. Raises: SocketClosed."""
        if isinstance(data, str):
            await self._write(TEXT, data.encode())
        else:
            await self._write(BINARY, data)

    async def receive(self) -> str | bytes:
        """The next message. Raises: SocketClosed."""
        while True:
            opcode, payload = await self._next()
            if opcode == TEXT:
                return payload.decode()
            if opcode == BINARY:
                return payload
            if opcode == PING:
                await self._write(PONG, payload)
            elif opcode == CLOSE:
                code = struct.unpack_from("!H", payload)[0] if len(payload) > 1 else 1005
                raise await self._end(SocketClosed(code, payload[2:].decode(errors="replace")))

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Say goodbye; again is harmless. Does not wait for the answer."""
        if self._closed is None:
            with anyio.move_on_after(CLOSE_SECONDS, shield=True):
                try:
                    await self._write(CLOSE, struct.pack("!H", code) + reason.encode())
                except SocketClosed:
                    return
            await self._end(SocketClosed(code, reason))

    async def _write(self, opcode: int, payload: bytes) -> None:  # per frame
        if self._closed is not None:
            raise self._closed
        size = len(payload)
        if size < SHORT:
            head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
        elif size < LONG:
            head = struct.pack("!BBH", 0x80 | opcode, 0xFE, size)
        else:
            head = struct.pack("!BBQ", 0x80 | opcode, 0xFF, size)
        try:
            async with self._writing:
                await self._stream.send(head + NO_MASK + payload)
        except LOST:
            raise await self._end(SocketClosed()) from None

    async def _next(self) -> tuple[int, bytes]:
        """One frame; servers here do not cut messages into several."""
        first, size = await self._take(2)
        if size == SHORT:
            (size,) = struct.unpack("!H", await self._take(2))
        elif size > SHORT:
            (size,) = struct.unpack("!Q", await self._take(8))
        if not first & 0x80:
            raise SocketError("a message came in pieces, which this client does not read")
        return first & 0x0F, await self._take(size)

    async def _take(self, size: int) -> bytes:
        buffer = self._buffer
        while len(buffer) < size:
            if self._closed is not None:
                raise self._closed
            try:
                buffer += await self._stream.receive(CHUNK)
            except LOST:
                raise await self._end(SocketClosed()) from None
        taken = bytes(buffer[:size])
        del buffer[:size]
        return taken

    async def _end(self, closed: SocketClosed) -> SocketClosed:
        if self._closed is None:
            self._closed = closed
            await anyio.aclose_forcefully(self._stream)
        return self._closed


@asynccontextmanager
async def light_connect(
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    timeout: float = 10.0,  # noqa: ASYNC109 - the contract of Connect
) -> AsyncIterator[LightSocket]:
    """Open a WebSocket; see :class:`dialog_core.factory.Connect`. url: ws only."""
    parts = urlsplit(url)
    if parts.scheme != "ws" or parts.hostname is None:
        raise SocketError(f"the light client speaks ws only, not {parts.scheme!r}")
    try:
        with anyio.fail_after(timeout):
            stream = await anyio.connect_tcp(parts.hostname, parts.port or 80)
            received = await shake_hands(stream, parts.netloc, parts.path, headers or {})
    except TimeoutError as error:
        raise SocketError(f"no answer from {parts.netloc} within {timeout:g} s") from error
    except (OSError, *LOST) as error:
        raise SocketError(f"cannot connect to {parts.netloc}: {type(error).__name__}") from error
    socket = LightSocket(stream, received)
    try:
        yield socket
    finally:
        await socket.close()


async def shake_hands(
    stream: ByteStream, host: str, path: str, headers: Mapping[str, str]
) -> bytes:
    """Upgrade. Returns what came after the answer's head. Raises: SocketError."""
    key = base64.b64encode(secrets.token_bytes(16))
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key.decode()}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    await stream.send("\r\n".join([*lines, "", ""]).encode("latin-1"))
    received = b""
    while b"\r\n\r\n" not in received:
        received += await stream.receive(CHUNK)
        if len(received) > HEAD_MOST:
            raise SocketError("the answer to the upgrade does not end")
    head, _, rest = received.partition(b"\r\n\r\n")
    status, *fields = head.decode("latin-1").split("\r\n")
    answered = dict(field.lower().split(": ", 1) for field in fields if ": " in field)
    number = int(status.split()[1])
    expected = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()  # noqa: S324 - RFC 6455
    if number != SWITCHING:
        await anyio.aclose_forcefully(stream)
        raise HandshakeRefused(number, answered, rest)
    if answered.get("sec-websocket-accept") != expected.lower():
        raise SocketError("the answer to the upgrade is not of a WebSocket server")
    return rest
