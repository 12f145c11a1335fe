"""Frames that are read together while many calls are up: on real sockets, whose buffers the system keeps."""

from __future__ import annotations

import asyncio
import fcntl
import socket
import ssl
import sys
import termios
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import attrs
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from dialog_core.net.media_protocol import MediaProtocol
from dialog_core.net.pace import CALLERS_A_FRAME, Pace
from tests.net.test_media_protocol import UPGRADE, frame

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the system cannot wait for bytes")

AUDIO = b"audio " * 50
KEY = b"key"
BACKENDS = ["asyncio", "uvloop"]


class Counting(MediaProtocol):
    """Tells what it has read."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.news = anyio.Event()
        self.taken: list[bytes] = []
        self.reads: list[int] = []
        """How many messages each read had brought until then."""

    def take(self, texts: Sequence[bytes]) -> int:
        self.taken += texts
        return len(texts)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self.reads.append(len(self.taken))
        self.news.set()

    async def until(self, count: int) -> None:
        while len(self.taken) < count:
            self.news = anyio.Event()
            await self.news.wait()


@attrs.define(eq=False)
class Other:
    """A socket that is open, and no more."""

    loop: asyncio.AbstractEventLoop
    held: bool = False
    reads: int = 0

    def hold(self) -> None:
        self.held = True

    def let_go(self) -> None:
        self.held = False

    def read_now(self) -> None:
        self.reads += 1


@attrs.define
class Line:
    """A client's socket, and the server's end of it."""

    client: socket.socket
    server: socket.socket
    protocol: Counting
    pace: Pace

    async def send(self, *messages: bytes) -> None:
        """Each in a packet of its own; the loop has its turn after each."""
        for message in messages:
            self.client.sendall(frame(0x81, message))
            await anyio.lowlevel.checkpoint()

    async def tick(self, waiting: int) -> None:
        """The line's turn comes, and that of the others, once so many frames of audio wait in the system."""
        while self.unread < waiting * len(frame(0x81, AUDIO)):
            await anyio.lowlevel.checkpoint()
        self.pace.tick()
        self.pace.tick()

    @property
    def unread(self) -> int:
        """Bytes that have come and were not read."""
        counted = fcntl.ioctl(self.server, termios.FIONREAD, bytes(4))
        return int.from_bytes(counted, sys.byteorder)


def secured(client: socket.socket, certificate: Path) -> ssl.SSLSocket:
    """The client's end after the handshake."""
    context = ssl.create_default_context(cafile=certificate)
    context.check_hostname = False
    return context.wrap_socket(client)


def run(
    backend: str,
    others: int,
    work: Callable[[Line], Awaitable[None]],
    *,
    frame: float = 1000.0,
    certificate: tuple[Path, Path] | None = None,
) -> None:
    """Hold one socket while so many others are open; unless `frame` is short, only the test ticks."""

    async def held() -> None:
        accepted, over = anyio.Event(), anyio.Event()

        async def application(_scope: Scope, receive: Receive, send: Send) -> None:
            await receive()
            await send({"type": "websocket.accept"})
            accepted.set()
            await over.wait()

        config = uvicorn.Config(application, lifespan="off")
        config.ws_ping_interval = None
        config.load()
        state, loop, pace = ServerState(), asyncio.get_running_loop(), Pace(3, frame=frame)
        here, there = socket.create_server(("127.0.0.1", 0)), socket.socket()
        with here, there:
            there.connect(here.getsockname())
            there.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            own, _ = here.accept()
            context, client = None, there
            if certificate is not None:
                context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
                context.load_cert_chain(*certificate)
            accepting = asyncio.ensure_future(
                loop.connect_accepted_socket(
                    lambda: Counting(config, state, {}, loop, pace=pace), own, ssl=context
                )
            )
            if certificate is not None:
                client = await anyio.to_thread.run_sync(secured, there, certificate[0])
            transport, protocol = await accepting
            client.sendall(UPGRADE)
            await accepted.wait()
            for _ in range(others):
                pace.join(Other(loop))
            protocol.divert(protocol.take)
            protocol.reads.clear()
            with anyio.fail_after(10):
                await work(Line(client, own, protocol, pace))
            over.set()
            await asyncio.gather(*state.tasks)
            transport.abort()
            await anyio.lowlevel.checkpoint()
            client.close()

    anyio.run(held, backend="asyncio", backend_options={"use_uvloop": backend == "uvloop"})


@pytest.mark.parametrize("backend", BACKENDS)
def test_frames_are_read_together_while_many_sockets_are_open(backend: str) -> None:
    async def work(line: Line) -> None:
        for number in range(4):
            await line.send(AUDIO, AUDIO, AUDIO)
            assert line.protocol.taken == [AUDIO] * 3 * number
            await line.tick(3)
        assert line.protocol.reads == [3, 6, 9, 12]
        await line.tick(0)
        assert line.protocol.reads == [3, 6, 9, 12]

    run(backend, 2 * CALLERS_A_FRAME, work)


