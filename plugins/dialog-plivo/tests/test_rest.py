from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import attrs
import pytest
from dialog_plivo.rest import PlivoRest
from dialog_plivo.testing import Account, FakePlivo, new_uuid, open_stage
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from dialog_core.errors import ProviderProtocolError, ProviderRejected, ProviderUnavailable
from dialog_core.factory import Services
from dialog_core.fields import Secret
from dialog_core.testing.vendor import in_memory

pytestmark = pytest.mark.anyio

CALL = new_uuid()
BODY = {"from": "15550002222", "to": "15550004444", "answer_url": "https://h/answer"}


@attrs.frozen
class Bench:
    fake: FakePlivo
    rest: PlivoRest
    services: Services


@asynccontextmanager
async def bench(**others: object) -> AsyncIterator[Bench]:
    fake = FakePlivo()
    async with in_memory({"api.plivo.com": fake}) as services:
        rest = PlivoRest(Account().settings(**others), services, chance=lambda: 0.0)
        yield Bench(fake, rest, services)


async def test_hanging_up_a_call_that_is_gone_is_a_success() -> None:
    async with bench() as on:
        await on.rest.hang_up(CALL)
    (request,) = on.fake.requests
    assert (request.method, request.path) == ("DELETE", f"/Call/{CALL}/")


async def test_hanging_up_with_wrong_credentials_is_not() -> None:
    async with bench(auth_token=Secret("wrong")) as on:
        with pytest.raises(ProviderRejected, match="credentials") as caught:
            await on.rest.hang_up(CALL)
    assert caught.value.status == 401
    assert caught.value.request_id


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_busy_plivo_is_asked_again_after_growing_waits(status: int) -> None:
    async with bench() as on:
        on.fake.fail(status, times=2)
        before = on.services.clock.monotonic()
        await on.rest.hang_up(CALL)
        assert on.services.clock.monotonic() - before == pytest.approx(0.25 + 0.5)
    assert len(on.fake.requests) == 3


async def test_waits_are_jittered() -> None:
    async with bench() as on:
        rest = PlivoRest(Account().settings(), on.services, chance=lambda: 0.5)
        on.fake.fail(429)
        before = on.services.clock.monotonic()
        await rest.hang_up(CALL)
        assert on.services.clock.monotonic() - before == pytest.approx(0.25 * 1.5)


async def test_plivo_may_ask_for_a_longer_wait() -> None:
    async with bench() as on:
        on.fake.fail(429, headers={"Retry-After": "3"})
        before = on.services.clock.monotonic()
        await on.rest.hang_up(CALL)
        assert on.services.clock.monotonic() - before == pytest.approx(3)


async def test_tries_end_and_the_operator_learns_why() -> None:
    async with bench() as on:
        on.fake.fail(429, times=9)
        with pytest.raises(ProviderUnavailable, match="too many requests"):
            await on.rest.hang_up(CALL)
    assert len(on.fake.requests) == 3


async def test_nothing_lasts_longer_than_its_deadline() -> None:
    async with bench(rest_timeout=4.0, rest_deadline=6.0) as on:
        on.fake.stall(times=9)
        before = on.services.clock.monotonic()
        with pytest.raises(ProviderUnavailable, match="in 6 s"):
            await on.rest.hang_up(CALL)
        assert on.services.clock.monotonic() - before == pytest.approx(6)


@pytest.mark.parametrize("fault", ["stall", "drop", "500"])
async def test_nobodys_telephone_rings_twice_because_an_answer_was_lost(fault: str) -> None:
    async with bench() as on:
        if fault == "500":
            on.fake.fail(500)
        else:
            getattr(on.fake, fault)()
        with pytest.raises(ProviderUnavailable):
            await on.rest.create_call(BODY)
    assert len(on.fake.requests) == 1


async def test_what_may_happen_twice_is_tried_again_when_its_answer_is_lost() -> None:
    async with bench() as on:
        on.fake.drop()
        await on.rest.hang_up(CALL)
    assert len(on.fake.requests) == 2


