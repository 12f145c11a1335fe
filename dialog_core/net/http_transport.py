"""httpx's way to the network on asyncio: pooled HTTP/1.1 connections on our own streams.

httpx stays what everybody uses; this replaces what lies below it there. A streamed answer is read a few hundred times,
and each read went through seven generators, two timers, a parser for both roles and a stream that tells the event
loop's selector twice; and each request asked the system about every idle connection. Here a read is a future and a
search for the end of the chunk.

::

    request -> place (at most so many at once) -> idle connection, or a new one -> head, body
                                                        ^                            |
                                                        '--- if both may go on ------'

A connection that the peer has closed, or on which it said something unasked, is not used again. A request is sent
once: whether it may be repeated is for those to say who know what it does.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import cast

import anyio
import httpx

from dialog_core.net.http_wire import (
    Body,
    Garbled,
    Head,
    body_of,
    parse_head,
    write_head,
)
from dialog_core.net.loop_stream import LoopStream, connect_stream

__all__ = ["READ", "LoopTransport"]

READ = "dialog.read"
"""The extension of a response that reads its body under a limit of its own for each read; see :meth:`Answer.read`."""

PORTS = {"http": 80, "https": 443}
SWITCHING = 101
FINAL = 200
BROKEN = (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError)

Origin = tuple[bytes, bytes, int | None]


class Link:
    """One connection, used by one request at a time."""

    def __init__(self, origin: Origin, stream: LoopStream) -> None:
        self.origin = origin
        self.stream = stream
        self.until = 0.0
        """When it has been idle for too long; seconds on the loop's clock."""

    async def send(self, request: httpx.Request, limit: float | None) -> None:
        """Write the request. A peer that stops taking it may have answered already, so that is no error yet."""
        data = written(request)
        chunked = request.headers.get("transfer-encoding") == "chunked"
        try:
            async for piece in cast("AsyncIterator[bytes]", request.stream):
                data += (
                    (b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b"") if chunked else piece
                )
                await self._write(data, limit)
                data = b""
            if chunked:
                data += b"0\r\n\r\n"
            if data:
                await self._write(data, limit)
        except BROKEN:
            return

    async def _write(self, data: bytes, limit: float | None) -> None:
        if self.stream.send_now(data):
            return
        with timed(limit, httpx.WriteTimeout):
            await self.stream.send(data)

    async def receive(self, limit: float | None) -> bytes:
        """The next bytes; none at the end of the connection. Raises: httpx.ReadTimeout, httpx.ReadError."""
        try:
            return await self.stream.receive(within=limit)
        except anyio.EndOfStream:
            return b""
        except TimeoutError as late:
            raise httpx.ReadTimeout(f"nothing came for {limit:g} s") from late
        except BROKEN as error:
            raise httpx.ReadError("the connection was lost") from error

    async def head(self, limit: float | None) -> tuple[Head, bytes]:
        """The head of the answer, and the first bytes after it. Raises: Garbled, httpx.TransportError."""
        data = b""
        while True:
            found = parse_head(data)
            if found is None:
                more = await self.receive(limit)
                if not more:
                    raise Garbled("the server disconnected without sending a response")
                data += more
            elif found[0].status == SWITCHING:
                raise Garbled("the server switches to a protocol that nobody asked for")
            elif found[0].status >= FINAL:
                return found
            else:
                data = found[1]


class Answer(httpx.AsyncByteStream):
    """A response's body as it comes; closing it gives the connection back, or up if something is left."""

    def __init__(
        self, link: Link, body: Body, data: bytes, *, limit: float | None, over: Callable[[], None]
    ) -> None:
        """data: of the body, what came with the head. limit: seconds for a read. over: called when it is closed."""
        self._link = link
        self._body = body
        self._data = data
        self._limit = limit
        self._over: Callable[[], None] | None = over

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (piece := await self.read(self._limit)) is not None:
            yield piece

    async def read(self, limit: float | None) -> bytes | None:
        """The next bytes; None at the end. limit: seconds without any. Raises: httpx.TransportError."""
        body = self._body
        piece, self._data = self._data, b""
        with garbled():
            while not piece and not body.done:
                data = await self._link.receive(limit)
                if data:
                    piece = body.feed(data)
                else:
                    body.end()
                    break
        return piece or None

    async def aclose(self) -> None:
        over, self._over = self._over, None
        if over is not None:
            over()


