from __future__ import annotations

import socket as sockets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from inspect import signature

import anyio
import anyio.lowlevel
import pytest
from anyio.abc import SocketAttribute
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from dialog_core.errors import HandshakeRefused, SocketClosed, SocketError
from dialog_core.net.version import USER_AGENT
from dialog_core.net.websocket import ClientSocket, open_websocket
from dialog_core.testing.vendor import Drop, served

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("anyio_backend", ["asyncio", ("asyncio", {"use_uvloop": True})]),
]

seen: list[object] = []


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    try:
        while (message := await socket.receive())["type"] == "websocket.receive":
            if message.get("text") == "drop":
                raise Drop
            if message.get("text") == "bye":
                await socket.close(4001, "enough")
                return
            await socket.send({**message, "type": "websocket.send"})
        seen.append((message["code"], message["reason"]))
    except WebSocketDisconnect as gone:
        seen.append((gone.code, gone.reason))


async def burst(socket: WebSocket) -> None:
    await socket.accept()
    for number in range(500):
        await socket.send_text(str(number))
    await socket.close()


async def tell(socket: WebSocket) -> None:
    offered = socket.scope["subprotocols"]
    await socket.accept(subprotocol=offered[0] if offered else None)
    headers = socket.headers
    await socket.send_json([headers["user-agent"], headers.get("authorization"), offered])
    await socket.close()


async def refuse(socket: WebSocket) -> None:
    denial = Response(b"no credit", 402, {"dg-error": "insufficient credit"})
    await socket.send_denial_response(denial)


async def stall(_socket: WebSocket) -> None:
    await anyio.sleep_forever()


async def huge(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_bytes(bytes(16 * 1024 * 1024 + 1))
    await socket.receive()


app = Starlette(
    routes=[WebSocketRoute(f"/{f.__name__}", f) for f in (echo, burst, tell, refuse, stall, huge)]
)


@asynccontextmanager
async def connected(path: str) -> AsyncIterator[ClientSocket]:
    async with served(app) as base, open_websocket(f"ws{base[4:]}/{path}") as socket:
        yield socket


async def test_text_and_binary_go_both_ways() -> None:
    async with connected("echo") as socket:
        await socket.send("grüße")
        await socket.send(b"\x00\xff")
        assert await socket.receive() == "grüße"
        assert await socket.receive() == b"\x00\xff"


async def test_many_messages_arrive_in_order_before_the_close() -> None:
    async with connected("burst") as socket:
        assert [await socket.receive() for _ in range(500)] == [str(n) for n in range(500)]
        with pytest.raises(SocketClosed) as closed:
            await socket.receive()
    assert closed.value.code == 1000


async def test_several_tasks_may_send() -> None:
    async with connected("echo") as socket, anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(socket.send, f"{number} " + "x" * 20_000)
        got = {str(await socket.receive()).partition(" ")[0] for _ in range(20)}
        assert got == {str(number) for number in range(20)}


async def test_a_cancelled_receive_loses_nothing() -> None:
    async with connected("echo") as socket:
        with anyio.move_on_after(0.01):
            await socket.receive()
        await socket.send("still here")
        assert await socket.receive() == "still here"


async def test_it_introduces_itself_and_sends_the_headers() -> None:
    async with served(app) as base:
        headers = {"Authorization": "Token abc", "Sec-WebSocket-Protocol": "realtime, beta"}
        async with open_websocket(f"ws{base[4:]}/tell", headers=headers) as socket:
            told = await socket.receive()
    assert told == f'["{USER_AGENT}","Token abc",["realtime","beta"]]'


async def test_the_peer_sees_our_code_and_reason() -> None:
    seen.clear()
    async with connected("echo") as socket:
        await socket.close(4002, "done")
        with pytest.raises(SocketClosed) as closed:
            await socket.send("more")
    assert closed.value.code == 4002
    assert seen == [(4002, "done")]


async def test_we_see_the_peers_code_and_reason() -> None:
    async with connected("echo") as socket:
        await socket.send("bye")
        with pytest.raises(SocketClosed) as closed:
            await socket.receive()
    assert (closed.value.code, closed.value.reason) == (4001, "enough")


async def test_a_connection_lost_without_a_close_is_1006() -> None:
    async with connected("echo") as socket:
        await socket.send("drop")
        with pytest.raises(SocketClosed) as closed:
            await socket.receive()
    assert closed.value.code == 1006


async def test_a_refused_upgrade_tells_status_headers_and_body() -> None:
    with pytest.raises(HandshakeRefused) as refused:
        async with connected("refuse"):
            pass
    assert refused.value.status == 402
    assert refused.value.headers["dg-error"] == "insufficient credit"
    assert refused.value.body == b"no credit"


async def test_too_large_a_message_closes_the_socket() -> None:
    async with connected("huge") as socket:
        with pytest.raises(SocketClosed) as closed:
            await socket.receive()
    assert closed.value.code == 1009


async def test_nodelay_is_set() -> None:
    async with connected("echo") as socket:
        raw = socket._stream.extra(SocketAttribute.raw_socket)  # noqa: S610 - anyio, not Django
        assert raw.getsockopt(sockets.IPPROTO_TCP, sockets.TCP_NODELAY)


# failing to connect


async def test_a_closed_port_is_named() -> None:
    async with served(app) as base:
        port = base.rpartition(":")[2]
    with pytest.raises(SocketError, match=rf"cannot connect to 127\.0\.0\.1:{port}: "):
        async with open_websocket(f"ws://127.0.0.1:{port}/"):
            pass


async def test_an_unknown_name_is_named() -> None:
    with pytest.raises(SocketError, match=r"cannot connect to nowhere\.invalid:443"):
        async with open_websocket("wss://nowhere.invalid/"):
            pass


@pytest.mark.requirement("B.16")
async def test_connecting_has_one_deadline() -> None:
    async with served(app) as base:
        where = base.removeprefix("http://")
        with pytest.raises(SocketError, match=rf"{where} did not answer within 0\.05 s"):
            async with open_websocket(f"ws://{where}/stall", timeout=0.05):
                pass


@pytest.mark.requirement("B.16")
async def test_the_deadline_is_ten_seconds_unless_said_otherwise() -> None:
    assert signature(open_websocket).parameters["timeout"].default == 10.0


@pytest.mark.parametrize("url", ["http://vendor.example/", "vendor.example", "wss://"])
async def test_another_kind_of_address_is_refused(url: str) -> None:
    with pytest.raises(SocketError, match="not a ws or wss address"):
        async with open_websocket(url):
            pass


async def test_an_error_in_the_block_comes_out_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError):
        async with connected("echo"):
            raise ZeroDivisionError
