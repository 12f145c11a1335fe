from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from dialog_core.errors import HandshakeRefused, SocketClosed, SocketError
from dialog_core.observe.observations import Counted, Observation
from dialog_core.testing.pytest_plugin import real_loop
from dialog_core.testing.vendor import Drop, in_memory, served

pytestmark = pytest.mark.anyio

seen: list[object] = []


@pytest.fixture(autouse=True)
def nothing_seen() -> None:
    seen.clear()


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    try:
        while True:
            message = await socket.receive_text()
            if message == "drop":
                raise Drop
            if message == "bye":
                await socket.close(4001, "enough")
                return
            await socket.send_text(message.upper())
    except WebSocketDisconnect as gone:
        seen.append((gone.code, gone.reason))


async def refuse(socket: WebSocket) -> None:
    denial = Response(b"no credit", 402, {"dg-error": "insufficient credit"})
    await socket.send_denial_response(denial)


async def shut(socket: WebSocket) -> None:
    await socket.close()


async def stall(_socket: WebSocket) -> None:
    await anyio.sleep_forever()


async def vanish(_socket: WebSocket) -> None:
    raise Drop


async def flood(socket: WebSocket) -> None:
    await socket.accept()
    for number in range(1000):
        await socket.send_text(str(number))
        seen.append(number)


