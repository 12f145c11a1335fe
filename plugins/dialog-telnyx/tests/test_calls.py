"""What only Telnyx does: events twice, transfers that fail, streams that never come, codecs, recordings by leg."""

from __future__ import annotations

import json
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from dialog_telnyx.testing import TelnyxCarrier, TelnyxExchange, kits
from dialog_telnyx.testing.network import new_event

from dialog_core.audio import AudioFrame
from dialog_core.errors import LineError
from dialog_core.line import CarrierTranscript, LineStopped, Progress, Recording
from dialog_core.testing.contracts.voip_kit import VoipWorld, open_world
from dialog_core.turns.events import Keypress

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("A.25")]

KIT = kits()[0]
TARGET = "+15550003333"


def telnyx(world: VoipWorld) -> TelnyxCarrier:
    assert isinstance(world.carrier, TelnyxCarrier)
    return world.carrier


def exchange(phone: Any) -> TelnyxExchange:
    made = phone.exchange
    assert isinstance(made, TelnyxExchange)
    return made


def actions(phone: Any) -> list[str]:
    return [action for action, _ in exchange(phone).orders.commands]


async def test_a_call_is_answered_and_streamed_in_one_command_with_raw_audio() -> None:
    async with open_world(KIT) as world, world.call() as phone:
        await phone.silent(0.1)
        ((action, body),) = exchange(phone).orders.commands
    assert action == "answer"
    assert body["stream_bidirectional_mode"] == "rtp"
    assert body["stream_track"] == "inbound_track"
    assert body["stream_url"].startswith("wss://voice.example.com/reception/telnyx/media/")
    assert world.line.info.metadata["call_leg_id"] == exchange(phone).leg.leg


async def test_an_event_that_comes_twice_counts_once() -> None:
    async with open_world(KIT) as world, world.call() as phone:
        event = exchange(phone).event("call.initiated", {"state": "parked"})
        for _ in range(3):
            assert (await exchange(phone).place.network.post(event)).status_code == 200
        await phone.silent(0.1)
        assert actions(phone) == ["answer"]


async def test_a_full_server_rejects_with_busy() -> None:
    async with open_world(KIT) as world:
        world.door.room = False
        async with world.call() as phone:
            assert await phone.over() == "user_busy"
        assert actions(phone) == ["reject"]


async def test_events_of_another_application_are_refused() -> None:
    async with open_world(KIT, connection_id="999") as world, world.call():
        with anyio.fail_after(60):
            while not world.troubles():
                await anyio.lowlevel.checkpoint()
    assert world.troubles() == ["a webhook of another application was refused"] * len(
        world.troubles()
    )
    assert world.door.lines == []


@pytest.mark.parametrize("body", [b"", b"[]", b'{"data":{}}', b'{"data":{"id":1}}', b"\xff"])
async def test_a_webhook_that_cannot_be_read_is_noted(body: bytes) -> None:
    async with open_world(KIT) as world, world.call() as phone:
        await phone.silent(0.1)
        network = exchange(phone).place.network
        headers = network.account.sign(body, network.services.clock.wall())
        assert (await network.send(body, headers)).status_code == 400
    assert world.troubles() == ["a webhook cannot be read"]


async def test_kinds_of_events_that_nobody_knows_are_accepted() -> None:
    async with open_world(KIT) as world, world.call() as phone:
        await phone.silent(0.1)
        network = exchange(phone).place.network
        assert (await network.post(new_event("call.sneezed", {}))).status_code == 200
    assert world.troubles() == []


async def test_a_call_whose_stream_never_came_is_ended() -> None:
    async with open_world(KIT) as world, world.call() as phone:
        await phone.silent(0.1)
        other, silent = exchange(phone), {"call_control_id": "v3:silent"}
        event = other.event("streaming.failed", {"failure_reason": "connection_failed", **silent})
        initiated = other.event("call.initiated", silent)
        await other.place.network.post(initiated)
        await other.place.network.post(event)
    hung_up = [each.path for each in telnyx(world).telnyx.requests if "hangup" in each.path]
    assert "/calls/v3:silent/actions/hangup" in hung_up
    assert "a media stream failed" in world.troubles()


async def test_a_transfer_that_nobody_answers_ends_the_call() -> None:
    async with open_world(KIT) as world, world.call() as phone:
        await phone.silent(0.1)
        exchange(phone).orders.unreachable = frozenset({TARGET})
        await world.line.transfer(TARGET)
        await world.clerk.has(LineStopped)
        assert await phone.over() == "normal_clearing"
        assert phone.transferred_to is None
    assert world.clerk.of(LineStopped) == [LineStopped("transferred")]
    assert "a transfer was not answered" in world.troubles()
    assert world.door.states[-1].progress is Progress.ENDED