@pytest.mark.parametrize("backend", BACKENDS)
def test_ticks_come_by_themselves(backend: str) -> None:
    async def work(line: Line) -> None:
        for number in range(1, 4):
            await line.send(AUDIO, AUDIO)
            await line.protocol.until(2 * number)

    run(backend, CALLERS_A_FRAME, work, frame=0.002)


def test_callers_who_leave_count_no_more() -> None:
    async def counted() -> list[int]:
        loop, pace = asyncio.get_running_loop(), Pace(3)
        callers = [Other(loop) for _ in range(5 * CALLERS_A_FRAME)]
        together = []
        for caller in callers:
            pace.join(caller)
            pace.join(caller)
            together.append(pace.together)
            assert [each.held for each in callers].count(True) in (0, len(together))
            assert caller.held == (pace.together > 1)
        for caller in callers:
            pace.leave(caller)
            together.append(pace.together)
            assert callers[-1].held == (pace.together > 1)
        return together

    each = CALLERS_A_FRAME
    up = [1] * (each - 1) + [2] * each + [3] * (3 * each + 1)
    assert asyncio.run(counted()) == up + up[-2::-1] + [1]


def test_half_of_the_callers_are_read_at_a_tick_and_the_other_half_at_the_next() -> None:
    async def read() -> list[list[int]]:
        loop, pace = asyncio.get_running_loop(), Pace(3, frame=1000.0)
        callers = [Other(loop) for _ in range(2 * CALLERS_A_FRAME)]
        for caller in callers:
            pace.join(caller)
        for caller in callers[: CALLERS_A_FRAME // 2]:
            pace.leave(caller)
        left = callers[CALLERS_A_FRAME // 2 :]
        reads = []
        for _ in range(4):
            pace.tick()
            reads.append([caller.reads for caller in left])
        for caller in left:
            pace.leave(caller)
        return reads

    first, second, third, fourth = asyncio.run(read())
    assert sum(first) == len(first) // 2
    assert second == [1] * len(first)
    assert third == [count + 1 for count in first]
    assert fourth == [2] * len(first)


@pytest.mark.parametrize("backend", BACKENDS)
def test_each_frame_is_read_as_it_comes_while_few_sockets_are_open(backend: str) -> None:
    async def work(line: Line) -> None:
        for number in range(1, 6):
            await line.send(AUDIO)
            await line.protocol.until(number)
        assert line.protocol.reads == [1, 2, 3, 4, 5]

    run(backend, CALLERS_A_FRAME // 2, work)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_great_deal_is_read_as_it_comes(backend: str) -> None:
    async def work(line: Line) -> None:
        await line.send(*[AUDIO] * 40)
        await line.protocol.until(20)

    run(backend, 2 * CALLERS_A_FRAME, work)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_client_that_leaves_is_noticed_and_what_it_said_is_read(backend: str) -> None:
    async def work(line: Line) -> None:
        await line.send(AUDIO, KEY)
        line.client.shutdown(socket.SHUT_WR)
        await line.protocol.until(2)
        assert line.protocol.taken == [AUDIO, KEY]
        await line.tick(0)

    run(backend, 2 * CALLERS_A_FRAME, work)


def test_what_comes_by_tls_is_left_to_the_transport(certificate: tuple[Path, Path]) -> None:
    async def work(line: Line) -> None:
        for number in range(1, 4):
            line.client.sendall(frame(0x81, AUDIO))
            while not line.unread:
                continue
            await line.tick(0)
            await line.protocol.until(number)
        assert line.protocol.taken == [AUDIO] * 3

    run("asyncio", 2 * CALLERS_A_FRAME, work, certificate=certificate)


@pytest.mark.parametrize("backend", BACKENDS)
def test_nothing_is_read_while_the_application_has_enough_to_do(backend: str) -> None:
    async def work(line: Line) -> None:
        line.protocol.read_paused = True
        await line.send(AUDIO, AUDIO)
        await line.tick(2)
        assert line.protocol.reads == []
        line.protocol.read_paused = False
        await line.tick(2)
        assert line.protocol.reads == [2]

    run(backend, 2 * CALLERS_A_FRAME, work)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_socket_that_is_not_diverted_any_more_is_read_as_it_comes(backend: str) -> None:
    async def work(line: Line) -> None:
        await line.send(AUDIO)
        line.protocol.divert(None)
        before = len(line.protocol.reads)
        await line.send(AUDIO)
        while len(line.protocol.reads) == before:
            line.protocol.news = anyio.Event()
            await line.protocol.news.wait()

    run(backend, 2 * CALLERS_A_FRAME, work)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_client_whose_data_cannot_be_handled_ends_alone(backend: str) -> None:
    told: list[str] = []

    async def work(line: Line) -> None:
        def broken(_texts: Sequence[bytes]) -> int:
            raise ZeroDivisionError

        asyncio.get_running_loop().set_exception_handler(
            lambda _loop, context: told.append(context["message"])
        )
        line.protocol.divert(broken)
        await line.send(AUDIO)
        await line.tick(1)
        assert line.protocol.transport.is_closing()

    run(backend, 2 * CALLERS_A_FRAME, work)
    assert told == ["a client's data could not be handled"]
