"""Requests over real sockets, to a server that says exactly what a test wants it to."""

from __future__ import annotations

import math
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import attrs
import httpx
import pytest
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSAttribute, TLSListener, TLSStream

from dialog_core.call.clock import SystemClock
from dialog_core.net.http import new_http_client
from dialog_core.net.http_transport import READ, LoopTransport
from dialog_core.net.tls import client_context
from dialog_core.testing.pytest_plugin import real_loop

pytestmark = [pytest.mark.anyio, real_loop]

HELLO = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"


@attrs.define
class Server:
    """Answers the n-th request of each connection with the n-th answer; then it hangs up, or falls silent."""

    answers: tuple[bytes, ...]
    silent: bool = False
    url: str = ""
    requests: list[bytes] = attrs.field(factory=list)
    connections: int = 0
    closed: anyio.Event = attrs.field(factory=anyio.Event)
    """Set when a client has closed a connection."""

    async def serve(self, stream: ByteStream) -> None:
        self.connections += 1
        async with stream:
            try:
                for answer in self.answers:
                    self.requests.append(await self._request(stream))
                    await stream.send(answer)
                if self.silent:
                    await stream.receive()
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                self.closed.set()

    async def _request(self, stream: ByteStream) -> bytes:
        """A request whose body is told by length, or ends with the last chunk."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += await stream.receive()
        head, _, body = data.partition(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b": ")
            if name.lower() == b"content-length":
                length = int(value)
        while len(body) < length or (b"chunked" in head and not body.endswith(END)):
            body += await stream.receive()
        return head + b"\r\n\r\n" + body


@asynccontextmanager
async def serving(*answers: bytes, silent: bool = False) -> AsyncIterator[Server]:
    server = Server(answers, silent)
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(SocketAttribute.local_port)  # noqa: S610 - anyio, not Django
    server.url = f"http://127.0.0.1:{port}/path?a=b"
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, server.serve)
        with anyio.fail_after(10):
            yield server
        tasks.cancel_scope.cancel()


def client(most: int = 10, idle: int = 10, expiry: float = 30.0) -> httpx.AsyncClient:
    limits = httpx.Limits(
        max_connections=most, max_keepalive_connections=idle, keepalive_expiry=expiry
    )
    transport = LoopTransport(client_context(), limits, SystemClock().monotonic)
    return httpx.AsyncClient(transport=transport, timeout=5.0)


async def test_a_request_says_what_was_asked() -> None:
    async with serving(HELLO) as server, new_http_client() as http:
        response = await http.post(server.url, json={"a": 1}, headers={"X-Own": "1"})
    assert (response.status_code, response.text, response.reason_phrase) == (200, "hello", "OK")
    (request,) = server.requests
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /path?a=b HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"\r\nX-Own: 1" in head
    assert b"\r\nContent-Length: 7" in head
    assert body == b'{"a":1}'


async def test_a_body_without_a_length_is_sent_in_chunks() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"ab", b"", b"c" * 100_000):
            yield piece

    async with serving(HELLO) as server, new_http_client() as http:
        await http.post(server.url, content=pieces())
    chunks = b"2\r\nab\r\n186a0\r\n" + b"c" * 100_000 + b"\r\n" + END
    assert server.requests[0].partition(b"\r\n\r\n")[2] == chunks


async def test_a_stream_is_read_as_it_comes() -> None:
    async with (
        serving(CHUNKED + b"3\r\none\r\n", silent=True) as server,
        new_http_client() as http,
        http.stream("GET", server.url) as response,
    ):
        assert await anext(response.aiter_raw()) == b"one"


@pytest.mark.parametrize("answer", [HELLO, CHUNKED + b"5\r\nhello\r\n" + END])
async def test_a_connection_is_used_again(answer: bytes) -> None:
    async with serving(answer, answer, answer) as server, new_http_client() as http:
        for _ in range(3):
            assert (await http.get(server.url)).text == "hello"
    assert server.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        HELLO.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n"),
        HELLO.replace(b"1.1", b"1.0"),
        HELLO + b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nhello",
    ],
)
async def test_a_connection_that_may_not_go_on_is_not_used_again(answer: bytes) -> None:
    async with serving(answer) as server, new_http_client() as http:
        for _ in range(2):
            assert (await http.get(server.url)).text == "hello"
    assert server.connections == 2


async def test_what_comes_unasked_on_an_idle_connection_is_nobodys_answer() -> None:
    async with serving(HELLO, HELLO, silent=True) as server, new_http_client() as http:
        async with http.stream("HEAD", server.url) as response:
            assert response.headers["content-length"] == "5"
        assert (await http.get(server.url)).text == "hello"
    assert server.connections == 2


async def test_a_connection_that_the_server_has_closed_is_not_used_again() -> None:
    async with serving(HELLO) as server, client() as http:
        for number in range(3):
            assert (await http.get(server.url)).text == "hello"
            while server.connections == number + 1 and await still_idle(http):
                pass
    assert server.connections == 3


async def still_idle(http: httpx.AsyncClient) -> bool:
    """Let the loop run once."""
    await anyio.lowlevel.checkpoint()
    transport = http._transport
    assert isinstance(transport, LoopTransport)
    return any(link.stream.is_fresh for link in transport._idle)


async def test_a_connection_that_rested_too_long_is_not_used_again() -> None:
    async with serving(HELLO, HELLO) as server, client(expiry=0.0) as http:
        for _ in range(2):
            await http.get(server.url)
    assert server.connections == 2


async def test_a_body_left_half_read_gives_its_connection_up() -> None:
    async with (
        serving(CHUNKED + b"3\r\none\r\n", silent=True) as server,
        new_http_client() as http,
    ):
        async with http.stream("GET", server.url):
            pass
        await server.closed.wait()


async def test_a_cancelled_request_gives_its_connection_up_and_its_place() -> None:
    async with serving(b"", silent=True) as server, client(most=1) as http:
        for number in range(2):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(http.get, server.url)
                while len(server.requests) == number:
                    await anyio.lowlevel.checkpoint()
                tasks.cancel_scope.cancel()
            await server.closed.wait()
            server.closed = anyio.Event()


async def test_interim_responses_are_passed_over() -> None:
    async with (
        serving(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + HELLO) as server,
        new_http_client() as http,
    ):
        assert (await http.get(server.url)).text == "hello"


async def test_no_more_requests_are_under_way_than_allowed() -> None:
    async with serving(CHUNKED, silent=True) as server, client(most=1) as http:
        async with http.stream("GET", server.url):
            with pytest.raises(httpx.PoolTimeout):
                await http.get(server.url, timeout=httpx.Timeout(5.0, pool=0.02))
        async with http.stream("GET", server.url):
            pass
    assert server.connections == 2


async def test_idle_connections_make_room_for_other_hosts() -> None:
    async with (
        serving(HELLO, silent=True) as one,
        serving(HELLO, silent=True) as other,
        client(most=1) as http,
    ):
        await http.get(one.url)
        await http.get(other.url)
        await one.closed.wait()


async def test_no_more_connections_rest_than_allowed() -> None:
    async with serving(HELLO, silent=True) as server, client(idle=0) as http:
        await http.get(server.url)
        await server.closed.wait()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", httpx.RemoteProtocolError),
        (b"SSH-2.0\r\n\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", httpx.RemoteProtocolError),
        (HELLO[:-1], httpx.RemoteProtocolError),
        (CHUNKED + b"5\r\nhello\r\n", httpx.RemoteProtocolError),
        (CHUNKED + b"no size\r\n", httpx.RemoteProtocolError),
    ],
)
async def test_what_is_no_answer_is_an_error_of_the_servers(
    answer: bytes, error: type[httpx.TransportError]
) -> None:
    async with serving(answer) as server, new_http_client() as http:
        with pytest.raises(error) as caught:
            await http.get(server.url)
        assert str(caught.value.request.url) == server.url


@pytest.mark.parametrize(
    ("answer", "most"), [(b"", 5.0), (HELLO[:-1], 5.0), (CHUNKED, 5.0), (b"", math.inf)]
)
async def test_a_silent_server_is_waited_for_as_long_as_asked(answer: bytes, most: float) -> None:
    limit = httpx.Timeout(most, read=0.02) if most < math.inf else httpx.Timeout(None, read=0.02)
    async with serving(answer, silent=True) as server, new_http_client() as http:
        with pytest.raises(httpx.ReadTimeout):
            await http.get(server.url, timeout=limit)


async def test_a_read_may_have_a_limit_of_its_own() -> None:
    async with (
        serving(CHUNKED + b"3\r\none\r\n", silent=True) as server,
        new_http_client() as http,
        http.stream("GET", server.url) as response,
    ):
        read = response.extensions[READ]
        assert await read(5.0) == b"one"
        with pytest.raises(httpx.ReadTimeout):
            await read(0.02)


async def test_a_read_of_a_whole_body_ends() -> None:
    async with (
        serving(HELLO) as server,
        new_http_client() as http,
        http.stream("GET", server.url) as response,
    ):
        read = response.extensions[READ]
        assert (await read(5.0), await read(5.0)) == (b"hello", None)


async def test_a_server_that_reads_nothing_is_waited_for_as_long_as_asked() -> None:
    async def much() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 1_000_000

    with socket.create_server(("127.0.0.1", 0)) as deaf:
        async with new_http_client() as http:
            limit = httpx.Timeout(5.0, write=0.05)
            url = f"http://127.0.0.1:{deaf.getsockname()[1]}/"
            with pytest.raises(httpx.WriteTimeout):
                await http.post(url, content=much(), timeout=limit)


async def test_a_host_that_is_not_there_is_named_an_error_of_connecting() -> None:
    async with serving() as server, new_http_client() as http:
        gone = server.url
    async with new_http_client() as http:
        with pytest.raises(httpx.ConnectError):
            await http.get(gone)
        with pytest.raises(httpx.UnsupportedProtocol):
            await http.get("ftp://localhost/")


async def test_a_header_that_would_be_two_is_refused() -> None:
    async with serving(HELLO) as server, new_http_client() as http:
        with pytest.raises(httpx.LocalProtocolError):
            await http.get(server.url, headers={"X-Own": "1\r\nX-Other: 2"})
    assert server.requests == []


async def test_closing_the_client_ends_what_is_under_way() -> None:
    failed: list[Exception] = []

    async def read(http: httpx.AsyncClient, url: str, begun: Callable[[], None]) -> None:
        try:
            async with http.stream("GET", url) as response:
                begun()
                await response.aread()
        except httpx.TransportError as error:
            failed.append(error)

    async with serving(CHUNKED, silent=True) as server:
        begun = anyio.Event()
        async with anyio.create_task_group() as tasks:
            async with client() as http:
                tasks.start_soon(read, http, server.url, begun.set)
                await begun.wait()
    assert [type(each) for each in failed] == [httpx.ReadError]


async def test_a_secure_connection_is_checked_and_used_again(
    certificate: tuple[Path, Path],
) -> None:
    cert, key = map(str, certificate)
    ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ours.load_cert_chain(cert, key)
    ours.set_alpn_protocols(["h2", "http/1.1"])
    server = Server((HELLO, HELLO))
    plain = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = plain.extra(SocketAttribute.local_port)  # noqa: S610 - anyio, not Django
    listener = TLSListener(plain, ours, standard_compatible=False)
    protocols = set[str | None]()

    async def serve(stream: TLSStream) -> None:
        protocols.add(stream.extra(TLSAttribute.alpn_protocol))  # noqa: S610 - anyio, not Django
        await server.serve(stream)

    trusting = ssl.create_default_context(cafile=cert)
    limits = httpx.Limits(max_connections=2, max_keepalive_connections=2)
    transport = LoopTransport(trusting, limits, SystemClock().monotonic)
    async with (
        listener,
        anyio.create_task_group() as tasks,
        httpx.AsyncClient(transport=transport) as http,
        new_http_client() as doubting,
    ):
        tasks.start_soon(listener.serve, serve)
        for _ in range(2):
            assert (await http.get(f"https://localhost:{port}/")).text == "hello"
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await doubting.get(f"https://localhost:{port}/")
        tasks.cancel_scope.cancel()
    assert (server.connections, protocols) == (1, {"http/1.1"})