async def tell(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_json(
        {
            "path": socket.url.path,
            "query": dict(socket.query_params),
            "key": socket.headers["x-key"],
        }
    )
    await socket.close()


async def numbers(_request: Request) -> StreamingResponse:
    async def body() -> AsyncIterator[str]:
        try:
            for number in range(4):
                yield str(number)
                await anyio.sleep(1)
        finally:
            seen.append("closed")

    return StreamingResponse(body())


async def parrot(request: Request) -> JSONResponse:
    return JSONResponse({"method": request.method, "body": (await request.body()).decode()})


async def lose(_request: Request) -> StreamingResponse:
    async def body() -> AsyncIterator[str]:
        yield "half"
        raise Drop

    return StreamingResponse(body())


app = Starlette(
    routes=[
        *(WebSocketRoute(f"/{each.__name__}", each) for each in (echo, refuse, shut, stall)),
        *(WebSocketRoute(f"/{each.__name__}", each) for each in (vanish, flood, tell)),
        Route("/numbers", numbers),
        Route("/parrot", parrot, methods=["POST"]),
        Route("/lose", lose),
        Route("/hang", lambda _request: Response("x")),
    ]
)


async def test_a_socket_carries_messages_both_ways() -> None:
    async with in_memory(app) as services, services.connect("wss://vendor.example/echo") as socket:
        await socket.send("hello")
        assert await socket.receive() == "HELLO"


async def test_the_application_sees_path_query_and_headers() -> None:
    async with in_memory(app) as services:
        url = "wss://vendor.example/tell?model=nova&lang=en%20us"
        async with services.connect(url, headers={"X-Key": "abc"}) as socket:
            told = await socket.receive()
    assert told == '{"path":"/tell","query":{"model":"nova","lang":"en us"},"key":"abc"}'


async def test_the_application_sees_how_the_client_closed() -> None:
    async with in_memory(app) as services:
        async with services.connect("wss://vendor.example/echo") as socket:
            await socket.close(4002, "done")
        await anyio.wait_all_tasks_blocked()
    assert seen == [(4002, "done")]


async def test_the_client_sees_how_the_application_closed_after_its_last_words() -> None:
    async with in_memory(app) as services, services.connect("wss://vendor.example/echo") as socket:
        await socket.send("last")
        await socket.send("bye")
        assert await socket.receive() == "LAST"
        with pytest.raises(SocketClosed) as closed:
            await socket.receive()
        assert (closed.value.code, closed.value.reason) == (4001, "enough")
        with pytest.raises(SocketClosed):
            await socket.send("more")


async def test_a_drop_is_a_lost_connection() -> None:
    async with in_memory(app) as services, services.connect("wss://vendor.example/echo") as socket:
        await socket.send("drop")
        with pytest.raises(SocketClosed) as closed:
            await socket.receive()
    assert closed.value.code == 1006


async def test_a_refusal_carries_status_headers_and_body() -> None:
    async with in_memory(app) as services:
        with pytest.raises(HandshakeRefused) as refused:
            async with services.connect("wss://vendor.example/refuse"):
                pass
    assert refused.value.status == 402
    assert refused.value.headers["dg-error"] == "insufficient credit"
    assert refused.value.body == b"no credit"


@pytest.mark.parametrize(("path", "status"), [("shut", 403), ("nowhere", 403)])
async def test_closing_before_accepting_is_a_refusal(path: str, status: int) -> None:
    async with in_memory(app) as services:
        with pytest.raises(HandshakeRefused) as refused:
            async with services.connect(f"wss://vendor.example/{path}"):
                pass
    assert refused.value.status == status


async def test_a_drop_before_accepting_is_a_failed_connection() -> None:
    async with in_memory(app) as services:
        with pytest.raises(SocketError, match=r"vendor\.example:443"):
            async with services.connect("wss://vendor.example/vanish"):
                pass


async def test_a_connection_has_a_deadline() -> None:
    async with in_memory(app) as services:
        began = anyio.current_time()
        with pytest.raises(SocketError, match=r"vendor\.example:443 .* within 3 s"):
            async with services.connect("wss://vendor.example/stall", timeout=3.0):
                pass
        assert anyio.current_time() - began == 3.0


async def test_an_application_waits_for_a_slow_reader() -> None:
    async with in_memory(app) as services, services.connect("wss://vendor.example/flood") as socket:
        await anyio.wait_all_tasks_blocked()
        waiting = len(seen)
        assert waiting < 100
        assert await socket.receive() == "0"


async def test_each_host_can_have_its_own_application() -> None:
    async with in_memory({"vendor.example": app}) as services:
        async with services.connect("wss://vendor.example/echo") as socket:
            await socket.send("a")
        with pytest.raises(SocketError, match=r"other\.example"):
            async with services.connect("wss://other.example/echo"):
                pass
        with pytest.raises(httpx.ConnectError):
            await services.http.get("https://other.example/")


async def test_an_answer_streams_while_it_is_made() -> None:
    url = "https://vendor.example/numbers"
    async with in_memory(app) as services, services.http.stream("GET", url) as response:
        times = [anyio.current_time() async for _chunk in response.aiter_text()]
    assert [round(time - times[0], 3) for time in times] == [0.0, 1.0, 2.0, 3.0]


async def test_leaving_an_answer_stops_the_application() -> None:
    async with in_memory(app) as services:
        began = anyio.current_time()
        async with services.http.stream("GET", "https://vendor.example/numbers") as response:
            await anext(response.aiter_text())
        await anyio.wait_all_tasks_blocked()
        assert seen == ["closed"]
        assert anyio.current_time() - began < 1.0


async def test_a_request_carries_method_and_body() -> None:
    async with in_memory(app) as services:
        response = await services.http.post("https://vendor.example/parrot", content=b"polly")
    assert response.json() == {"method": "POST", "body": "polly"}


async def test_a_drop_in_a_body_is_a_protocol_error() -> None:
    async with in_memory(app) as services:
        with pytest.raises(httpx.RemoteProtocolError):
            await services.http.get("https://vendor.example/lose")


async def test_a_read_timeout_is_honoured() -> None:
    async with in_memory(app) as services:
        with pytest.raises(httpx.ReadTimeout):
            await services.http.get("https://vendor.example/numbers", timeout=0.5)


async def test_observations_go_where_the_test_wants_them() -> None:
    observed: list[Observation] = []
    async with in_memory(app, observe=observed.append) as services:
        services.observe(Counted("c1", "frames dropped", 2))
    assert observed == [Counted("c1", "frames dropped", 2)]


async def test_an_error_in_a_fake_ends_the_test() -> None:
    async def broken(_request: Request) -> Response:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        async with in_memory(Starlette(routes=[Route("/", broken)])) as services:
            await services.http.get("https://vendor.example/")


@real_loop
async def test_a_served_application_answers_on_a_real_socket() -> None:
    async with served(app) as base, httpx.AsyncClient(base_url=base, trust_env=False) as client:
        response = await client.post("/parrot", content=b"polly")
        assert response.json()["body"] == "polly"
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/lose")
