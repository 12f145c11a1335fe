"""Two processes behind one address: one answers the webhooks, the other gets the sockets."""

from __future__ import annotations

from contextlib import AsyncExitStack

import anyio
import pytest
from dialog_plivo.session import PlivoVoIP
from dialog_plivo.testing import Account, FakePlivo, open_callees, place_call
from starlette.types import ASGIApp, Receive, Scope, Send

from dialog_core.call.clock import SystemClock
from dialog_core.fields import Secret
from dialog_core.line import Progress
from dialog_core.net.app import CallServer, Hosted
from dialog_core.net.settings import ServerSettings
from dialog_core.protocols import Line, LineStopped
from dialog_core.testing.vendor import in_memory

pytestmark = pytest.mark.anyio

HOST = "voice.example.com"
SPEECH = bytes(range(160)) * 10


async def test_any_process_answers_webhooks_and_any_other_takes_the_sockets() -> None:
    lines: list[Line] = []
    ends: list[object] = []

    async def answer(line: Line) -> None:
        lines.append(line)
        ends.extend([event async for event in line.events() if isinstance(event, LineStopped)])

    account, fake = Account(), FakePlivo()
    apps: dict[str, ASGIApp] = {"api.plivo.com": fake}
    server = ServerSettings(public_url=f"https://{HOST}", secret=Secret("k" * 32))
    async with AsyncExitStack() as stack:
        services = await stack.enter_async_context(in_memory(apps))
        await stack.enter_async_context(open_callees(services, fake))
        settings = account.settings(dial_from="+15550002222")
        workers = [
            CallServer(
                server,
                [Hosted("reception", "plivo", PlivoVoIP(settings, services), answer)],
                clock=SystemClock(),
            )
            for _ in range(2)
        ]
        for worker in workers:
            await stack.enter_async_context(worker.running())

        async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
            await workers[scope["type"] == "websocket"](scope, receive, send)

        apps[HOST] = dispatch
        url = f"https://{HOST}/reception/plivo/answer"
        async with place_call(services, url, plivo=fake) as phone:
            await phone.silent(0.1)
            assert lines[0].info.caller == "+15550001111"
            await lines[0].transfer("+15550003333")
            while phone.transferred_to is None:
                await anyio.lowlevel.checkpoint()
            assert phone.transferred_to == "+15550003333"
        request = await workers[0].dial("reception", "+15550004444")
        assert fake.callees is not None
        called = await fake.callees.dialled()
        await called.say(SPEECH)
        assert (lines[1].info.id, lines[1].info.direction) == (request, "outbound")
        await lines[1].hang_up()
        assert await called.over() == "completed"
        state = workers[0].states.get(request)
    assert ends == [LineStopped("transferred"), LineStopped("hangup")]
    assert state is not None
    assert state.progress is Progress.ENDED
