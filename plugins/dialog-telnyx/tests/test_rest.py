from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import attrs
import pytest
from dialog_telnyx.rest import TelnyxRest
from dialog_telnyx.testing import Account, FakeTelnyx
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from dialog_core.errors import ProviderProtocolError, ProviderRejected, ProviderUnavailable
from dialog_core.fields import Secret
from dialog_core.testing.vendor import in_memory

pytestmark = pytest.mark.anyio

CALL = "v3:nobody"


@asynccontextmanager
async def rest(app: ASGIApp, **settings: object) -> AsyncIterator[TelnyxRest]:
    async with in_memory(app) as services:
        yield TelnyxRest(Account().settings(**settings), services, chance=lambda: 0.5)


async def test_a_command_without_an_answer_is_sent_again_as_it_was() -> None:
    fake = FakeTelnyx()
    fake.drop()
    fake.fail(503)
    fake.fail(404, code="10005")
    async with rest(fake) as telnyx:
        with pytest.raises(ProviderRejected, match="10005: there is no such thing"):
            await telnyx.command(CALL, "answer")
    ids = {request.body["command_id"] for request in fake.requests}
    assert len(fake.requests) == 3
    assert len(ids) == 1
    assert fake.requests[0].path == "/calls/v3:nobody/actions/answer"


@pytest.mark.parametrize("refusal", [(404, "10005"), (422, "90018")])
async def test_hanging_up_a_call_that_is_gone_is_a_success(refusal: tuple[int, str]) -> None:
    fake = FakeTelnyx()
    fake.fail(refusal[0], code=refusal[1])
    async with rest(fake) as telnyx:
        await telnyx.hang_up(CALL)


async def test_a_refused_hang_up_is_an_error() -> None:
    fake = FakeTelnyx()
    fake.fail(403, code="10010")
    async with rest(fake) as telnyx:
        with pytest.raises(ProviderRejected, match="10010"):
            await telnyx.hang_up(CALL)


async def test_a_call_whose_answer_was_lost_is_not_placed_twice() -> None:
    fake = FakeTelnyx()
    fake.drop()
    async with rest(fake) as telnyx:
        with pytest.raises(ProviderUnavailable):
            await telnyx.dial({"to": "+15550001111"})
    assert len(fake.requests) == 1


async def test_too_many_requests_are_tried_later_as_long_as_telnyx_asks() -> None:
    fake = FakeTelnyx()
    fake.fail(429, code="10011", headers={"retry-after": "3"})
    fake.fail(404, code="10005")
    async with in_memory(fake) as services:
        telnyx = TelnyxRest(Account().settings(), services)
        began = services.clock.monotonic()
        with pytest.raises(ProviderRejected):
            await telnyx.command(CALL, "answer")
        assert services.clock.monotonic() - began >= 3


async def test_a_silent_vendor_is_given_up_within_the_deadline() -> None:
    fake = FakeTelnyx()
    fake.stall(times=5)
    async with in_memory(fake) as services:
        telnyx = TelnyxRest(Account().settings(rest_deadline=7.0), services)
        began = services.clock.monotonic()
        with pytest.raises(ProviderUnavailable):
            await telnyx.command(CALL, "answer")
        assert services.clock.monotonic() - began <= 7.1


async def test_a_wrong_key_is_rejected_and_not_told() -> None:
    async with rest(FakeTelnyx(), api_key=Secret("KEY-secret")) as telnyx:
        with pytest.raises(ProviderRejected, match="credentials are wrong") as caught:
            await telnyx.command(CALL, "answer")
    assert "KEY-secret" not in str(caught.value)


def answering(body: bytes, status: int = 200) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Request(scope, receive).body()
        await Response(body, status)(scope, receive, send)

    return app


Deed = Callable[[TelnyxRest], Awaitable[object]]


@attrs.frozen
class Case:
    body: bytes
    deed: Deed


@pytest.mark.parametrize(
    "case",
    [
        Case(b"<html>", lambda telnyx: telnyx.dial({})),
        Case(b'{"data":{}}', lambda telnyx: telnyx.dial({})),
        Case(b'{"data":1}', lambda telnyx: telnyx.recordings("leg")),
    ],
)
async def test_an_answer_that_cannot_be_read_is_telnyxs_fault(case: Case) -> None:
    async with rest(answering(case.body)) as telnyx:
        with pytest.raises(ProviderProtocolError):
            await case.deed(telnyx)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"errors":[]}', b'{"errors":[{}]}'])
async def test_a_refusal_without_a_reason_is_still_a_refusal(body: bytes) -> None:
    async with rest(answering(body, 400)) as telnyx:
        with pytest.raises(ProviderRejected, match="without a reason"):
            await telnyx.command(CALL, "answer")


async def test_recordings_are_fetched_over_https_only() -> None:
    async with rest(FakeTelnyx()) as telnyx:
        with pytest.raises(ProviderProtocolError, match="https"):
            await telnyx.download("file:///etc/passwd")
