from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import attrs
import pytest
from dialog_twilio.rest import TwilioRest
from dialog_twilio.testing import Account, FakeTwilio, new_sid, open_stage

from dialog_core.errors import ProviderProtocolError, ProviderRejected, ProviderUnavailable
from dialog_core.factory import Services
from dialog_core.fields import Secret
from dialog_core.testing.vendor import in_memory

pytestmark = pytest.mark.anyio

CALL = new_sid("CA")


@attrs.frozen
class Bench:
    fake: FakeTwilio
    rest: TwilioRest
    services: Services


@asynccontextmanager
async def bench(**others: object) -> AsyncIterator[Bench]:
    fake = FakeTwilio(key=("SK1", "secret"))
    async with in_memory({"api.twilio.com": fake}) as services:
        rest = TwilioRest(Account().settings(**others), services, chance=lambda: 0.0)
        yield Bench(fake, rest, services)


@pytest.mark.parametrize(("status", "code"), [(404, 20404), (404, None), (400, 21220)])
async def test_hanging_up_a_call_that_is_gone_is_a_success(status: int, code: int | None) -> None:
    async with bench() as on:
        on.fake.fail(status, code=code)
        await on.rest.complete_call(CALL)


async def test_hanging_up_with_wrong_credentials_is_not() -> None:
    async with bench(auth_token=Secret("wrong")) as on:
        with pytest.raises(ProviderRejected, match="20003") as caught:
            await on.rest.complete_call(CALL)
    assert caught.value.status == 401
    assert caught.value.request_id == "RQ1"


async def test_an_api_key_does_as_well() -> None:
    async with bench(api_key="SK1", api_secret=Secret("secret")) as on:
        await on.rest.complete_call(CALL)
    assert len(on.fake.requests) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_busy_twilio_is_asked_again_after_growing_waits(status: int) -> None:
    async with bench() as on:
        on.fake.fail(status, times=2)
        before = on.services.clock.monotonic()
        await on.rest.complete_call(CALL)
        assert on.services.clock.monotonic() - before == pytest.approx(0.25 + 0.5)
    assert len(on.fake.requests) == 3


async def test_twilio_may_ask_for_a_longer_wait() -> None:
    async with bench() as on:
        on.fake.fail(429, headers={"Retry-After": "3"})
        before = on.services.clock.monotonic()
        await on.rest.complete_call(CALL)
        assert on.services.clock.monotonic() - before == pytest.approx(3)


async def test_tries_end_and_the_operator_learns_why() -> None:
    async with bench() as on:
        on.fake.fail(429, code=20429, times=9)
        with pytest.raises(ProviderUnavailable, match="20429"):
            await on.rest.complete_call(CALL)
    assert len(on.fake.requests) == 3


async def test_nothing_lasts_longer_than_its_deadline() -> None:
    async with bench(rest_timeout=4.0, rest_deadline=6.0) as on:
        on.fake.stall(times=9)
        before = on.services.clock.monotonic()
        with pytest.raises(ProviderUnavailable, match="in 6 s"):
            await on.rest.complete_call(CALL)
        assert on.services.clock.monotonic() - before == pytest.approx(6)


@pytest.mark.parametrize("fault", ["stall", "drop", "500"])
async def test_what_must_not_happen_twice_is_not_tried_again_when_its_answer_is_lost(
    fault: str,
) -> None:
    async with bench() as on:
        if fault == "500":
            on.fake.fail(500)
        else:
            getattr(on.fake, fault)()
        with pytest.raises(ProviderUnavailable):
            await on.rest.start_recording(CALL, "https://h/r")
    assert len(on.fake.requests) == 1


async def test_what_may_happen_twice_is_tried_again_when_its_answer_is_lost() -> None:
    async with bench() as on:
        on.fake.drop()
        await on.rest.complete_call(CALL)
    assert len(on.fake.requests) == 2


