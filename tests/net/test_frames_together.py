"""Frames that are read together while many calls are up: on real sockets, whose buffers the system keeps."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import anyio
import anyio.lowlevel
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

    def look(self) -> None:
        pass


@attrs.define
class Line:
    """A client's socket, and the server's end of it."""

    client: socket.socket
    protocol: Counting

    async def send(self, *messages: bytes) -> None:
        """Each in a packet of its own; the loop has its turn after each."""
        for message in messages:
            self.client.sendall(frame(0x81, message))
            await anyio.lowlevel.checkpoint()


def run(backend: str, others: int, work: Callable[[Line], Awaitable[None]]) -> None:
    """Hold one socket while so many others are open."""

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
        state, loop, pace = ServerState(), asyncio.get_running_loop(), Pace(3)
        here, there = socket.create_server(("127.0.0.1", 0)), socket.socket()
        with here, there:
            there.connect(here.getsockname())
            own, _ = here.accept()
            transport, protocol = await loop.connect_accepted_socket(
                lambda: Counting(config, state, {}, loop, pace=pace), own
            )
            there.sendall(UPGRADE)
            await accepted.wait()
            for _ in range(others):
                pace.join(Other(loop))
            protocol.divert(protocol.take)
            protocol.reads.clear()
            with anyio.fail_after(10):
                await work(Line(there, protocol))
            over.set()
            await asyncio.gather(*state.tasks)
            transport.abort()
            await anyio.lowlevel.checkpoint()

    anyio.run(held, backend="asyncio", backend_options={"use_uvloop": backend == "uvloop"})


@pytest.mark.parametrize("backend", BACKENDS)
def test_frames_are_read_together_while_many_sockets_are_open(backend: str) -> None:
    async def work(line: Line) -> None:
        await line.send(AUDIO)
        await line.protocol.until(1)
        for number in range(1, 5):
            await line.send(AUDIO, AUDIO)
            assert line.protocol.taken == [AUDIO] * (3 * number - 2)
            await line.send(AUDIO)
            await line.protocol.until(3 * number + 1)
        assert line.protocol.reads == [1, 4, 7, 10, 13]

    run(backend, 2 * CALLERS_A_FRAME, work)


def test_callers_who_leave_count_no_more() -> None:
    async def counted() -> list[int]:
        loop, pace = asyncio.get_running_loop(), Pace(3)
        callers = [Other(loop) for _ in range(5 * CALLERS_A_FRAME)]
        together = []
        for caller in callers:
            pace.join(caller)
            pace.join(caller)
            together.append(pace.together)
        for caller in callers:
            pace.leave(caller)
            together.append(pace.together)
        return together

    each = CALLERS_A_FRAME
    up = [1] * (each - 1) + [2] * each + [3] * (3 * each + 1)
    assert asyncio.run(counted()) == up + up[-2::-1] + [1]


@pytest.mark.parametrize("backend", BACKENDS)
def test_each_frame_is_read_as_it_comes_while_few_sockets_are_open(backend: str) -> None:
    async def work(line: Line) -> None:
        for number in range(1, 6):
            await line.send(AUDIO)
            await line.protocol.until(number)
        assert line.protocol.reads == [1, 2, 3, 4, 5]

    run(backend, CALLERS_A_FRAME // 2, work)


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_comes_alone_is_read_with_the_next_frames_or_soon(backend: str) -> None:
    async def work(line: Line) -> None:
        await line.send(AUDIO)
        await line.protocol.until(1)
        await line.send(KEY)
        await line.protocol.until(2)
        assert line.protocol.taken == [AUDIO, KEY]
        await line.send(AUDIO)
        await line.protocol.until(3)

    run(backend, 2 * CALLERS_A_FRAME, work)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_client_that_leaves_is_noticed_and_what_it_said_is_read(backend: str) -> None:
    async def work(line: Line) -> None:
        await line.send(AUDIO)
        await line.protocol.until(1)
        await line.send(KEY)
        line.client.shutdown(socket.SHUT_WR)
        await line.protocol.until(2)
        assert line.protocol.taken == [AUDIO, KEY]

    run(backend, 2 * CALLERS_A_FRAME, work)


@pytest.mark.parametrize("backend", BACKENDS)
def test_longer_and_shorter_frames_are_read_together_too(backend: str) -> None:
    async def work(line: Line) -> None:
        await line.send(AUDIO * 4)
        await line.protocol.until(1)
        await line.send(*[AUDIO] * 12)
        await line.protocol.until(12)
        at = len(line.protocol.reads)
        for _ in range(3):
            await line.send(AUDIO, AUDIO, AUDIO)
        await line.protocol.until(21)
        assert len(line.protocol.reads) - at <= 5

    run(backend, 2 * CALLERS_A_FRAME, work)
