from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import anyio
import httpx
import pytest
from dialog_twilio.signature import sign
from dialog_twilio.testing import Account, Stage, new_sid, open_stage, read_twiml
from dialog_twilio.testing.verbs import Pause, Reject, Say, Stream
from dialog_twilio.webhooks import read_call, read_recording, read_stream, read_transcription

from dialog_core.audio import AudioFrame
from dialog_core.errors import HandshakeRefused, ProviderProtocolError, SocketClosed
from dialog_core.fields import Secret
from dialog_core.protocols import CarrierTranscript, Line, LineEvent, Recording

pytestmark = pytest.mark.anyio

CALL = "CA00000000000000000000000000000001"
FIELDS = {
    "CallSid": CALL,
    "AccountSid": Account().sid,
    "From": "+15550001111",
    "To": "+15550002222",
    "CallStatus": "ringing",
}


async def post(
    stage: Stage, path: str, fields: Mapping[str, str], **headers: str
) -> httpx.Response:
    """Post a form, signed unless a header says otherwise."""
    url = stage.url(path)
    signed = {**stage.account.sign(url, fields.items()), **headers}
    return await stage.services.http.post(url, data=dict(fields), headers=signed)


def stream_of(response: httpx.Response) -> Stream:
    (stream, *_) = read_twiml(response.content)
    assert isinstance(stream, Stream)
    return stream


@pytest.mark.requirement("A.15", "A.20")
async def test_a_signed_webhook_is_answered_with_a_stream_of_its_own() -> None:
    async with open_stage() as stage:
        response = await post(stage, "/voice", FIELDS)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/xml")
    stream = stream_of(response)
    assert stream.url.startswith("wss://voice.example.com/reception/twilio/media/")
    assert stream.parameters["From"] == "+15550001111"
    assert list(stage.door.tickets.values()) == [CALL]


@pytest.mark.requirement("A.15")
@pytest.mark.parametrize(
    "path", ["/voice", "/recording/x", "/transcription/x", "/stream-status", "/after"]
)
@pytest.mark.parametrize(
    "headers",
    [
        {"X-Twilio-Signature": ""},
        {"X-Twilio-Signature": "AAAAAAAAAAAAAAAAAAAAAAAAAAA="},
        {"X-Twilio-Webhooks-Signature-Settings": "key=a,algorithm=HMAC_SHA256"},
        {"X-Twilio-Webhooks-Signature-Settings": "key=a,algorithm=PLAIN"},
    ],
)
async def test_what_twilio_did_not_sign_is_refused_everywhere(
    path: str, headers: Mapping[str, str]
) -> None:
    async with open_stage() as stage:
        response = await post(stage, path, FIELDS, **headers)
        unsigned = await stage.services.http.post(stage.url(path), data=FIELDS)
    assert (response.status_code, response.content) == (403, b"")
    assert unsigned.status_code == 403
    assert stage.door.tickets == {}
    assert len(stage.troubles()) == 2


async def test_a_signed_webhook_of_another_account_is_refused() -> None:
    async with open_stage() as stage:
        response = await post(stage, "/voice", {**FIELDS, "AccountSid": new_sid("AC")})
    assert response.status_code == 403


async def test_a_webhook_may_come_by_get() -> None:
    async with open_stage() as stage, stage.call(method="GET") as phone:
        await phone.silent(0.1)
    assert phone.status == "completed"
    assert phone.warnings == []


async def test_a_query_of_the_voice_address_is_part_of_what_is_signed() -> None:
    async with open_stage() as stage:
        right = await post(stage, "/voice?tenant=42", FIELDS)
        signature = stage.account.sign(stage.url("/voice?tenant=42"), FIELDS.items())
        wrong = await post(stage, "/voice?tenant=43", FIELDS, **signature)
    assert (right.status_code, wrong.status_code) == (200, 403)


@pytest.mark.requirement("A.15")
async def test_a_json_webhook_must_have_the_signed_body() -> None:
    body = json.dumps(FIELDS).encode()
    headers = {"content-type": "application/json"}
    async with open_stage() as stage:
        url = stage.url(f"/voice?bodySHA256={hashlib.sha256(body).hexdigest()}")
        headers |= stage.account.sign(url)
        whole = await stage.services.http.post(url, content=body, headers=headers)
        changed = await stage.services.http.post(url, content=body + b" ", headers=headers)
        plain = stage.url("/voice")
        headers |= stage.account.sign(plain)
        bare = await stage.services.http.post(plain, content=body, headers=headers)
    assert [whole.status_code, changed.status_code, bare.status_code] == [200, 403, 403]


