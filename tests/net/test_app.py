from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import anyio
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from dialog_core.call.clock import SystemClock
from dialog_core.errors import HandshakeRefused, LineError, SocketClosed
from dialog_core.line import Progress
from dialog_core.net.app import CallServer, Hosted
from dialog_core.net.settings import ServerSettings
from dialog_core.net.version import VERSION
from dialog_core.observe.observations import CallState, Observation
from dialog_core.testing.vendor import in_memory
from tests.net.hosting import chunks, echo, hosted, linger, new_server

pytestmark = pytest.mark.anyio

BASE = "https://voice.example"


@pytest.mark.requirement("B.38")
async def test_health_tells_calls_room_and_version() -> None:
    app = new_server(ServerSettings(calls=3))
    async with app.running(), in_memory(app) as services:
        posted = await services.http.post(f"{BASE}/reception/echo/incoming")
        async with services.connect(posted.json()["url"]) as socket:
            await socket.send("hello")
            assert await socket.receive() == "hello"
            health = await services.http.get(f"{BASE}/health")
    assert health.status_code == 200
    assert health.json() == {"status": "ok", "calls": 1, "room": 2, "version": VERSION}


@pytest.mark.requirement("B.38")
async def test_health_is_503_before_and_after() -> None:
    app = new_server()
    async with in_memory(app) as services:
        before = await services.http.get(f"{BASE}/health")
        async with app.running():
            pass
        after = await services.http.get(f"{BASE}/health")
    assert (before.status_code, before.json()["status"]) == (503, "starting")
    assert (after.status_code, after.json()["status"]) == (503, "draining")


@pytest.mark.requirement("A.16")
async def test_a_body_up_to_the_limit_is_read() -> None:
    app = new_server()
    async with app.running(), in_memory(app) as services:
        answer = await services.http.post(f"{BASE}/reception/echo/incoming", content=bytes(10**6))
    assert answer.json()["size"] == 1_000_000


@pytest.mark.requirement("A.16")
@pytest.mark.parametrize("announced", [True, False])
async def test_a_larger_body_is_refused(*, announced: bool) -> None:
    app = new_server()
    content = bytes(1_000_001) if announced else chunks(1_000_001)
    async with app.running(), in_memory(app) as services:
        answer = await services.http.post(f"{BASE}/reception/echo/incoming", content=content)
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/reception/echo/incoming", 405),
        ("POST", "/reception/echo/nothing", 404),
        ("POST", "/billing/echo/incoming", 404),
        ("POST", "/health", 405),
    ],
)
async def test_what_is_not_there_is_refused(method: str, path: str, status: int) -> None:
    app = new_server()
    async with app.running(), in_memory(app) as services:
        answer = await services.http.request(method, BASE + path)
    assert answer.status_code == status


async def test_a_full_process_has_no_room_and_a_promise_counts() -> None:
    app = new_server(ServerSettings(calls=1))
    async with app.running(), in_memory(app) as services:
        url = f"{BASE}/reception/echo/incoming"
        first = (await services.http.post(url)).json()["url"]
        assert (await services.http.post(url)).json()["url"] == ""
        async with services.connect(first) as socket:
            await socket.send("x")
            await socket.receive()
            assert (await services.http.post(url)).json()["url"] == ""
        await anyio.wait_all_tasks_blocked()
        assert (await services.http.post(url)).json()["url"]


async def test_a_ticket_opens_one_socket() -> None:
    app = new_server()
    async with app.running(), in_memory(app) as services:
        url = (await services.http.post(f"{BASE}/reception/echo/incoming")).json()["url"]
        async with services.connect(url):
            pass
        with pytest.raises(HandshakeRefused):
            async with services.connect(url):
                pass


async def test_stopping_lets_calls_finish() -> None:
    app = new_server()
    async with anyio.create_task_group() as tasks, in_memory(app) as services:
        async with app.running():
            url = (await services.http.post(f"{BASE}/reception/echo/incoming")).json()["url"]

            async def call() -> None:
                async with services.connect(url) as socket:
                    await socket.send("x")
                    await socket.receive()
                    await anyio.sleep(20)

            tasks.start_soon(call)
            await anyio.wait_all_tasks_blocked()
            began = anyio.current_time()
        assert anyio.current_time() - began == pytest.approx(20)


async def test_stopping_ends_calls_that_go_on_for_too_long() -> None:
    app = new_server(ServerSettings(drain=5), linger)
    async with in_memory(app) as services:
        async with app.running():
            url = (await services.http.post(f"{BASE}/reception/echo/incoming")).json()["url"]
            connection = services.connect(url)
            socket = await connection.__aenter__()
            await anyio.wait_all_tasks_blocked()
            began = anyio.current_time()
        assert anyio.current_time() - began == pytest.approx(5)
        with pytest.raises(SocketClosed):
            await socket.receive()
        await connection.__aexit__(None, None, None)


@pytest.mark.requirement("A.50")
async def test_it_mounts_in_an_existing_application() -> None:
    calls = new_server()

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with calls.running():
            yield

    async def home(_scope: object, _receive: object, _send: object) -> None:
        """Somebody else's page."""

    app = Starlette(routes=[Route("/", home), Mount("/voice", calls)], lifespan=lifespan)
    async with app.router.lifespan_context(app), in_memory(app) as services:
        posted = await services.http.post(f"{BASE}/voice/reception/echo/incoming")
        url = posted.json()["url"]
        assert url.startswith("wss://voice.example/voice/reception/echo/media/")
        async with services.connect(url) as socket:
            await socket.send("hello")
            assert await socket.receive() == "hello"
        large = await services.http.post(
            f"{BASE}/voice/reception/echo/incoming", content=chunks(2**21)
        )
        assert large.status_code == 413


async def test_the_agents_are_opened_and_closed_with_the_process() -> None:
    seen: list[str] = []

    @asynccontextmanager
    async def open_agents() -> AsyncIterator[Sequence[Hosted]]:
        seen.append("opened")
        yield [hosted(echo)]
        seen.append("closed")

    app = CallServer(ServerSettings(), open_agents, clock=SystemClock())
    async with in_memory(app) as services:
        assert (await services.http.post(f"{BASE}/reception/echo/incoming")).status_code == 404
        async with app.running():
            assert (await services.http.post(f"{BASE}/reception/echo/incoming")).is_success
    assert seen == ["opened", "closed"]


@pytest.mark.requirement("D.20")
async def test_an_agent_calls_somebody_and_what_becomes_of_it_is_observed() -> None:
    seen: list[Observation] = []
    app = new_server(observe=seen.append)
    async with app.running():
        call = await app.dial("reception", "+15550001111", {"order": "17"})
        state = app.states.get(call)
    assert state == CallState(call, state.at if state else 0.0, Progress.RINGING, "order")
    assert seen == [state]


async def test_a_call_is_placed_only_by_an_agent_that_is_there_and_has_room() -> None:
    app = new_server(ServerSettings(calls=1), linger)
    with pytest.raises(LineError, match="not running"):
        await app.dial("reception", "+15550001111")
    async with app.running(), in_memory(app) as services:
        with pytest.raises(LineError, match="no agent 'kitchen' can call; there are: reception"):
            await app.dial("kitchen", "+15550001111")
        posted = await services.http.post(f"{BASE}/reception/echo/incoming")
        assert posted.json()["url"]
        with pytest.raises(LineError, match="full"):
            await app.dial("reception", "+15550001111")
