from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from inspect import signature
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from anyio.abc import ByteStream, SocketAttribute, SocketStream
from anyio.streams.tls import TLSStream
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from dialog_core.errors import SocketClosed, SocketError
from dialog_core.net.websocket import open_websocket

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize(
        "anyio_backend", ["asyncio", ("asyncio", {"use_uvloop": True}), "trio"]
    ),
]

seen: list[object] = []

# a server that can misbehave in ways that ASGI cannot express

Serve = Callable[[SocketStream, ServerProtocol], Awaitable[None]]


@asynccontextmanager
async def bare(serve: Serve) -> AsyncIterator[str]:
    async def handle(stream: SocketStream) -> None:
        async with stream:
            protocol = ServerProtocol()
            protocol.receive_data(await stream.receive())
            for event in protocol.events_received():
                if isinstance(event, Request):
                    protocol.send_response(protocol.accept(event))
            with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
                await serve(stream, protocol)

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, handle)
        port = listener.extra(SocketAttribute.local_port)  # noqa: S610 - anyio, not Django
        yield f"ws://127.0.0.1:{port}/"
        tasks.cancel_scope.cancel()


async def frames(stream: ByteStream, protocol: ServerProtocol) -> list[Frame]:
    protocol.receive_data(await stream.receive())
    return [event for event in protocol.events_received() if isinstance(event, Frame)]


async def flush(stream: ByteStream, protocol: ServerProtocol) -> None:
    await stream.send(b"".join(protocol.data_to_send()))


async def test_messages_that_come_with_the_handshake_are_kept() -> None:
    async def serve(stream: SocketStream, protocol: ServerProtocol) -> None:
        protocol.send_text(b"early")
        await flush(stream, protocol)
        await anyio.sleep_forever()

    async with bare(serve) as url, open_websocket(url) as socket:
        assert await socket.receive() == "early"


async def test_a_message_in_pieces_is_put_together() -> None:
    async def serve(stream: SocketStream, protocol: ServerProtocol) -> None:
        protocol.send_text("gr\u00fc".encode()[:3], fin=False)
        protocol.send_ping(b"between")
        protocol.send_continuation("gr\u00fc\u00df".encode()[3:], fin=True)
        await flush(stream, protocol)
        await anyio.sleep_forever()

    async with bare(serve) as url, open_websocket(url) as socket:
        assert await socket.receive() == "gr\u00fc\u00df"


async def test_a_ping_is_answered() -> None:
    async def serve(stream: SocketStream, protocol: ServerProtocol) -> None:
        protocol.send_ping(b"are you there")
        await flush(stream, protocol)
        answer = await frames(stream, protocol)
        assert (answer[0].opcode, answer[0].data) == (Opcode.PONG, b"are you there")
        protocol.send_text(b"fine")
        await flush(stream, protocol)
        await anyio.sleep_forever()

    async with bare(serve) as url, open_websocket(url) as socket:
        assert await socket.receive() == "fine"


async def test_text_that_is_not_utf8_is_the_peers_fault() -> None:
    async def serve(stream: SocketStream, protocol: ServerProtocol) -> None:
        protocol.send_text(b"\xff\xfe")
        await flush(stream, protocol)
        answer = await frames(stream, protocol)
        seen.append(protocol.close_rcvd.code if protocol.close_rcvd else answer)

    seen.clear()
    async with bare(serve) as url, open_websocket(url) as socket:
        with pytest.raises(SocketClosed) as closed:
            await socket.receive()
        with anyio.move_on_after(1):
            while not seen:
                await anyio.lowlevel.checkpoint()
    assert closed.value.code == 1007
    assert seen == [1007]


async def test_leaving_waits_at_most_half_a_second_for_a_goodbye() -> None:
    async def serve(stream: SocketStream, protocol: ServerProtocol) -> None:
        await flush(stream, protocol)
        await anyio.sleep_forever()

    async with bare(serve) as url:
        async with open_websocket(url):
            began = anyio.current_time()
        took = anyio.current_time() - began
    assert 0.4 < took < 1.0


async def test_a_server_that_does_not_speak_websocket_is_named() -> None:
    async def handle(stream: SocketStream) -> None:
        async with stream:
            await stream.receive()
            await stream.send(b"SSH-2.0-OpenSSH_9.6\r\n")

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, handle)
        port = listener.extra(SocketAttribute.local_port)  # noqa: S610 - anyio, not Django
        with pytest.raises(SocketError, match=rf"127\.0\.0\.1:{port}"):
            async with open_websocket(f"ws://127.0.0.1:{port}/"):
                pass
        tasks.cancel_scope.cancel()


# keepalive


@pytest.mark.requirement("B.17")
async def test_pings_go_every_fifteen_seconds() -> None:
    assert signature(open_websocket).parameters["keepalive"].default == 15.0


@pytest.mark.requirement("B.17")
async def test_pings_are_sent_and_their_pongs_seen_also_while_nobody_receives() -> None:
    pings: list[bytes] = []
    enough = anyio.Event()

    async def serve(stream: SocketStream, protocol: ServerProtocol) -> None:
        await flush(stream, protocol)
        while True:
            pings.extend(bytes(f.data) for f in await frames(stream, protocol))
            await flush(stream, protocol)
            if len(pings) >= 3:
                enough.set()

    async with bare(serve) as url, open_websocket(url, keepalive=0.02) as socket:
        await enough.wait()
        await socket.send("still open")
    assert pings[:3] == [b"1", b"2", b"3"]


@pytest.mark.requirement("B.17")
async def test_a_missing_pong_is_a_lost_connection() -> None:
    async def serve(stream: SocketStream, protocol: ServerProtocol) -> None:
        await flush(stream, protocol)
        await anyio.sleep_forever()

    async with bare(serve) as url, open_websocket(url, keepalive=0.02) as socket:
        with pytest.raises(SocketClosed, match="no pong") as closed:
            await socket.receive()
    assert closed.value.code == 1006


# TLS


@asynccontextmanager
async def secure(certificate: tuple[Path, Path]) -> AsyncIterator[str]:
    async def serve(stream: ByteStream, protocol: ServerProtocol) -> None:
        await flush(stream, protocol)
        for frame in await frames(stream, protocol):
            protocol.send_text(bytes(frame.data).upper())
        await flush(stream, protocol)
        await frames(stream, protocol)
        await flush(stream, protocol)

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)

    async def handle(plain: SocketStream) -> None:
        async with plain:
            with suppress(ssl.SSLError, anyio.BrokenResourceError, anyio.EndOfStream):
                stream = await TLSStream.wrap(
                    plain, server_side=True, ssl_context=context, standard_compatible=False
                )
                protocol = ServerProtocol()
                protocol.receive_data(await stream.receive())
                for event in protocol.events_received():
                    if isinstance(event, Request):
                        protocol.send_response(protocol.accept(event))
                await serve(stream, protocol)

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, handle)
        port = listener.extra(SocketAttribute.local_port)  # noqa: S610 - anyio, not Django
        yield f"wss://localhost:{port}/"
        tasks.cancel_scope.cancel()


async def test_messages_go_over_tls(certificate: tuple[Path, Path]) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    async with secure(certificate) as url, open_websocket(url, tls=trusting) as socket:
        await socket.send("hello")
        assert await socket.receive() == "HELLO"


async def test_an_unknown_certificate_is_refused(certificate: tuple[Path, Path]) -> None:
    async with secure(certificate) as url:
        with pytest.raises(SocketError, match=r"no secure connection to localhost:\d+"):
            async with open_websocket(url):
                pass