async def test_a_shared_key_signs_with_sha_256() -> None:
    settings = Account().settings(webhook_key=Secret("shared"))
    async with open_stage(settings=settings) as stage:
        signature = sign("shared", stage.url("/voice"), FIELDS.items(), algorithm="HMAC_SHA256")
        headers = {
            "X-Twilio-Signature": signature,
            "X-Twilio-Webhooks-Signature-Settings": "key=k,algorithm=HMAC_SHA256",
        }
        response = await post(stage, "/voice", FIELDS, **headers)
        legacy = await post(stage, "/voice", FIELDS)
    assert (response.status_code, legacy.status_code) == (200, 200)


async def test_only_a_loud_setting_lets_the_unsigned_in() -> None:
    settings = Account().settings(allow_unsigned=True)
    async with open_stage(settings=settings) as stage:
        response = await stage.services.http.post(stage.url("/voice"), data=FIELDS)
    assert response.status_code == 200


async def test_a_webhook_that_comes_again_gets_the_same_answer_and_no_second_call() -> None:
    async with open_stage() as stage:
        answers: list[str] = []

        async def ask() -> None:
            answers.append((await post(stage, "/voice", FIELDS)).text)

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(ask)
        await ask()
        fields = {"CallSid": CALL}
        async with stage.call(fields=fields) as phone:
            await phone.silent(0.1)
            async with stage.call(fields=fields) as twin:
                await twin.over()
    assert len(set(answers)) == 1
    assert len(stage.door.lines) == 1


@pytest.mark.parametrize(("message", "verb"), [("", Reject("busy")), ("All busy", Say("All busy"))])
async def test_a_full_process_refuses_politely(message: str, verb: object) -> None:
    settings = Account().settings(busy_message=message)
    async with open_stage(settings=settings) as stage:
        stage.door.room = False
        async with stage.call() as phone:
            await phone.over()
    assert read_twiml(phone.exchange.documents[0])[0] == verb
    assert stage.door.lines == []


async def test_the_answer_may_wait_before_it_connects() -> None:
    async with open_stage(settings=Account().settings(answer_pause=2)) as stage:
        response = await post(stage, "/voice", FIELDS)
    assert read_twiml(response.content)[0] == Pause(2)


@pytest.mark.requirement("B.37")
@pytest.mark.parametrize(
    ("forwarded", "scheme"), [("https", "wss"), ("http, https", "ws"), ("", "wss")]
)
async def test_without_a_public_address_the_forwarded_protocol_is_followed(
    forwarded: str, scheme: str
) -> None:
    async with open_stage(public_url="") as stage:
        url = "https://voice.example.com/reception/twilio/voice"
        seen = url.replace("https", "https" if scheme == "wss" else "http", 1)
        headers = stage.account.sign(seen, FIELDS.items())
        if forwarded:
            headers["X-Forwarded-Proto"] = forwarded
        response = await stage.services.http.post(url, data=FIELDS, headers=headers)
    assert f'url="{scheme}://voice.example.com/' in response.text


async def test_a_malformed_webhook_is_a_bad_request() -> None:
    async with open_stage() as stage:
        for path, fields in (
            ("/voice", {**FIELDS, "CallSid": "CA1"}),
            ("/recording/x", FIELDS),
            ("/transcription/x", FIELDS),
            ("/stream-status", FIELDS),
        ):
            assert (await post(stage, path, fields)).status_code == 400


@pytest.mark.requirement("A.16")
async def test_a_form_with_absurdly_many_fields_is_refused() -> None:
    many = {**FIELDS, **{f"F{n}": "x" for n in range(300)}}
    async with open_stage() as stage:
        assert (await post(stage, "/voice", many)).status_code == 403


# --- the media socket


async def refused(stage: Stage, url: str, headers: Mapping[str, str]) -> int:
    with pytest.raises(HandshakeRefused) as caught:
        async with stage.services.connect(url, headers=headers):
            pass
    return caught.value.status


