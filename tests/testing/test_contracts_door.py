from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from dialog_core.errors import HandshakeRefused, SocketClosed
from dialog_core.factory import Services
from dialog_core.testing.contracts import Door, Failure
from dialog_core.testing.vendor import in_memory

pytestmark = pytest.mark.anyio

WS = "ws://vendor.example/echo"
HTTP = "http://vendor.example/count"


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    while (message := await socket.receive())["type"] == "websocket.receive":
        await socket.send_text(message["text"])


class Count:
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"text/plain")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for number in range(5):
            body = str(number).encode()
            await send({"type": "http.response.body", "body": body, "more_body": number < 4})


@asynccontextmanager
async def vendor() -> AsyncIterator[tuple[Door, Services]]:
    door = Door(Starlette(routes=[WebSocketRoute("/echo", echo), Route("/count", Count())]))
    async with in_memory(door) as services:
        yield door, services
        with anyio.fail_after(1):
            await door.empty()


async def test_what_is_well_passes_and_is_counted() -> None:
    async with vendor() as (door, services):
        async with services.connect(WS) as socket:
            await socket.send("hello")
            assert await socket.receive() == "hello"
            assert (door.opened, door.closed) == (1, 0)
        assert (await services.http.get(HTTP)).text == "01234"
        await door.empty()
        assert (door.opened, door.closed) == (2, 2)


@pytest.mark.parametrize(
    ("failure", "status"), [(Failure.REFUSED, 401), (Failure.BUSY, 429), (Failure.DOWN, 503)]
)
async def test_a_refusal_is_an_http_status_so_many_times(failure: Failure, status: int) -> None:
    async with vendor() as (door, services):
        door.fail(failure, times=2)
        with pytest.raises(HandshakeRefused, match=str(status)):
            async with services.connect(WS):
                pass
        assert (await services.http.get(HTTP)).status_code == status
        assert (await services.http.get(HTTP)).status_code == httpx.codes.OK


async def test_without_an_end_it_fails_until_it_is_mended() -> None:
    async with vendor() as (door, services):
        door.fail(Failure.DOWN, times=None)
        for _ in range(3):
            assert (await services.http.get(HTTP)).status_code == 503
        door.mend()
        assert (await services.http.get(HTTP)).text == "01234"


@pytest.mark.parametrize("failure", [Failure.DROP, Failure.DOWN])
async def test_what_is_live_is_lost_at_once(failure: Failure) -> None:
    async with vendor() as (door, services), services.connect(WS) as socket:
        await socket.send("hello")
        assert await socket.receive() == "hello"
        door.fail(failure)
        with pytest.raises(SocketClosed, match="1006"):
            await socket.receive()


async def test_a_connection_is_lost_after_so_many_messages() -> None:
    async with vendor() as (door, services):
        door.fail(Failure.DROP, after=2)
        async with services.connect(WS) as socket:
            for _ in range(2):
                await socket.send("hello")
                assert await socket.receive() == "hello"
            await socket.send("hello")
            with pytest.raises(SocketClosed, match="1006"):
                await socket.receive()


async def test_a_body_is_lost_after_so_many_pieces() -> None:
    async with vendor() as (door, services):
        door.fail(Failure.DROP, after=2)
        async with services.http.stream("GET", HTTP) as response:
            pieces = response.aiter_raw()
            assert [await anext(pieces), await anext(pieces)] == [b"0", b"1"]
            with pytest.raises(httpx.RemoteProtocolError):
                await anext(pieces)


async def test_a_mute_vendor_takes_everything_and_stays() -> None:
    async with vendor() as (door, services):
        door.fail(Failure.MUTE)
        async with services.connect(WS) as socket:
            await socket.send("hello")
            with anyio.move_on_after(60) as waiting:
                await socket.receive()
            assert waiting.cancelled_caught
        await door.empty()
        door.fail(Failure.MUTE)
        with pytest.raises(httpx.ReadTimeout):
            await services.http.get(HTTP, timeout=5)


async def test_a_slow_vendor_is_late_once() -> None:
    async with vendor() as (door, services):
        now = services.clock.monotonic
        door.fail(Failure.SLOW, seconds=2.0)
        began = now()
        assert (await services.http.get(HTTP)).text == "01234"
        assert now() - began == pytest.approx(2.0, abs=0.01)


async def test_garbage_comes_before_what_is_well() -> None:
    async with vendor() as (door, services):
        door.fail(Failure.GARBAGE, after=1)
        async with services.connect(WS) as socket:
            for text in ("one", "two"):
                await socket.send(text)
            assert [await socket.receive() for _ in range(3)] == ["one", "{garbage", "two"]
        await door.empty()
        door.fail(Failure.GARBAGE)
        page = await services.http.get(HTTP)
        assert page.headers["content-type"] == "text/html"


async def test_a_fake_with_tasks_of_its_own_may_be_left_at_any_time() -> None:
    async def chatter(socket: WebSocket) -> None:
        await socket.accept()
        async with anyio.create_task_group() as tasks:
            for _ in range(2):
                tasks.start_soon(talk, socket)

    async def talk(socket: WebSocket) -> None:
        while True:
            await socket.send_text("well")

    door = Door(Starlette(routes=[WebSocketRoute("/echo", chatter)]))
    async with in_memory(door) as services:
        async with services.connect(WS) as socket:
            assert await socket.receive() == "well"
        with anyio.fail_after(1):
            await door.empty()


async def test_a_lie_over_http_is_an_early_end() -> None:
    async with vendor() as (door, services):
        door.fail(Failure.LYING, after=3)
        assert (await services.http.get(HTTP)).text == "012"


async def test_a_lie_of_the_fakes_own_is_the_fakes() -> None:
    lies: list[int | None] = []
    door = Door(Starlette(), lies.append)
    door.fail(Failure.LYING, times=3)
    door.fail(Failure.LYING, times=None)
    assert lies == [3, None]