async def test_a_stream_that_cannot_be_stopped_is_closed_after_a_transfer() -> None:
    async with open_world(KIT) as world, world.call() as phone:
        await phone.silent(0.1)
        requests = telnyx(world).telnyx.requests
        before = len(requests)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(world.line.transfer, TARGET)
            while len(requests) == before:
                await anyio.lowlevel.checkpoint()
            telnyx(world).refuse()
        await world.clerk.has(LineStopped)
        await world.clerk.idle()
    assert world.clerk.of(LineStopped) == [LineStopped("transferred")]


async def test_only_one_transfer_goes_on_at_a_time() -> None:
    async with open_world(KIT) as world, world.call() as phone:
        await phone.silent(0.1)
        await world.line.transfer(TARGET)
        with pytest.raises(LineError):
            await world.line.transfer(TARGET)


async def test_a_recording_that_failed_is_told() -> None:
    async with open_world(KIT) as world, world.call() as phone:
        await phone.silent(0.1)
        name = await world.line.start_recording()
        with pytest.raises(LineError, match="one at a time"):
            await world.line.start_recording()
        event = exchange(phone).event("call.recording.error", {})
        await exchange(phone).place.network.post(event)
        await world.clerk.has(Recording)
        with pytest.raises(LineError, match="no such recording"):
            await world.line.stop_recording(name)
    assert world.clerk.of(Recording)[0] == Recording(name, "failed")


async def test_two_recordings_of_a_call_are_told_apart() -> None:
    async with open_world(KIT) as world, world.call() as phone:
        await phone.silent(0.1)
        made: list[Recording] = []
        for seconds in (0.2, 0.4):
            name = await world.line.start_recording()
            await phone.silent(seconds)
            await world.line.stop_recording(name)
            await world.clerk.has(Recording, len(made) + 1)
            made.append(world.clerk.of(Recording)[-1])
        first, second = [await world.line.fetch_recording(each) for each in made]
        await world.line.delete_recording(made[0].id)
        assert await world.line.fetch_recording(made[1]) == second
    assert len(first) < len(second)
    assert made[0].seconds == pytest.approx(4.0)


async def test_every_call_may_be_recorded_and_transcribed() -> None:
    async with open_world(KIT, record=True, transcribe=True) as world, world.call() as phone:
        await phone.silent(0.2)
        heard = {
            "transcript": "Hello.",
            "is_final": True,
            "confidence": 0.9,
            "transcription_track": "outbound",
        }
        await exchange(phone).tell("call.transcription", {"transcription_data": heard})
        await world.clerk.has(CarrierTranscript)
        assert sorted(actions(phone)) == ["answer", "record_start", "transcription_start"]
    assert world.clerk.of(CarrierTranscript) == [
        CarrierTranscript("agent", "Hello.", final=True, sequence=1, confidence=0.9)
    ]


async def test_a_key_that_comes_twice_counts_once() -> None:
    async with open_world(KIT) as world, world.call() as phone:
        await phone.silent(0.1)
        key = '{"event":"dtmf","sequence_number":"7","dtmf":{"digit":"5"}}'
        for _ in range(2):
            await phone.send_raw(key)
        await phone.silent(0.1)
    assert [each.digit for each in world.clerk.of(Keypress)] == ["5"]


async def test_an_error_of_the_stream_is_noted_and_the_call_goes_on() -> None:
    async with open_world(KIT) as world, world.call() as phone:
        await phone.silent(0.1)
        error = {"event": "error", "payload": {"code": 100005, "title": "rate_limit_reached"}}
        await phone.send_raw(json.dumps(error))
        await phone.silent(0.1)
        assert world.clerk.of(LineStopped) == []
    assert world.troubles() == ["the media stream refused a message"]


async def test_a_stream_in_another_codec_than_asked_for_is_refused() -> None:
    async with open_world(KIT, codec="L16") as world, world.call() as phone:
        await world.clerk.idle()
        with anyio.fail_after(60):
            while "a media socket began wrongly" not in world.troubles():
                await anyio.lowlevel.checkpoint()
        assert phone.warnings == ["stream_bidirectional_codec is 'L16', not 'PCMU'"]
    assert world.clerk.of(AudioFrame) == []