@pytest.mark.parametrize(
    "body",
    [
        b'{"api_id":"a","error":"+15550001111 is bad"}',
        b'{"api_id":"a","error":{"to":["+15550001111 is bad"]}}',
        b"",
        b"<html>+15550001111",
        b"[1]",
        b"\xff",
    ],
)
async def test_errors_of_any_shape_are_read_and_no_number_of_a_caller_gets_out(body: bytes) -> None:
    async with bench() as on:
        on.fake.fail(400, body=body)
        with pytest.raises(ProviderRejected, match="status 400") as caught:
            await on.rest.transfer(CALL, "https://h/t")
    assert "555" not in str(caught.value)


@pytest.mark.parametrize(
    "body", [b"<html>", b"{}", b'{"request_uuid":[]}', b'{"request_uuid":"/"}']
)
async def test_a_success_without_an_id_is_the_peers_fault(body: bytes) -> None:
    async with bench() as on:
        on.fake.fail(200, body=body, times=3)
        with pytest.raises(ProviderProtocolError, match="request_uuid"):
            await on.rest.create_call(BODY)
        with pytest.raises(ProviderProtocolError, match="recording_id"):
            await on.rest.start_recording(CALL, "https://h/r")
        with pytest.raises(ProviderProtocolError, match="recording_url"):
            await on.rest.find_recording(CALL)


async def test_of_several_request_ids_the_first_counts() -> None:
    async with bench() as on:
        on.fake.fail(201, body=b'{"request_uuid":["aaaaaaaa-1","aaaaaaaa-2"]}')
        assert await on.rest.create_call(BODY) == "aaaaaaaa-1"


async def test_deleting_what_is_deleted_is_a_success() -> None:
    async with bench() as on:
        await on.rest.delete_recording(new_uuid())
    assert on.fake.requests[0].method == "DELETE"


async def test_only_plivos_own_hosts_ever_see_the_credentials() -> None:
    seen: list[tuple[str, bool]] = []

    async def file(request: Request) -> Response:
        host = request.url.hostname or ""
        seen.append((host, "authorization" in request.headers))
        if host == "media.plivo.com":
            return RedirectResponse("https://bucket.example.com/file")
        return Response(b"RIFF")

    app = Starlette(routes=[Route("/file", file)])
    async with in_memory(app) as services:
        rest = PlivoRest(Account().settings(), services)
        assert await rest.download("https://media.plivo.com/file") == b"RIFF"
        assert await rest.download("https://elsewhere.example.com/file") == b"RIFF"
        with pytest.raises(ProviderProtocolError, match="https"):
            await rest.download("http://elsewhere.example.com/file")
        with pytest.raises(ProviderRejected):
            await rest.download("https://media.plivo.com/nothing")
    assert seen == [
        ("media.plivo.com", True),
        ("bucket.example.com", False),
        ("elsewhere.example.com", False),
    ]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("Record/", {"record_channel_type": "dual"}),
        ("Record/", {"file_format": "ogg"}),
        ("Record/", {"callback": "https://h/r"}),
        ("Record/", {"callback_url": "/r"}),
        ("", {"legs": "aleg"}),
        ("", {"legs": "nobody", "aleg_url": "https://h/t"}),
        ("", {"Legs": "aleg", "aleg_url": "https://h/t"}),
    ],
)
async def test_the_fake_takes_only_fields_and_values_that_plivo_has(
    path: str, body: Mapping[str, str]
) -> None:
    async with open_stage() as stage, stage.call() as phone:
        await phone.silent(0.1)
        base = f"https://api.plivo.com/v1/Account/{stage.account.auth_id}"
        auth = (stage.account.auth_id, stage.account.token)
        url = f"{base}/Call/{phone.exchange.call_uuid}/{path}"
        response = await stage.services.http.post(url, json=dict(body), auth=auth)
        assert response.status_code == 400
        assert phone.live
