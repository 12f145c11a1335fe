from __future__ import annotations

import json
from collections.abc import Mapping

import anyio
import httpx
import pytest
from dialog_plivo.media import from_headers, stream_headers
from dialog_plivo.signature import sign
from dialog_plivo.testing import Account, Stage, new_uuid, open_stage, read_xml
from dialog_plivo.testing.verbs import Hangup, Speak, Stream, Wait
from dialog_plivo.webhooks import number, read_call, read_dial, read_recording, read_stream

from dialog_core.audio import AudioFrame
from dialog_core.errors import HandshakeRefused, ProviderProtocolError, SocketClosed
from dialog_core.fields import Secret
from dialog_core.line import Progress
from dialog_core.protocols import Line, LineEvent, Recording

pytestmark = pytest.mark.anyio

CALL = "aaaaaaaa-0000-4000-8000-000000000001"
FIELDS = {
    "CallUUID": CALL,
    "From": "15550001111",
    "To": "15550002222",
    "CallStatus": "ringing",
    "Direction": "inbound",
    "Event": "StartApp",
}
ROUTES = ["/answer", "/outbound/x", "/status", "/recording/x", "/stream-status", "/transfer"]


async def post(
    stage: Stage, path: str, fields: Mapping[str, str], **headers: str
) -> httpx.Response:
    """Post a form, signed unless a header says otherwise."""
    url = stage.url(path)
    signed = {**stage.account.sign("POST", url, fields.items()), **headers}
    return await stage.services.http.post(url, data=dict(fields), headers=signed)


def stream_of(response: httpx.Response) -> Stream:
    (stream, *_) = read_xml(response.content)
    assert isinstance(stream, Stream)
    return stream


async def test_a_signed_webhook_is_answered_with_a_stream_of_its_own() -> None:
    async with open_stage() as stage:
        response = await post(stage, "/answer", FIELDS)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("application/xml")
    stream = stream_of(response)
    assert stream.url.startswith("wss://voice.example.com/reception/plivo/media/")
    assert stream.status_callback == stage.url("/stream-status")
    assert stream.headers["From"] == "15550001111"
    assert list(stage.door.tickets.values()) == [CALL]


@pytest.mark.parametrize("path", [*ROUTES, "/after"])
@pytest.mark.parametrize(
    "headers",
    [
        {"X-Plivo-Signature-V3": "", "X-Plivo-Signature-Ma-V3": ""},
        {"X-Plivo-Signature-V3": "AAAA", "X-Plivo-Signature-Ma-V3": "AAAA"},
        {"X-Plivo-Signature-V3-Nonce": ""},
        {"X-Plivo-Signature-V3-Nonce": "1"},
    ],
)
async def test_what_plivo_did_not_sign_is_refused_everywhere(
    path: str, headers: Mapping[str, str]
) -> None:
    async with open_stage() as stage:
        response = await post(stage, path, FIELDS, **headers)
        unsigned = await stage.services.http.post(stage.url(path), data=FIELDS)
    assert (response.status_code, response.content) == (403, b"")
    assert unsigned.status_code == 403
    assert stage.door.tickets == {}
    assert len(stage.troubles()) == 2


@pytest.mark.parametrize(
    ("token", "header"),
    [
        ("main", "X-Plivo-Signature-Ma-V3"),
        ("main", "X-Plivo-Signature-V3"),
        (Account().token, "X-Plivo-Signature-Ma-V3"),
    ],
)
async def test_either_accounts_signature_lets_a_webhook_in(token: str, header: str) -> None:
    settings = Account().settings(main_auth_token=Secret("main"))
    async with open_stage(settings=settings) as stage:
        url = stage.url("/answer")
        good = sign(token, "POST", url, "7", FIELDS.items())
        headers = {"X-Plivo-Signature-V3": "AAAA", "X-Plivo-Signature-V3-Nonce": "7", header: good}
        response = await stage.services.http.post(url, data=FIELDS, headers=headers)
    assert response.status_code == 200