class LoopTransport(httpx.AsyncBaseTransport):
    """Connections to all hosts; see :func:`dialog_core.net.http.new_http_client`."""

    def __init__(self, tls: ssl.SSLContext, limits: httpx.Limits, now: Callable[[], float]) -> None:
        """now: seconds on the loop's clock."""
        self._tls = tls
        self._tls.set_alpn_protocols(["http/1.1"])
        self._most_idle = limits.max_keepalive_connections or 0
        self._expiry = limits.keepalive_expiry or 0.0
        self._most = limits.max_connections or 1
        self._places = anyio.Semaphore(self._most, fast_acquire=True)
        self._now = now
        self._idle: dict[Link, None] = {}
        """Those that wait longest first."""
        self._busy: set[Link] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See httpx. Raises: httpx.TransportError."""
        limits = request.extensions.get("timeout", {})
        await self._place(limits.get("pool"))
        try:
            link = await self._link(request, limits.get("connect"))
        except BaseException:
            self._places.release()
            raise
        try:
            with garbled():
                await link.send(request, limits.get("write"))
                head, data = await link.head(limits.get("read"))
                body = body_of(request.method.encode(), head)
                data = body.feed(data) if data else b""
        except BaseException:
            self._release(link, reuse=False)
            raise
        lasting = head.keeps_alive and request.headers.get("connection", "").lower() != "close"

        def over() -> None:
            self._release(link, reuse=lasting and body.done and not body.rest)

        answer = Answer(link, body, data, limit=limits.get("read"), over=over)
        return httpx.Response(
            head.status,
            headers=head.headers,
            stream=answer,
            extensions={
                "http_version": b"HTTP/" + head.version,
                "reason_phrase": head.reason,
                READ: answer.read,
            },
        )

    async def aclose(self) -> None:
        """Close all connections; answers under way break off."""
        for link in (*self._idle, *self._busy):
            await link.stream.aclose()
        self._idle.clear()

    async def _place(self, limit: float | None) -> None:
        """Wait until one request more may be under way. Raises: httpx.PoolTimeout."""
        try:
            self._places.acquire_nowait()
        except anyio.WouldBlock:
            with timed(limit, httpx.PoolTimeout):
                await self._places.acquire()

    async def _link(self, request: httpx.Request, limit: float | None) -> Link:
        """An idle connection to the request's host that is still good, or a new one. Raises: httpx.TransportError."""
        url = request.url
        origin = (url.raw_scheme, url.raw_host, url.port)
        link = self._rested(origin)
        if link is None:
            if len(self._busy) + len(self._idle) >= self._most:
                self._drop(next(iter(self._idle)))
            link = Link(origin, await self._connect(url, limit))
        self._busy.add(link)
        return link

    def _rested(self, origin: Origin) -> Link | None:
        """The connection to this host that was used last, if any; those that rested too long are closed."""
        now = self._now()
        for link in tuple(self._idle):
            if link.until > now:
                break
            self._drop(link)
        for link in reversed(tuple(self._idle)):
            if link.origin == origin:
                del self._idle[link]
                if link.stream.is_fresh:
                    return link
                link.stream.abort()
        return None

    async def _connect(self, url: httpx.URL, limit: float | None) -> LoopStream:
        port = url.port or PORTS.get(url.scheme)
        if port is None or not url.host:
            raise httpx.UnsupportedProtocol(f"{str(url)!r} is not an http or https address")
        tls = self._tls if url.scheme == "https" else None
        try:
            with timed(limit, httpx.ConnectTimeout):
                stream = await connect_stream(url.raw_host.decode("ascii"), port, tls)
        except OSError as error:
            raise httpx.ConnectError(str(error)) from error
        return cast("LoopStream", stream)

    def _drop(self, link: Link) -> None:
        del self._idle[link]
        link.stream.abort()

    def _release(self, link: Link, *, reuse: bool) -> None:
        """The request is over. reuse: the connection may serve another."""
        self._busy.discard(link)
        if reuse and link.stream.is_fresh and len(self._idle) < self._most_idle:
            link.until = self._now() + self._expiry
            self._idle[link] = None
        else:
            link.stream.abort()
        self._places.release()


def written(request: httpx.Request) -> bytes:
    """The request's head. Raises: httpx.LocalProtocolError."""
    try:
        return write_head(
            request.method.encode("ascii", "replace"), request.url.raw_path, request.headers.raw
        )
    except Garbled as error:
        raise httpx.LocalProtocolError(str(error)) from error


@contextmanager
def garbled() -> Iterator[None]:
    """Tell httpx's users of a peer's faults in their own words."""
    try:
        yield
    except Garbled as error:
        raise httpx.RemoteProtocolError(str(error)) from error


@contextmanager
def timed(limit: float | None, error: type[httpx.TimeoutException]) -> Iterator[None]:
    """Allow so many seconds; None for as many as it takes."""
    try:
        with anyio.fail_after(limit):
            yield
    except TimeoutError as late:
        raise error("it took too long" if limit is None else f"it took over {limit:g} s") from late