@pytest.mark.parametrize(
    "body",
    [
        b'{"type":"about:blank","title":"no","status":400,"code":21211,"detail":"+15550001111 is bad"}',
        b'{"code":21211,"message":"The number +15550001111 is not valid","status":400}',
    ],
)
async def test_both_shapes_of_errors_are_read_and_no_number_of_a_caller_gets_out(
    body: bytes,
) -> None:
    async with bench() as on:
        on.fake.fail(400, body=body)
        with pytest.raises(ProviderRejected, match="error 21211") as caught:
            await on.rest.update_call(CALL, "<Response/>")
    assert "555" not in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b"\xff"])
async def test_an_error_need_not_be_json(body: bytes) -> None:
    async with bench(retries=0) as on:
        on.fake.fail(502, body=body)
        with pytest.raises(ProviderUnavailable, match="status 502"):
            await on.rest.update_call(CALL, "<Response/>")


async def test_a_success_without_a_sid_is_the_peers_fault() -> None:
    async with bench() as on:
        on.fake.fail(200, body=b"<html>")
        with pytest.raises(ProviderProtocolError, match="no sid"):
            await on.rest.start_recording(CALL, "https://h/r")


@pytest.mark.requirement("A.53")
async def test_a_download_wants_credentials_and_falls_back_to_one_channel() -> None:
    async with bench() as on:
        on.fake.fail(400)
        on.fake.fail(200, body=b"RIFF")
        assert await on.rest.download_recording(new_sid("RE")) == b"RIFF"
    async with bench(auth_token=Secret("wrong")) as on:
        with pytest.raises(ProviderRejected):
            await on.rest.download_recording(new_sid("RE"))


async def test_deleting_what_is_deleted_is_a_success() -> None:
    async with bench() as on:
        await on.rest.delete_recording(new_sid("RE"))
    assert on.fake.requests[0].method == "DELETE"


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/Recordings.json", {"RecordingChannels": "stereo"}),
        ("/Recordings.json", {"Trim": "never"}),
        ("/Recordings.json", {"RecordingStatusCallbackEvent": "completed finished"}),
        ("/Recordings.json", {"RecordingCallback": "https://h/r"}),
        ("/Recordings.json", {"RecordingStatusCallback": "/r"}),
        ("/Transcriptions.json", {"Track": "both"}),
        ("/Transcriptions.json", {"PartialResults": "True"}),
        (".json", {"Status": "ended"}),
        (".json", {"Status": "completed", "TwiML": "<Response/>"}),
    ],
)
async def test_the_fake_takes_only_fields_and_values_that_twilio_has(
    path: str, form: Mapping[str, str]
) -> None:
    async with open_stage() as stage, stage.call() as phone:
        await phone.silent(0.1)
        base = f"https://api.twilio.com/2010-04-01/Accounts/{stage.account.sid}"
        url = f"{base}/Calls/{phone.call_id}{path}"
        auth = (stage.account.sid, stage.account.token)
        response = await stage.services.http.post(url, data=dict(form), auth=auth)
        assert response.status_code == 400
        assert phone.live


async def test_the_fake_ends_a_recording_only_when_told_to_stop_it() -> None:
    async with open_stage() as stage, stage.call() as phone:
        await phone.silent(0.1)
        base = f"https://api.twilio.com/2010-04-01/Accounts/{stage.account.sid}"
        url = f"{base}/Calls/{phone.call_id}/Recordings"
        auth = (stage.account.sid, stage.account.token)
        sid = (await stage.services.http.post(f"{url}.json", auth=auth)).json()["sid"]
        post = stage.services.http.post
        wrong = await post(f"{url}/{sid}.json", data={"Status": "completed"}, auth=auth)
        assert wrong.status_code == 400
        paused = await post(f"{url}/{sid}.json", data={"Status": "paused"}, auth=auth)
        assert paused.json()["status"] == "paused"
        assert not stage.twilio.recordings[sid].over
