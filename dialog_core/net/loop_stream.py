"""A TCP or TLS connection on asyncio's own transport.

anyio's stream on asyncio changes the loop's selector twice for each read and yields to the loop after each write, and
its TLS is done in Python. A vendor's socket sends some fifteen messages a second for each call, where this was most of
their cost. So on asyncio, and on it alone, ours are on the transport directly; elsewhere they are anyio's.
"""

from __future__ import annotations

import asyncio
import socket as sockets
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, cast

import anyio
from anyio.abc import ByteStream, SocketAttribute

from dialog_core.bell import Bell

__all__ = ["LoopStream", "connect_stream"]

READ_AHEAD = 1024 * 1024
"""Bytes that may wait to be read before the peer is slowed down."""


class LoopStream(ByteStream, asyncio.Protocol):
    """One connection; made by :func:`connect_stream`. One task reads, one writes."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._chunks: deque[bytes] = deque()
        self._waiting = 0
        self._news = Bell()
        self.sink: Callable[[bytes], bytes] | None = None
        """Given what comes while nothing waits to be read; what it returns is to be read."""
        self._room: anyio.Event | None = None
        """Not None while the peer takes less than we send."""
        self._ended = False
        self._failed = False
        """It ended without the peer's goodbye."""
        self._closed = False

    # what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self.sink is not None and not self._chunks:
            data = self.sink(data)
            if not data:
                return
        self._chunks.append(data)
        self._waiting += len(data)
        if self._waiting > READ_AHEAD:
            self._transport.pause_reading()
        self._news.ring()

    def eof_received(self) -> None:
        self._ended = True
        self._news.ring()

    def connection_lost(self, exc: Exception | None) -> None:
        self._failed = exc is not None and not self._ended
        self._ended = True
        self._news.ring()
        self.resume_writing()

    def pause_writing(self) -> None:
        self._room = self._room or anyio.Event()

    def resume_writing(self) -> None:
        if self._room is not None:
            self._room.set()
            self._room = None

    # what we call

    async def receive(self, max_bytes: int = 65_536, *, within: float | None = None) -> bytes:
        """The next bytes. within: seconds without any, positive; None for ever.

        Raises: EndOfStream, BrokenResourceError, ClosedResourceError, TimeoutError.
        """
        while not self._chunks:
            if self._closed:
                raise anyio.ClosedResourceError
            if self._failed:
                raise anyio.BrokenResourceError
            if self._ended:
                raise anyio.EndOfStream
            if not await self._news.wait(within):
                raise TimeoutError
        data = self._chunks.popleft()
        if len(data) > max_bytes:
            self._chunks.appendleft(data[max_bytes:])
            data = data[:max_bytes]
        slowed = self._waiting > READ_AHEAD
        self._waiting -= len(data)
        if slowed and self._waiting <= READ_AHEAD and not self._transport.is_closing():
            self._transport.resume_reading()
        return data

    def send_now(self, item: bytes) -> bool:
        """Send if it can be done at once. False if the peer must take something first, or has left."""
        if self._room is not None or self._transport.is_closing():
            return False
        self._transport.write(item)
        return True

    async def send(self, item: bytes) -> None:
        """Send; waits while the peer takes too little. Raises: BrokenResourceError, ClosedResourceError."""
        self._check()
        self._transport.write(item)
        while self._room is not None:
            await self._room.wait()
            self._check()

    def _check(self) -> None:
        if self._closed:
            raise anyio.ClosedResourceError
        if self._transport.is_closing():
            raise anyio.BrokenResourceError

    async def send_eof(self) -> None:
        """No more will be sent."""
        if self._transport.can_write_eof():
            self._transport.write_eof()

    @property
    def is_fresh(self) -> bool:
        """Open both ways, with nothing to read: fit for a new exchange."""
        ended = self._ended or self._closed or self._transport.is_closing()
        return not ended and not self._chunks and self._room is None

    def abort(self) -> None:
        """Close at once; what is not sent yet is lost."""
        self._closed = True
        self._transport.abort()
        self._news.ring()
        self.resume_writing()

    async def aclose(self) -> None:
        """See :meth:`abort`."""
        self.abort()

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        """The socket, as anyio's streams give it."""
        return {SocketAttribute.raw_socket: lambda: self._transport.get_extra_info("socket")}


async def connect_stream(host: str, port: int, tls: ssl.SSLContext | None) -> ByteStream:
    """Connect to the first of the host's addresses that answers. Raises: OSError."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        if tls is None:
            return await anyio.connect_tcp(host, port)
        return await anyio.connect_tcp(host, port, ssl_context=tls, tls_standard_compatible=False)
    # anyio tries addresses side by side, which uvloop does not; its socket is then ours under another number.
    async with await anyio.connect_tcp(host, port) as found:
        raw = found.extra(SocketAttribute.raw_socket)  # noqa: S610 - anyio, not Django
        own = sockets.socket(raw.family, raw.type, raw.proto, fileno=sockets.dup(raw.fileno()))
    own.setblocking(False)
    try:
        name = host if tls else None
        _, stream = await loop.create_connection(
            LoopStream, sock=own, ssl=tls, server_hostname=name
        )
    except BaseException:
        own.close()
        raise
    return stream