async def test_a_json_body_is_not_what_plivo_signs() -> None:
    async with open_stage() as stage:
        url = stage.url("/answer")
        headers = {**stage.account.sign("POST", url), "content-type": "application/json"}
        body = json.dumps(FIELDS).encode()
        response = await stage.services.http.post(url, content=body, headers=headers)
    assert response.status_code == 403


async def test_a_webhook_may_come_by_get() -> None:
    async with open_stage() as stage, stage.call(method="GET") as phone:
        await phone.silent(0.1)
    assert phone.status == "completed"
    assert phone.warnings == []


async def test_a_query_of_the_answer_address_is_part_of_what_is_signed() -> None:
    async with open_stage() as stage:
        right = await post(stage, "/answer?tenant=42", FIELDS)
        url = stage.url("/answer?tenant=42")
        signature = stage.account.sign("POST", url, FIELDS.items())
        wrong = await post(stage, "/answer?tenant=43", FIELDS, **signature)
    assert (right.status_code, wrong.status_code) == (200, 403)


async def test_a_webhook_that_comes_again_gets_the_same_answer_and_no_second_call() -> None:
    async with open_stage() as stage:
        answers: list[str] = []

        async def ask() -> None:
            answers.append((await post(stage, "/answer", FIELDS)).text)

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(ask)
        await ask()
        fields = {"CallUUID": CALL}
        async with stage.call(fields=fields) as phone:
            await phone.silent(0.1)
            async with stage.call(fields=fields) as twin:
                await twin.over()
    assert len(set(answers)) == 1
    assert len(stage.door.lines) == 1


@pytest.mark.parametrize(
    ("message", "verb"), [("", Hangup("busy")), ("All busy", Speak("All busy"))]
)
async def test_a_full_process_refuses_politely(message: str, verb: object) -> None:
    settings = Account().settings(busy_message=message)
    async with open_stage(settings=settings) as stage:
        stage.door.room = False
        async with stage.call() as phone:
            await phone.over()
    assert read_xml(phone.exchange.documents[0])[0] == verb
    assert stage.door.lines == []


async def test_the_answer_may_wait_before_it_connects() -> None:
    async with open_stage(settings=Account().settings(answer_pause=2)) as stage:
        response = await post(stage, "/answer", FIELDS)
    assert read_xml(response.content)[0] == Wait(2)


async def test_an_answer_address_that_is_told_of_the_end_starts_no_call() -> None:
    over = {**FIELDS, "Event": "Hangup", "CallStatus": "completed", "HangupCause": "NORMAL"}
    async with open_stage() as stage:
        response = await post(stage, "/answer", over)
    assert read_xml(response.content) == (Hangup(),)
    assert stage.door.tickets == {}
    assert [state.progress for state in stage.door.states] == [Progress.ENDED]


async def test_a_malformed_webhook_is_a_bad_request() -> None:
    async with open_stage() as stage:
        for path in ("/answer", "/status", "/recording/x", "/stream-status", "/after"):
            response = await post(stage, path, {**FIELDS, "CallUUID": "../x"})
            assert response.status_code == 400
        assert (await post(stage, "/transfer?number=x", FIELDS)).status_code == 400


async def test_a_form_with_absurdly_many_fields_is_refused() -> None:
    many = {**FIELDS, **{f"F{n}": "x" for n in range(300)}}
    async with open_stage() as stage:
        assert (await post(stage, "/answer", many)).status_code == 403


# --- the media socket


async def refused(stage: Stage, url: str, headers: Mapping[str, str]) -> int:
    with pytest.raises(HandshakeRefused) as caught:
        async with stage.services.connect(url, headers=headers):
            pass
    return caught.value.status


async def test_an_upgrade_without_plivos_signature_is_refused_and_costs_no_ticket() -> None:
    async with open_stage() as stage:
        url = stream_of(await post(stage, "/answer", FIELDS)).url
        assert await refused(stage, url, {}) == 403
        assert await refused(stage, url, stage.account.sign_upgrade(url + "x")) == 403
        assert await refused(stage, url, stage.account.sign("POST", url, [("a", "b")])) == 403
        assert len(stage.door.tickets) == 1