@pytest.mark.requirement("A.15")
async def test_an_upgrade_without_twilios_signature_is_refused_and_costs_no_ticket() -> None:
    async with open_stage() as stage:
        url = stream_of(await post(stage, "/voice", FIELDS)).url
        assert await refused(stage, url, {}) == 403
        assert await refused(stage, url, {"X-Twilio-Signature": "AAAA"}) == 403
        https = stage.account.sign(url.replace("wss", "https"))
        assert await refused(stage, url, https) == 403
        assert len(stage.door.tickets) == 1


async def test_a_ticket_admits_once() -> None:
    async with open_stage() as stage, stage.call() as phone:
        await phone.silent(0.1)
        (stream, *_) = read_twiml(phone.exchange.documents[0])
        assert isinstance(stream, Stream)
        assert await refused(stage, stream.url, stage.account.sign(stream.url)) == 403
        forged = stage.url("/media/forged").replace("https", "wss")
        assert await refused(stage, forged, stage.account.sign(forged)) == 403
    assert len(stage.door.lines) == 1


async def test_a_second_socket_of_a_call_is_refused_even_with_a_ticket() -> None:
    async with open_stage() as stage, stage.call() as phone:
        await phone.silent(0.1)
        url = stage.url(f"/media/{stage.door.issue(phone.call_id)}").replace("https", "wss")
        assert await refused(stage, url, stage.account.sign(url)) == 403


def start(call: str, account: str = FIELDS["AccountSid"], rate: int | str = 8000) -> str:
    sid = new_sid("MZ")
    body = {
        "accountSid": account,
        "streamSid": sid,
        "callSid": call,
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": rate, "channels": 1},
        "customParameters": {"From": "+15550009999"},
    }
    return json.dumps({"event": "start", "sequenceNumber": "1", "streamSid": sid, "start": body})


@pytest.mark.parametrize(
    "first",
    [
        start(new_sid("CA")),
        start(CALL, account=new_sid("AC")),
        start(CALL, rate=16000),
        start(CALL, rate="fast"),
        "{",
        '{"event":"stop","sequenceNumber":"1","streamSid":"M","stop":{"accountSid":"A","callSid":"C"}}',
        None,
    ],
)
async def test_a_socket_that_does_not_start_as_its_ticket_says_is_closed(first: str | None) -> None:
    async with open_stage() as stage:
        url = stream_of(await post(stage, "/voice", FIELDS)).url
        async with stage.services.connect(url, headers=stage.account.sign(url)) as socket:
            if first is not None:
                await socket.send(first)
            with pytest.raises(SocketClosed) as caught:
                await socket.receive()
    assert caught.value.code == 1008
    assert stage.door.lines == []


@pytest.mark.requirement("A.20")
async def test_a_process_that_did_not_see_the_webhook_knows_the_caller_from_the_stream() -> None:
    async with open_stage() as stage:
        url = stage.url(f"/media/{stage.door.issue(CALL)}").replace("https", "wss")
        async with stage.services.connect(url, headers=stage.account.sign(url)) as socket:
            await socket.send(start(CALL))
            while not stage.door.lines:
                await anyio.lowlevel.checkpoint()
    (line,) = stage.door.lines
    assert (line.info.id, line.info.caller) == (CALL, "+15550009999")


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
    settings = Account().settings(record=True, transcribe=True)
    async with open_stage(kept, settings=settings) as stage, stage.call() as phone:
        await phone.silent(0.1)
        (recording,) = stage.twilio.recordings.values()
        (transcription,) = stage.twilio.transcriptions.values()
        ids = {"CallSid": phone.call_id, "AccountSid": stage.account.sid}
        done = {**ids, "RecordingSid": recording.sid, "RecordingStatus": "completed"}
        heard = {
            **ids,
            "TranscriptionSid": transcription.sid,
            "TranscriptionEvent": "transcription-content",
            "TranscriptionData": '{"transcript":"hello"}',
            "SequenceId": "7",
            "Track": "inbound_track",
        }
        for _ in range(3):
            assert (await phone.exchange.post(recording.callback, done)).status_code == 204
            assert (await phone.exchange.post(transcription.callback, heard)).status_code == 204
        await phone.silent(0.1)
    assert len([event for event in kept.events if isinstance(event, CarrierTranscript)]) == 1
    assert len([event for event in kept.events if isinstance(event, Recording)]) == 2


