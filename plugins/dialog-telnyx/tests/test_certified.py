"""Telnyx's own package against our signatures, our events and our pretended REST interface."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from dialog_telnyx.callbacks import stream_fields
from dialog_telnyx.settings import Codec
from dialog_telnyx.signature import is_signed
from dialog_telnyx.testing import Account, FakeTelnyx, TelnyxCarrier, kits
from dialog_telnyx.testing.network import new_event

from dialog_core.testing.contracts.voip_kit import open_world
from dialog_core.testing.pytest_plugin import real_loop
from dialog_core.testing.vendor import served

pytest.importorskip("telnyx")

from telnyx import AuthenticationError, NotFoundError, Telnyx, UnprocessableEntityError
from telnyx.lib.webhook_verification import WebhookVerificationError, verify_webhook_signature
from telnyx.types.calls import action_start_streaming_params

pytestmark = [pytest.mark.certify, pytest.mark.requirement("A.25")]

ACCOUNT = Account()


def client_of(base: str, key: str = ACCOUNT.api_key) -> Telnyx:
    return Telnyx(api_key=key, public_key=ACCOUNT.public_key, base_url=f"{base}/v2", max_retries=0)


def signed(body: bytes, now: float) -> dict[str, str]:
    return ACCOUNT.sign(body, now)


def test_telnyx_accepts_our_signatures_and_refuses_what_we_refuse() -> None:
    body = json.dumps({"data": new_event("call.initiated", {"from": "+15550001111"})}).encode()
    now = time.time()
    headers = signed(body, now)
    verify_webhook_signature(body, headers, ACCOUNT.public_key)
    for other, its_headers in ((body + b" ", headers), (body, signed(body, now - 301)), (body, {})):
        with pytest.raises(WebhookVerificationError):
            verify_webhook_signature(other, its_headers, ACCOUNT.public_key)
        assert not is_signed(
            ACCOUNT.public_key,
            other,
            signature=its_headers.get("telnyx-signature-ed25519", ""),
            timestamp=its_headers.get("telnyx-timestamp", ""),
            now=now,
            tolerance=300,
        )


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("call.initiated", {"direction": "incoming", "state": "parked", "from": "+15550001111"}),
        ("call.answered", {"state": "answered"}),
        ("call.hangup", {"hangup_cause": "normal_clearing", "hangup_source": "caller"}),
        ("call.bridged", {}),
        ("call.recording.saved", {"recording_urls": {"wav": "https://x/y.wav"}}),
        ("streaming.failed", {"failure_reason": "connection_failed"}),
        (
            "call.transcription",
            {"transcription_data": {"transcript": "Hi.", "is_final": True, "confidence": 0.9}},
        ),
    ],
)
def test_telnyx_reads_the_events_of_our_fake(kind: str, payload: dict[str, Any]) -> None:
    body = json.dumps({"data": new_event(kind, {**payload, "call_control_id": "v3:x"})})
    with client_of("http://127.0.0.1:9") as client:
        headers = signed(body.encode(), time.time())
        event: Any = client.webhooks.unwrap(body, headers=headers)
    assert event.data.event_type == kind
    for name, value in payload.items():
        read = getattr(event.data.payload, {"from": "from_"}.get(name, name))
        assert (read.to_dict() if hasattr(read, "to_dict") else read) == value


@pytest.mark.parametrize("codec", list(Codec))
def test_our_stream_has_fields_that_telnyx_has(codec: Codec) -> None:
    fields = stream_fields(ACCOUNT.settings(codec=codec), "wss://h/m/t")
    known = action_start_streaming_params.ActionStartStreamingParams.__annotations__
    assert fields.keys() <= known.keys()


@pytest.mark.anyio
@real_loop
async def test_telnyxs_client_finds_our_rest_interface_to_be_telnyxs() -> None:
    async with open_world(kits()[0]) as world, world.call() as phone:
        await phone.silent(0.1)
        assert isinstance(world.carrier, TelnyxCarrier)
        async with served(world.carrier.telnyx) as base:
            state = b64encode(b"state").decode()

            def control() -> list[str]:
                with client_of(base) as client:
                    act: Any = client.calls.actions
                    call = phone.call_id
                    results = [
                        act.start_recording(
                            call, channels="dual", format="wav", client_state=state
                        ),
                        act.send_dtmf(call, digits="1w#"),
                        act.stop_recording(call),
                        act.start_transcription(call, transcription_tracks="both"),
                        act.stop_transcription(call),
                    ]
                return [result.data.result for result in results]

            def recordings() -> list[str]:
                with client_of(base) as client:
                    kept = list(client.recordings.list())
                    for each in kept:
                        client.recordings.delete(each.id or "")
                    client.calls.actions.hangup(phone.call_id)
                return [each.id or "" for each in kept]

            results = await anyio.to_thread.run_sync(control)
            with anyio.fail_after(60):
                while world.carrier.telnyx.tapes[0].wav is None:
                    await anyio.lowlevel.checkpoint()
            kept = await anyio.to_thread.run_sync(recordings)
            assert await phone.over() == "normal_clearing"
    assert results == ["ok"] * 5
    assert len(kept) == 1
    assert phone.digits == "1w#"


@pytest.mark.anyio
@real_loop
async def test_telnyxs_client_places_a_call_and_understands_our_errors() -> None:
    async with open_world(kits()[0]) as world:
        assert isinstance(world.carrier, TelnyxCarrier)
        async with served(world.carrier.telnyx) as base:

            def dial() -> str:
                with client_of(base) as client, client_of(base, "another") as stranger:
                    return attempt(client, stranger)

            def attempt(client: Telnyx, stranger: Telnyx) -> str:
                placed = client.calls.dial(
                    connection_id=ACCOUNT.connection_id,
                    from_="+15550001111",
                    to="+15550002222",
                    webhook_url="https://voice.example.com/reception/telnyx/webhook",
                )
                assert placed.data is not None
                with pytest.raises(AuthenticationError):
                    stranger.calls.actions.hangup(placed.data.call_control_id)
                with pytest.raises(NotFoundError):
                    client.calls.actions.hangup("v3:nobody")
                with pytest.raises(UnprocessableEntityError):
                    client.calls.actions.send_dtmf(placed.data.call_control_id, digits="?")
                return placed.data.call_control_id

            call = await anyio.to_thread.run_sync(dial)
            phone = await world.carrier.dialled()
            await phone.hang_up()
    assert phone.call_id == call


def test_the_fake_without_a_call_is_the_account_that_telnyx_shows() -> None:
    assert FakeTelnyx().account.public_key == "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
