from __future__ import annotations

import signal
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import anyio
import httpx
import pytest

from dialog_core.errors import SettingsError, SocketClosed
from dialog_core.net.app import CallServer
from dialog_core.net.server import DrainingServer, bind, serve
from dialog_core.net.settings import ServerSettings
from dialog_core.net.websocket import open_websocket
from dialog_core.testing.pytest_plugin import real_loop
from tests.net.hosting import chunks, new_server

pytestmark = [pytest.mark.anyio, real_loop]

PATIENCE = 25.0
"""A deadline, less than the 30 s that a server waits for live calls unless told otherwise."""


@asynccontextmanager
async def serving(app: CallServer) -> AsyncIterator[httpx.AsyncClient]:
    """Serve until the block ends, then stop as an operator does."""
    address: list[str] = []
    up = anyio.Event()
    down = anyio.Event()

    def ready(base: str) -> None:
        address.append(base.replace("127.0.0.1", "localhost"))
        up.set()

    async def main() -> None:
        await serve(app, ready=ready)
        down.set()

    trusting = httpx.create_ssl_context(verify=False)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(main)
        await up.wait()
        base = address[0]
        async with httpx.AsyncClient(base_url=base, verify=trusting, trust_env=False) as client:
            yield client
        if not down.is_set():
            signal.raise_signal(signal.SIGTERM)


def settings(**changes: object) -> ServerSettings:
    return ServerSettings(port=0, **changes)  # type: ignore[arg-type]


async def incoming(client: httpx.AsyncClient) -> str:
    return str((await client.post("/reception/echo/incoming")).json()["url"])


async def test_a_call_goes_from_webhook_to_socket() -> None:
    async with serving(new_server(settings())) as client:
        async with open_websocket(await incoming(client)) as socket:
            await socket.send("hello")
            assert await socket.receive() == "hello"
        assert (await client.get("/health")).json()["status"] == "ok"


@pytest.mark.requirement("A.16")
async def test_a_large_body_is_refused_while_it_arrives() -> None:
    async with serving(new_server(settings(body_limit=5000))) as client:
        answer = await client.post("/reception/echo/incoming", content=chunks(20_000))
    assert answer.status_code == 413


@pytest.mark.requirement("A.16")
async def test_a_large_frame_closes_its_socket_and_no_other() -> None:
    async with (
        serving(new_server(settings())) as client,
        open_websocket(await incoming(client)) as large,
        open_websocket(await incoming(client)) as other,
    ):
        await large.send("x" * 65_536)
        assert len(await large.receive()) == 65_536
        await large.send("x" * 65_537)
        with pytest.raises(SocketClosed) as closed:
            await large.receive()
        await other.send("fine")
        assert await other.receive() == "fine"
    assert closed.value.code == 1009


@pytest.mark.requirement("A.46")
async def test_it_serves_https_and_wss_with_its_own_certificate(
    certificate: tuple[Path, Path],
) -> None:
    cert, key = map(str, certificate)
    app = new_server(settings(tls_certificate=cert, tls_key=key))
    trusting = ssl.create_default_context(cafile=cert)
    async with serving(app) as client:
        assert client.base_url.scheme == "https"
        url = await incoming(client)
        assert url.startswith("wss://localhost:")
        async with open_websocket(url, tls=trusting) as socket:
            await socket.send("hello")
            assert await socket.receive() == "hello"


@pytest.mark.requirement("A.46")
async def test_the_public_address_is_a_setting() -> None:
    app = new_server(settings(public_url="https://voice.example.com/calls"))
    async with serving(app) as client:
        url = await incoming(client)
    assert url.startswith("wss://voice.example.com/calls/reception/echo/media/")


@pytest.mark.requirement("A.46")
async def test_a_certificate_that_does_not_load_is_the_operators_error(tmp_path: Path) -> None:
    broken = tmp_path / "cert.pem"
    broken.write_text("not a certificate")
    app = new_server(settings(tls_certificate=str(broken), tls_key=str(broken)))
    with pytest.raises(SettingsError, match=r"server\.tls_certificate"):
        await serve(app)


async def test_a_taken_port_is_named() -> None:
    with bind("127.0.0.1", 0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"server\.port: .*127\.0\.0\.1:{port}.*another"):
            await serve(new_server(ServerSettings(port=port)))


async def test_a_host_that_is_not_ours_is_named() -> None:
    with pytest.raises(SettingsError, match=r"server\.host: .*nowhere\.invalid"):
        await serve(new_server(settings(host="nowhere.invalid")))


async def test_a_signal_lets_the_live_call_finish_and_refuses_new_ones() -> None:
    app = new_server(settings())
    async with serving(app) as client, open_websocket(await incoming(client)) as socket:
        await socket.send("before")
        assert await socket.receive() == "before"
        signal.raise_signal(signal.SIGTERM)
        while (health := await client.get("/health")).status_code == 200:
            await anyio.lowlevel.checkpoint()
        assert health.json()["status"] == "draining"
        assert await incoming(client) == ""
        await socket.send("after")
        assert await socket.receive() == "after"


async def test_the_wait_for_live_calls_is_bounded() -> None:
    app = new_server(settings(drain=0.2))
    async with serving(app) as client, open_websocket(await incoming(client)) as socket:
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(SocketClosed), anyio.fail_after(PATIENCE):
            await socket.receive()


class Connection:
    """What uvicorn keeps of a media socket."""

    def __init__(self, state: str) -> None:
        self.conn = SimpleNamespace(state=SimpleNamespace(name=state))
        self.close_sent = False


async def test_a_socket_that_its_peer_is_closing_does_not_disturb_the_shutdown() -> None:
    server = DrainingServer(new_server(settings()), lambda _address: None)
    closing, open_ = Connection("CLOSING"), Connection("OPEN")
    server.server_state.connections.update([closing, open_])  # type: ignore[list-item]
    server.spare_closing()
    assert (closing.close_sent, open_.close_sent) == (True, False)


async def test_a_second_signal_ends_the_wait() -> None:
    app = new_server(settings(drain=60))
    async with serving(app) as client, open_websocket(await incoming(client)) as socket:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(SocketClosed), anyio.fail_after(PATIENCE):
            await socket.receive()
