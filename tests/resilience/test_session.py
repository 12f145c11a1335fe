from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import anyio
import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket as ServerSocket

from dialog_core.errors import (
    HandshakeRefused,
    ProviderRejected,
    ProviderUnavailable,
    SocketClosed,
    SocketError,
)
from dialog_core.factory import Services
from dialog_core.observe.observations import Observation, Trouble
from dialog_core.protocols import WebSocket
from dialog_core.resilience.session import Patience, keep_open, provider_error
from dialog_core.testing.vendor import Drop, in_memory

pytestmark = pytest.mark.anyio

Step = Callable[[ServerSocket], object]


class Vendor:
    """Answers each connection as scripted: talk, drop, refuse with a status, or stall."""

    def __init__(self, *script: str) -> None:
        self.script = list(script)
        self.times: list[float] = []
        self.app = Starlette(routes=[WebSocketRoute("/", self.serve)])

    async def serve(self, socket: ServerSocket) -> None:
        self.times.append(anyio.current_time())
        match self.script.pop(0):
            case "talk":
                await socket.accept()
                await socket.send_text("done")
                await socket.receive()
            case "drop":
                await socket.accept()
                raise Drop
            case "long":
                await socket.accept()
                await anyio.sleep(60)
                raise Drop
            case "stall":
                await anyio.sleep_forever()
            case status:
                await socket.send_denial_response(Response(b"", int(status)))

    @property
    def waits(self) -> list[float]:
        return [round(b - a, 3) for a, b in zip(self.times, self.times[1:], strict=False)]


async def until_done(socket: WebSocket) -> None:
    while await socket.receive() != "done":
        pass


async def keep(
    services: Services,
    converse: Callable[[WebSocket], object] = until_done,
    patience: Patience | None = None,
) -> None:
    def open_(timeout: float) -> AbstractAsyncContextManager[WebSocket]:
        return services.connect("wss://vendor.example/", timeout=timeout)

    await keep_open(
        open_,
        converse,  # type: ignore[arg-type]
        services=services,
        provider="acme",
        stage="stt",
        call="c1",
        patience=patience,
        random=lambda: 0.0,
    )


@pytest.mark.requirement("D.15")
async def test_a_lost_connection_is_opened_again_after_growing_waits() -> None:
    vendor = Vendor("drop", "503", "drop", "talk")
    seen: list[Observation] = []
    async with in_memory(vendor.app, observe=seen.append) as services:
        await keep(services)
    assert vendor.waits == [0.1, 0.2, 0.4]
    assert [type(each) for each in seen] == [Trouble] * 3


async def test_it_gives_up_when_the_tries_are_spent() -> None:
    vendor = Vendor("drop", "drop", "drop", "drop", "talk")
    async with in_memory(vendor.app) as services:
        with pytest.raises(ProviderUnavailable, match="gave up after 4"):
            await keep(services)
    assert vendor.script == ["talk"]


async def test_giving_up_tells_the_latest_cause() -> None:
    vendor = Vendor("drop", "drop", "drop", "503")
    async with in_memory(vendor.app) as services:
        with pytest.raises(ProviderUnavailable, match="upgrade refused with HTTP 503") as caught:
            await keep(services)
    assert str(caught.value).count("status 503") == 1


async def test_it_gives_up_when_the_window_has_passed() -> None:
    vendor = Vendor("long", "stall", "talk")
    async with in_memory(vendor.app) as services:
        with pytest.raises(ProviderUnavailable):
            await keep(services)
        assert anyio.current_time() - vendor.times[0] == pytest.approx(65)


async def test_a_vendor_that_never_answers_at_first_is_not_tried_again() -> None:
    vendor = Vendor("stall", "talk")
    async with in_memory(vendor.app) as services:
        began = anyio.current_time()
        with pytest.raises(ProviderUnavailable):
            await keep(services)
        assert anyio.current_time() - began == pytest.approx(10)


async def test_a_long_conversation_starts_the_count_afresh() -> None:
    vendor = Vendor("long", "long", "long", "long", "long", "talk")
    async with in_memory(vendor.app) as services:
        await keep(services)
    assert vendor.script == []


async def test_patience_is_a_setting() -> None:
    vendor = Vendor("drop", "drop", "drop", "drop", "drop", "drop", "drop", "talk")
    async with in_memory(vendor.app) as services:
        await keep(services, patience=Patience(tries=10, window=30))
    assert vendor.waits == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 4.0]


@pytest.mark.parametrize("status", ["400", "401", "402", "403", "404"])
async def test_a_refusal_is_final(status: str) -> None:
    vendor = Vendor(status, "talk")
    async with in_memory(vendor.app) as services:
        with pytest.raises(ProviderRejected) as rejected:
            await keep(services)
    assert rejected.value.status == int(status)
    assert vendor.script == ["talk"]


@pytest.mark.parametrize("status", ["408", "429", "500", "503"])
async def test_a_busy_vendor_is_asked_again(status: str) -> None:
    vendor = Vendor(status, "talk")
    async with in_memory(vendor.app) as services:
        await keep(services)
    assert vendor.script == []


async def test_a_loss_met_by_two_tasks_is_one_loss() -> None:
    vendor = Vendor("drop", "talk")

    async def both(socket: WebSocket) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(until_done, socket)
            await until_done(socket)

    async def converse(socket: WebSocket) -> None:
        await (both if vendor.script else until_done)(socket)

    async with in_memory(vendor.app) as services:
        await keep(services, converse)
    assert vendor.script == []


async def test_the_conversations_own_verdict_is_kept() -> None:
    async def converse(_socket: WebSocket) -> None:
        raise ProviderRejected("acme", "no credit", stage="stt")

    vendor = Vendor("talk", "talk")
    async with in_memory(vendor.app) as services:
        with pytest.raises(ProviderRejected, match="no credit"):
            await keep(services, converse)
    assert vendor.script == ["talk"]


async def test_a_bug_in_the_conversation_is_not_a_loss() -> None:
    async def converse(_socket: WebSocket) -> None:
        async with anyio.create_task_group():
            raise ZeroDivisionError

    async with in_memory(Vendor("talk").app) as services:
        with pytest.raises(ExceptionGroup) as group:
            await keep(services, converse)
    assert group.group_contains(ZeroDivisionError)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (HandshakeRefused(401, {"x-request-id": "r1"}), ProviderRejected),
        (HandshakeRefused(429, {"x-request-id": "r1"}), ProviderUnavailable),
        (SocketClosed(1006), ProviderUnavailable),
        (SocketClosed(1008, "policy"), ProviderRejected),
        (SocketError("no route"), ProviderUnavailable),
    ],
)
def test_a_sockets_failure_is_its_providers(error: SocketError, kind: type) -> None:
    found = provider_error(error, provider="acme", stage="tts")
    assert type(found) is kind
    assert found.request_id == ("r1" if isinstance(error, HandshakeRefused) else None)