async def test_where_a_proxy_spoils_the_signature_the_ticket_may_be_enough() -> None:
    async with open_stage(settings=Account().settings(check_media=False)) as stage:
        url = stream_of(await post(stage, "/answer", FIELDS)).url
        forged = stage.url("/media/forged").replace("https", "wss")
        assert await refused(stage, forged, {}) == 403
        async with stage.services.connect(url) as socket:
            await socket.send(start(CALL))
            while not stage.door.lines:
                await anyio.lowlevel.checkpoint()
        assert await refused(stage, url, {}) == 403
        assert (
            await stage.services.http.post(stage.url("/answer"), data=FIELDS)
        ).status_code == 403


async def test_a_second_socket_of_a_call_is_refused_even_with_a_ticket() -> None:
    async with open_stage() as stage, stage.call() as phone:
        await phone.silent(0.1)
        url = stage.url(f"/media/{stage.door.issue(phone.exchange.call_uuid)}").replace(
            "https", "wss"
        )
        assert await refused(stage, url, stage.account.sign_upgrade(url)) == 403


async def test_plivo_may_try_again_when_its_socket_broke_before_the_start() -> None:
    async with open_stage() as stage:
        url = stream_of(await post(stage, "/answer", FIELDS)).url
        for _ in range(2):
            async with stage.services.connect(url, headers=stage.account.sign_upgrade(url)):
                pass
            while len(stage.troubles()) < 1:
                await anyio.lowlevel.checkpoint()
        await anyio.wait_all_tasks_blocked()
        async with stage.services.connect(url, headers=stage.account.sign_upgrade(url)) as socket:
            await socket.send(start(CALL))
            while not stage.door.lines:
                await anyio.lowlevel.checkpoint()
            assert await refused(stage, url, stage.account.sign_upgrade(url)) == 403
    assert len(stage.door.lines) == 1


def start(call: str, *, rate: int | str = 8000, headers: str = "") -> str:
    body = {
        "accountId": Account().auth_id,
        "streamId": new_uuid(),
        "callId": call,
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": rate},
    }
    return json.dumps({"event": "start", "start": body, "extra_headers": headers})


@pytest.mark.parametrize(
    "first",
    [
        start(new_uuid()),
        start(CALL, rate=16000),
        start(CALL, rate="fast"),
        "{",
        '{"event":"stop"}',
        '{"event":"media","media":{"timestamp":"1","payload":""}}',
        None,
    ],
)
async def test_a_socket_that_does_not_start_as_its_ticket_says_is_closed(first: str | None) -> None:
    async with open_stage() as stage:
        url = stream_of(await post(stage, "/answer", FIELDS)).url
        async with stage.services.connect(url, headers=stage.account.sign_upgrade(url)) as socket:
            if first is not None:
                await socket.send(first)
            with pytest.raises(SocketClosed) as caught:
                await socket.receive()
        assert await refused(stage, url, stage.account.sign_upgrade(url)) == 403
    assert caught.value.code == 1008
    assert stage.door.lines == []


async def test_a_process_that_did_not_see_the_webhook_knows_the_caller_from_the_stream() -> None:
    async with open_stage() as stage:
        url = stage.url(f"/media/{stage.door.issue(CALL)}").replace("https", "wss")
        async with stage.services.connect(url, headers=stage.account.sign_upgrade(url)) as socket:
            await socket.send(start(CALL, headers="From=15550009999;Direction=inbound"))
            while not stage.door.lines:
                await anyio.lowlevel.checkpoint()
    (line,) = stage.door.lines
    assert (line.info.id, line.info.caller) == (CALL, "+15550009999")