async def test_a_callback_of_another_call_or_address_finds_nobody() -> None:
    async with open_stage() as stage, stage.call() as phone:
        await phone.silent(0.1)
        done = {
            "CallSid": phone.call_id,
            "AccountSid": stage.account.sid,
            "RecordingSid": new_sid("RE"),
            "RecordingStatus": "completed",
        }
        guessed = await post(stage, "/recording/guessed", done)
        other = await post(stage, "/recording/guessed", {**done, "CallSid": new_sid("CA")})
    assert (guessed.status_code, other.status_code) == (404, 404)


@pytest.mark.requirement("A.16")
async def test_unread_callbacks_are_bounded_and_counted() -> None:
    async def sleepy(line: Line) -> None:
        await line.start_transcription()
        await enough.wait()

    enough = anyio.Event()
    async with open_stage(sleepy) as stage, stage.call() as phone:
        await phone.silent(0.1)
        for number in range(300):
            await stage.twilio.heard(phone.call_id, str(number))
        enough.set()
    assert len([each for each in stage.observed if "dropped" in repr(each)]) == 300 - 256


async def test_a_stream_that_twilio_could_not_open_is_noted() -> None:
    fields = {
        **FIELDS,
        "StreamSid": new_sid("MZ"),
        "StreamEvent": "stream-error",
        "StreamError": "31901",
    }
    async with open_stage() as stage:
        assert (await post(stage, "/stream-status", fields)).status_code == 204
    assert stage.troubles() == ["a media stream failed"]


async def test_after_a_transfer_nobody_took_the_call_ends_and_it_is_noted() -> None:
    async with open_stage() as stage:
        response = await post(stage, "/after", {**FIELDS, "DialCallStatus": "no-answer"})
    assert "<Hangup/>" in response.text
    assert stage.troubles() == ["a transfer was not answered"]


# --- the payloads


@pytest.mark.requirement("A.24")
def test_payloads_keep_what_they_do_not_know() -> None:
    fields = {**FIELDS, "Direction": "outbound-api", "Surprise": "!", "FromCity": ""}
    call = read_call(fields)
    assert (call.direction, call.fields) == ("outbound", fields)


@pytest.mark.requirement("A.24")
@pytest.mark.parametrize(
    "change",
    [
        {"RecordingStatus": "dancing"},
        {"RecordingSid": "RE1"},
        {"RecordingDuration": "long"},
        {"CallSid": ""},
    ],
)
def test_a_recording_callback_that_is_none_is_the_peers_fault(change: Mapping[str, str]) -> None:
    fields = {**FIELDS, "RecordingSid": new_sid("RE"), "RecordingStatus": "completed"}
    assert read_recording(fields).over
    with pytest.raises(ProviderProtocolError):
        read_recording({**fields, **change})


@pytest.mark.requirement("A.24")
@pytest.mark.parametrize(
    "change",
    [
        {"TranscriptionEvent": "transcription-sung"},
        {"TranscriptionData": "{"},
        {"TranscriptionData": '{"text":"x"}'},
        {"Track": "both"},
        {"SequenceId": "one"},
        {"TranscriptionSid": ""},
    ],
)
def test_a_transcription_callback_that_is_none_is_the_peers_fault(
    change: Mapping[str, str],
) -> None:
    fields = {
        **FIELDS,
        "TranscriptionSid": new_sid("GT"),
        "TranscriptionEvent": "transcription-content",
        "TranscriptionData": '{"transcript":"hi","confidence":0.5}',
        "Track": "outbound_track",
        "Final": "true",
        "SequenceId": "3",
    }
    status = read_transcription(fields)
    assert (status.track, status.text, status.final, status.sequence) == ("agent", "hi", True, 3)
    with pytest.raises(ProviderProtocolError):
        read_transcription({**fields, **change})


@pytest.mark.requirement("A.24")
def test_a_stream_callback_names_its_stream() -> None:
    fields = {**FIELDS, "StreamSid": new_sid("MZ"), "StreamEvent": "stream-started"}
    assert read_stream(fields).event == "stream-started"
    with pytest.raises(ProviderProtocolError):
        read_stream(FIELDS)
