"""Twilio's own package against our signatures, our TwiML and our pretended REST interface."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import anyio
import pytest
from dialog_twilio import twiml
from dialog_twilio.signature import is_signed, sign
from dialog_twilio.testing import FakeTwilio, TwilioCarrier, kits, open_stage

from dialog_core.testing.contracts.voip_kit import open_world
from dialog_core.testing.pytest_plugin import real_loop
from dialog_core.testing.vendor import served

pytest.importorskip("twilio")

from requests import Session
from twilio.base.exceptions import TwilioRestException  # type: ignore[import-untyped]
from twilio.http.http_client import TwilioHttpClient  # type: ignore[import-untyped]
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]
from twilio.twiml.voice_response import Connect, Dial, VoiceResponse  # type: ignore[import-untyped]

pytestmark = pytest.mark.certify

TOKEN = "twilio_fake_auth_token_0001"
FORM = {"CallSid": "CA1", "From": "+15550001111", "City": "SAN JOSÉ", "Blank": ""}
CALL = "CA00000000000000000000000000000001"


@pytest.mark.requirement("A.15")
@pytest.mark.parametrize("algorithm", ["HMAC_SHA1", "HMAC_SHA256"])
@pytest.mark.parametrize(
    "url", ["https://h.example.com/voice?x=1", "https://h.example.com:443/voice"]
)
def test_twilio_accepts_our_signatures_of_forms_and_we_accept_theirs(
    url: str, algorithm: str
) -> None:
    validator = RequestValidator(TOKEN)
    ours = sign(TOKEN, url, FORM.items(), algorithm=algorithm)
    theirs = validator.compute_signature(url, FORM, algorithm)
    assert validator.validate(url, FORM, ours, algorithm)
    assert is_signed(TOKEN, url, FORM.items(), theirs, algorithm=algorithm)


@pytest.mark.requirement("A.15")
def test_twilio_accepts_our_signatures_of_upgrades_and_we_accept_theirs() -> None:
    url = "wss://h.example.com/media/t"
    validator = RequestValidator(TOKEN)
    assert validator.validate(url, {}, sign(TOKEN, url))
    for form in (url, url.replace(".com", ".com:443")):
        assert is_signed(TOKEN, url, (), validator.compute_signature(form, {}))


def canonical(document: str) -> Any:
    def shape(element: ET.Element) -> Any:
        children = [shape(child) for child in element]
        return element.tag, dict(element.attrib), (element.text or "").strip(), children

    return shape(ET.fromstring(document))  # noqa: S314 - written by the two builders


@pytest.mark.requirement("A.20")
def test_our_stream_is_the_stream_that_twilios_builder_writes() -> None:
    theirs = VoiceResponse()
    connect = Connect()
    stream = connect.stream(url="wss://h/m/t", name="n", status_callback="https://h/s?a=1&b=2")
    stream.parameter(name="From", value="<\"&'>")
    theirs.append(connect)
    theirs.hangup()
    ours = twiml.document(
        twiml.connect(
            "wss://h/m/t",
            name="n",
            status_callback="https://h/s?a=1&b=2",
            parameters={"From": "<\"&'>"},
        ),
        twiml.hang_up(),
    )
    assert canonical(ours) == canonical(str(theirs))


@pytest.mark.requirement("A.23")
def test_our_other_verbs_are_those_that_twilios_builder_writes() -> None:
    theirs = VoiceResponse()
    dial = Dial(caller_id="+15550002222", timeout=30, action="https://h/after")
    dial.number("+15550003333")
    theirs.append(dial)
    theirs.play(digits="1w#")
    theirs.hangup()
    ours = twiml.document(
        twiml.dial("+15550003333", caller_id="+15550002222", timeout=30, action="https://h/after"),
        twiml.play_digits("1w#"),
        twiml.hang_up(),
    )
    assert canonical(ours) == canonical(str(theirs))
    busy = VoiceResponse()
    busy.reject(reason="busy")
    assert canonical(twiml.busy("")) == canonical(str(busy))


class Rerouted(TwilioHttpClient):  # type: ignore[misc]
    """Twilio's client, towards another host."""

    def __init__(self, base: str) -> None:
        super().__init__(timeout=60)
        self.session = Session()
        self._base = base

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        rerouted = url.replace("https://api.twilio.com", self._base)
        return super().request(method, rerouted, *args, **kwargs)

    def close(self) -> None:
        """Close the sockets."""
        self.session.close()


@pytest.mark.anyio
@real_loop
async def test_twilios_client_finds_our_rest_interface_to_be_twilios() -> None:
    async with open_stage() as stage, stage.call() as phone:
        await phone.silent(0.1)
        async with served(stage.twilio) as base:
            http = Rerouted(base)
            client = Client(stage.account.sid, stage.account.token, http_client=http)

            def control() -> tuple[str, str, str]:
                call = client.calls(phone.call_id)
                recording = call.recordings.create(recording_channels="dual")
                call.recordings(recording.sid).update(status="stopped")
                transcription = call.transcriptions.create(track="both_tracks")
                stopped = call.transcriptions(transcription.sid).update(status="stopped")
                client.recordings(recording.sid).delete()
                call.update(status="completed")
                return str(recording.sid), str(transcription.sid), str(stopped.status)

            recording, transcription, status = await anyio.to_thread.run_sync(control)
            http.close()
        assert recording.startswith("RE")
        assert transcription.startswith("GT")
        assert status == "stopped"
        assert await phone.over() == "completed"


@pytest.mark.anyio
@real_loop
async def test_twilios_client_understands_our_errors() -> None:
    fake = FakeTwilio()
    async with served(fake) as base:
        http = Rerouted(base)
        client = Client(fake.account.sid, fake.account.token, http_client=http)

        def gone() -> TwilioRestException:
            with pytest.raises(TwilioRestException) as caught:
                client.calls(CALL).update(status="completed")
            return caught.value

        error = await anyio.to_thread.run_sync(gone)
        http.close()
    assert (error.status, error.code) == (404, 20404)


@pytest.mark.anyio
@real_loop
@pytest.mark.requirement("D.20")
async def test_twilios_client_places_a_call_on_our_rest_interface() -> None:
    async with open_world(kits()[0]) as world:
        assert isinstance(world.carrier, TwilioCarrier)
        fake = world.carrier.twilio
        async with served(fake) as base:
            http = Rerouted(base)
            client = Client(fake.account.sid, fake.account.token, http_client=http)

            def dial() -> str:
                placed = client.calls.create(
                    to="+15550004444",
                    from_="+15550002222",
                    url=f"https://voice.example.com{world.door.path}/outbound/x",
                    status_callback=f"https://voice.example.com{world.door.path}/status",
                    status_callback_event=["ringing", "answered", "completed"],
                    timeout=30,
                )
                return str(placed.sid)

            call = await anyio.to_thread.run_sync(dial)
            http.close()
            phone = await world.carrier.dialled()
            await phone.silent(0.1)
            await phone.hang_up()
    assert phone.call_id == call
    assert world.door.lines[0].info.direction == "outbound"