async def test_a_start_message_may_leave_out_what_nobody_needs() -> None:
    body = (
        f'{{"callId":"{CALL}","streamId":"s","accountId":null,"tracks":"inbound",'
        '"mediaFormat":{"encoding":"audio/x-mulaw;rate=8000","sampleRate":8000.0}}'
    )
    async with open_stage() as stage:
        url = stream_of(await post(stage, "/answer", FIELDS)).url
        async with stage.services.connect(url, headers=stage.account.sign_upgrade(url)) as socket:
            await socket.send(f'{{"event":"start","start":{body},"extra_headers":null}}')
            while not stage.door.lines:
                await anyio.lowlevel.checkpoint()
    assert stage.door.lines[0].info.metadata["StreamTracks"] == "inbound"


def test_a_call_that_we_placed_keeps_its_id_across_processes() -> None:
    request = new_uuid()
    placed = {**FIELDS, "Direction": "outbound", "ALegRequestUUID": request}
    call = from_headers(CALL, stream_headers(read_call(placed)))
    assert (call.id, call.call_uuid, call.direction) == (request, CALL, "outbound")
    assert from_headers(CALL, {"ALegRequestUUID": "spoilt"}).id == CALL


# --- callbacks


class Kept:
    """Answers calls, and keeps what is not audio."""

    def __init__(self) -> None:
        self.events: list[LineEvent] = []

    async def __call__(self, line: Line) -> None:
        async for event in line.events():
            if not isinstance(event, AudioFrame):
                self.events.append(event)


async def test_callbacks_are_delivered_once_however_often_they_come() -> None:
    kept = Kept()
    async with (
        open_stage(kept, settings=Account().settings(record=True)) as stage,
        stage.call() as phone,
    ):
        await phone.silent(0.1)
        (item,) = stage.plivo.recordings.values()
        done = {
            "call_uuid": phone.exchange.call_uuid,
            "recording_id": item.id,
            "record_url": item.url,
        }
        for _ in range(3):
            assert (await phone.exchange.post(item.callback, done)).status_code == 204
        await phone.silent(0.1)
    recordings = [event for event in kept.events if isinstance(event, Recording)]
    assert [each.status for each in recordings] == ["in-progress", "completed"]


async def test_a_callback_of_another_call_or_address_finds_nobody() -> None:
    async with open_stage() as stage, stage.call() as phone:
        await phone.silent(0.1)
        done = {"call_uuid": phone.exchange.call_uuid, "recording_id": new_uuid()}
        guessed = await post(stage, "/recording/guessed", done)
        other = await post(stage, "/recording/guessed", {**done, "call_uuid": new_uuid()})
    assert (guessed.status_code, other.status_code) == (404, 404)


async def test_unread_callbacks_are_bounded_and_counted() -> None:
    async def sleepy(_line: Line) -> None:
        await enough.wait()

    enough = anyio.Event()
    settings = Account().settings(record=True)
    async with open_stage(sleepy, settings=settings) as stage, stage.call() as phone:
        await phone.silent(0.1)
        (item,) = stage.plivo.recordings.values()
        for _ in range(300):
            done = {"call_uuid": phone.exchange.call_uuid, "recording_id": new_uuid()}
            await phone.exchange.post(item.callback, done)
        enough.set()
    assert len([each for each in stage.observed if "dropped" in repr(each)]) == 301 - 256


@pytest.mark.parametrize(
    ("event", "trouble"),
    [
        ("DroppedStream", ["a media stream failed"]),
        ("failed", ["a media stream failed"]),
        ("DegradedStream", ["a media stream's buffer is filling"]),
        ("StartStream", []),
        ("stopped", []),
        ("SomethingNew", []),
    ],
)
async def test_what_goes_wrong_with_a_stream_is_noted(event: str, trouble: list[str]) -> None:
    async with open_stage() as stage:
        fields = {**FIELDS, "StreamID": new_uuid(), "Event": event}
        assert (await post(stage, "/stream-status", fields)).status_code == 204
    assert stage.troubles() == trouble


async def test_after_a_transfer_nobody_took_the_call_ends_and_it_is_noted() -> None:
    async with open_stage() as stage:
        response = await post(stage, "/after", {**FIELDS, "DialStatus": "no-answer"})
    assert read_xml(response.content) == (Hangup(),)
    assert stage.troubles() == ["a transfer was not answered"]


async def test_a_hangup_that_leaves_out_the_request_still_ends_the_call_we_placed() -> None:
    async with open_stage() as stage:
        request = await stage.dial("+15550004444")
        phone = await stage.callees.dialled()
        await phone.silent(0.1)
        over = {
            **FIELDS,
            "CallUUID": phone.exchange.call_uuid,
            "CallStatus": "completed",
            "Event": "Hangup",
        }
        del over["Direction"]
        assert (await post(stage, "/status", over)).status_code == 204
        assert {state.call for state in stage.door.states} == {request}
        assert stage.door.states[-1].progress is Progress.ENDED


# --- the payloads


def test_payloads_keep_what_they_do_not_know() -> None:
    fields = {**FIELDS, "Direction": "outbound", "Surprise": "!", "Machine": "true"}
    call = read_call(fields)
    assert (call.direction, call.machine, call.fields) == ("outbound", True, fields)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("15550001111", "+15550001111"),
        ("+15550001111", "+15550001111"),
        ("sip:a@phone.plivo.com", "sip:a@phone.plivo.com"),
        ("anonymous", "anonymous"),
        ("911", "911"),
        ("", ""),
    ],
)
def test_numbers_get_the_plus_that_plivo_leaves_out(written: str, read: str) -> None:
    assert number(written) == read


@pytest.mark.parametrize(
    ("fields", "progress"),
    [
        ({"CallStatus": "ringing"}, Progress.RINGING),
        ({"CallStatus": "in-progress"}, Progress.ANSWERED),
        ({"CallStatus": "busy", "Event": "Hangup"}, Progress.BUSY),
        ({"CallStatus": "timeout"}, Progress.NO_ANSWER),
        ({"CallStatus": "cancel"}, Progress.NO_ANSWER),
        ({"CallStatus": "failed"}, Progress.FAILED),
        ({"CallStatus": "completed"}, Progress.ENDED),
        ({"CallStatus": "machine", "Event": "Hangup"}, Progress.ENDED),
        ({"CallStatus": "new word"}, None),
    ],
)
def test_every_status_is_a_step_of_the_call(
    fields: Mapping[str, str], progress: Progress | None
) -> None:
    assert read_call({"CallUUID": CALL, **fields}).progress is progress


@pytest.mark.parametrize(
    ("change", "seconds"),
    [
        ({"recording_duration": "7", "recording_duration_ms": "7250"}, 7.25),
        ({"recording_duration": "7"}, 7.0),
        ({"recording_duration_ms": "-1"}, None),
        ({"RecordingDuration": "7"}, 7.0),
    ],
)
def test_a_recording_is_as_long_as_plivo_knows_it(
    change: Mapping[str, str], seconds: float | None
) -> None:
    ids = {"call_uuid": CALL, "recording_id": new_uuid(), "record_url": "https://m/r.wav"}
    result = read_recording({**ids, **change})
    assert (result.seconds, result.url) == (seconds, "https://m/r.wav")


@pytest.mark.parametrize(
    "change", [{"recording_id": "../Keys"}, {"recording_duration": "long"}, {"call_uuid": ""}]
)
def test_a_recording_callback_that_is_none_is_the_peers_fault(change: Mapping[str, str]) -> None:
    with pytest.raises(ProviderProtocolError):
        read_recording({"call_uuid": CALL, "recording_id": new_uuid(), **change})


def test_stream_and_dial_callbacks_name_their_call() -> None:
    assert read_stream({**FIELDS, "Event": "StartStream"}).event == "started"
    assert read_dial({**FIELDS, "DialStatus": "busy"}).status == "busy"
    for read in (read_stream, read_dial):
        with pytest.raises(ProviderProtocolError):
            read({})
