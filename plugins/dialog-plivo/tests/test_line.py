from __future__ import annotations

import io
import wave
from collections.abc import Awaitable, Callable

import anyio
import pytest
from dialog_plivo.inbound import AudioClock
from dialog_plivo.testing import Account, open_stage, read_xml
from dialog_plivo.testing.verbs import Dial, Hangup
from hypothesis import given
from hypothesis import strategies as st

from dialog_core.audio import AudioFrame
from dialog_core.errors import LineError
from dialog_core.line import CarrierTranscript, Progress
from dialog_core.protocols import Line, LineEvent, LineStopped, MarkReturned, Recording
from dialog_core.testing.phones.phone import Outcome

pytestmark = pytest.mark.anyio

SPEECH = bytes(range(160)) * 10
"""0.2 s."""
Deed = Callable[[Line], Awaitable[None]]


class Agent:
    """Answers a call: keeps what the line says, and does one thing after 0.1 s of audio."""

    def __init__(self, deed: Deed | None = None) -> None:
        self.events: list[LineEvent] = []
        self.errors: list[str] = []
        self.lines: list[Line] = []
        self.finished = anyio.Event()
        self._deed = deed

    async def __call__(self, line: Line) -> None:
        self.lines.append(line)
        async with anyio.create_task_group() as tasks:
            async for event in line.events():
                self.events.append(event)
                if self._deed and isinstance(event, AudioFrame) and event.at >= 0.1:
                    tasks.start_soon(self._do, self._deed, line)
                    self._deed = None
        self.finished.set()

    async def _do(self, deed: Deed, line: Line) -> None:
        try:
            await deed(line)
        except LineError as error:
            self.errors.append(str(error))

    @property
    def others(self) -> list[LineEvent]:
        """All events but audio."""
        return [event for event in self.events if not isinstance(event, AudioFrame)]


# --- what the call is


async def test_a_call_begins_with_all_that_webhook_and_stream_said() -> None:
    agent = Agent()
    fields = {"CallerName": "AT&T <x>", "ForwardedFrom": "15550007777"}
    async with open_stage(agent) as stage, stage.call(fields=fields) as phone:
        await phone.silent(0.02)
    info = agent.lines[0].info
    assert (info.id, info.caller, info.called) == (
        phone.exchange.call_uuid,
        "+15550001111",
        "+15550002222",
    )
    assert (info.agent, info.voip, info.direction) == ("reception", "plivo", "inbound")
    assert (
        info.metadata.items()
        >= {
            "CallerName": "AT&T <x>",
            "ForwardedFrom": "15550007777",
            "CallUUID": phone.exchange.call_uuid,
            "AccountID": stage.account.auth_id,
            "StreamTracks": "inbound",
            "StreamEncoding": "audio/x-mulaw",
            "StreamRate": "8000",
        }.items()
    )


@pytest.mark.requirement("D.20")
async def test_a_call_that_we_place_has_the_id_that_placing_it_gave() -> None:
    agent = Agent()
    async with open_stage(agent) as stage:
        request = await stage.dial("+15550004444", order="42")
        phone = await stage.callees.dialled()
        await phone.say(SPEECH)
        await phone.hang_up()
        await agent.finished.wait()
        states = [(state.call, state.progress) for state in stage.door.states]
    info = agent.lines[0].info
    assert info.id == request != phone.exchange.call_uuid
    assert (info.direction, info.metadata["order"]) == ("outbound", "42")
    assert (info.caller, info.called) == ("+15550002222", "+15550004444")
    assert states == [
        (request, Progress.RINGING),
        (request, Progress.ANSWERED),
        (request, Progress.ENDED),
    ]
    body = stage.plivo.requests[0].body
    assert (body["from"], body["to"]) == ("15550002222", "15550004444")
    assert (body["ring_timeout"], body["time_limit"]) == (30, 14_400)
    assert phone.warnings == []


async def test_hanging_up_a_call_that_we_placed_names_the_call_and_not_the_request() -> None:
    async def hang_up(line: Line) -> None:
        await line.hang_up()

    async with open_stage(Agent(hang_up)) as stage:
        await stage.dial("+15550004444")
        phone = await stage.callees.dialled()
        assert await phone.over() == "completed"
    assert stage.plivo.requests[-1].path == f"/Call/{phone.exchange.call_uuid}/"


async def test_why_a_call_was_not_answered_is_told_in_plivos_word() -> None:
    async with open_stage() as stage:
        stage.callees.expect(Outcome.BUSY)
        request = await stage.dial("sip:a@phone.plivo.com")
        state = await stage.door.reached(request)
    assert (state.progress, state.reason) == (Progress.BUSY, "USER_BUSY")


async def test_answering_machines_may_be_left_to_plivo() -> None:
    settings = Account().settings(dial_from="+15550002222", machine_detection="hangup")
    async with open_stage(settings=settings) as stage:
        await stage.dial("+15550004444")
    assert stage.plivo.requests[0].body["machine_detection"] == "hangup"


async def test_a_call_that_plivo_refuses_is_an_error_without_the_number() -> None:
    async with open_stage() as stage:
        stage.plivo.fail(403)
        with pytest.raises(LineError, match="cannot place a call") as caught:
            await stage.dial("+15550004444")
    assert "4444" not in str(caught.value)


# --- audio


async def test_a_long_piece_of_audio_goes_in_messages_that_plivo_takes() -> None:
    async def speak(line: Line) -> None:
        await line.play(SPEECH * 50)

    async with open_stage(Agent(speak)) as stage, stage.call() as phone:
        await phone.heard_speech()
        await phone.heard_silence(0.1)
        heard = b"".join(audio for _, audio in phone.played)
    assert heard == SPEECH * 50
    assert phone.warnings == []


async def test_a_cleared_checkpoint_never_returns_and_blocks_nothing() -> None:
    async def interrupt(line: Line) -> None:
        await line.play(SPEECH * 10)
        await line.mark("never heard")
        await line.clear()
        await line.play(SPEECH)
        await line.mark("heard")

    agent = Agent(interrupt)
    async with open_stage(agent) as stage, stage.call() as phone:
        await phone.silent(3.0)
    assert agent.others == [MarkReturned("heard"), LineStopped("hangup")]
    assert [echo.name for echo in phone.echoes] == ["g1:heard"]


async def test_a_confirmation_that_crossed_a_clear_is_too_late() -> None:
    async def interrupt(line: Line) -> None:
        await line.clear()

    agent = Agent(interrupt)
    async with open_stage(agent) as stage, stage.call() as phone:
        await phone.silent(0.5)
        await phone.send_raw('{"event":"playedStream","name":"g0:old"}')
        await phone.send_raw('{"event":"played","name":"g1:new"}')
        await phone.silent(0.1)
    assert agent.others == [MarkReturned("new"), LineStopped("hangup")]


async def test_what_plivo_could_not_play_is_noted_once() -> None:
    async with open_stage() as stage, stage.call() as phone:
        await phone.silent(0.1)
        for _ in range(3):
            await phone.send_raw('{"event":"playFailed","reason":"buffer_overflow"}')
        await phone.silent(0.1)
    assert stage.troubles() == ["plivo did not play something"]


async def test_a_stop_message_is_a_goodbye_too() -> None:
    agent = Agent()
    async with open_stage(agent) as stage, stage.call() as phone:
        await phone.silent(0.1)
        await phone.send_raw('{"event":"stop"}')
        assert await phone.over() == "completed"
    assert agent.others == [LineStopped("hangup")]


async def test_a_gap_in_the_audio_keeps_its_length() -> None:
    agent = Agent()
    async with open_stage(agent) as stage, stage.call() as phone:
        await phone.silent(0.04)
        await phone.send_raw(
            '{"event":"media","media":{"track":"inbound","chunk":99,'
            '"timestamp":"1705312201020","payload":"////"}}'
        )
        await phone.hang_up()
    times = [event.at for event in agent.events if isinstance(event, AudioFrame)]
    assert times == pytest.approx([0, 0.02, 1.0], abs=0.01)


FRAME = 160


@given(st.lists(st.integers(0, 60), min_size=1, max_size=60), st.sampled_from([0, 1.7e9]))
def test_jitter_leaves_no_seam(delays: list[int], epoch: float) -> None:
    clock = AudioClock()
    for index, delay in enumerate(delays):
        at = clock.place(index + 1, epoch + 0.02 * index + delay / 1000, FRAME)
        assert at == pytest.approx(0.02 * index)


@given(st.lists(st.tuples(st.integers(-5, 400), st.floats(-1e6, 1e10)), max_size=60))
def test_time_never_turns_back_nor_leaps_whatever_comes(frames: list[tuple[int, float]]) -> None:
    clock = AudioClock()
    end = 0.0
    for chunk, stamp in frames:
        at = clock.place(chunk, stamp, FRAME)
        if at is not None:
            assert end <= at <= end + 60
            end = at + 0.02
    assert clock.now == pytest.approx(end)


def test_a_lost_frame_leaves_its_place_empty() -> None:
    clock = AudioClock()
    times = [clock.place(chunk, 0.02 * chunk, FRAME) for chunk in (1, 2, 4, 3, 4, 5)]
    assert times == [
        pytest.approx(0.0),
        pytest.approx(0.02),
        pytest.approx(0.06),
        None,
        None,
        pytest.approx(0.08),
    ]


def test_chunks_that_are_not_counted_do_no_harm() -> None:
    clock = AudioClock()
    assert [clock.place(0, 0.02 * index, FRAME) for index in range(3)] == pytest.approx(
        [0, 0.02, 0.04]
    )


# --- verbs


async def test_if_hanging_up_is_refused_the_stream_is_closed_and_the_document_hangs_up() -> None:
    async def hang_up(line: Line) -> None:
        await line.hang_up()

    async with open_stage(Agent(hang_up)) as stage, stage.call() as phone:
        stage.plivo.fail(401, times=9)
        assert await phone.over() == "completed"
    assert stage.troubles() == ["hanging up was refused; the stream is closed instead"]


@pytest.mark.parametrize("number", ["+15550003333", "sip:desk+1@phone.plivo.com"])
async def test_a_transfer_lets_plivo_fetch_a_document_that_dials(number: str) -> None:
    async def transfer(line: Line) -> None:
        await line.transfer(number)
        await line.hang_up()

    agent = Agent(transfer)
    settings = Account().settings(transfer_caller_id="+15550002222")
    async with open_stage(agent, settings=settings) as stage, stage.call() as phone:
        await phone.silent(1.0)
        assert phone.transferred_to == number
        assert phone.live
        await phone.hang_up()
    assert agent.others == [LineStopped("transferred")]
    (request,) = stage.plivo.requests
    assert (request.path, request.body["legs"]) == (f"/Call/{phone.exchange.call_uuid}/", "aleg")
    dial = Dial(number, stage.url("/after"), "+15550002222")
    assert read_xml(phone.exchange.documents[-1]) == (dial, Hangup())
    assert stage.troubles() == []


async def test_a_transfer_whose_answer_is_lost_is_a_transfer() -> None:
    async def transfer(line: Line) -> None:
        await line.transfer("+15550003333")

    agent = Agent(transfer)
    async with open_stage(agent) as stage, stage.call() as phone:
        stage.plivo.lose_answer()
        stage.plivo.fail(500, times=2)
        await agent.finished.wait()
        assert phone.live
    assert agent.errors == []
    assert agent.others == [LineStopped("transferred")]


async def test_a_transfer_that_never_reached_plivo_leaves_the_call_with_the_agent() -> None:
    async def transfer(line: Line) -> None:
        await line.transfer("+15550003333")

    agent = Agent(transfer)
    async with open_stage(agent) as stage, stage.call() as phone:
        for _ in range(3):
            stage.plivo.drop()
        await phone.silent(6.0)
        assert phone.transferred_to is None
    assert [error[:15] for error in agent.errors] == ["cannot transfer"]
    assert agent.others == [LineStopped("hangup")]


async def test_digits_go_over_the_stream_with_the_pauses_between_them() -> None:
    async def dial(line: Line) -> None:
        await line.send_digits("1w2W#")
        sent.append(phone.now)

    sent: list[float] = []
    agent = Agent(dial)
    async with open_stage(agent) as stage, stage.call() as phone:
        await phone.silent(4.0)
    assert phone.digits == "12#"
    assert sent == pytest.approx([0.12 + 0.5 + 1.0 + 3 * 0.25], abs=0.03)
    assert stage.plivo.requests == []
    assert phone.warnings == []


async def test_the_carriers_transcription_is_refused_in_words_that_help() -> None:
    async def transcribe(line: Line) -> None:
        await line.start_transcription()

    agent = Agent(transcribe)
    async with open_stage(agent) as stage, stage.call() as phone:
        await phone.silent(0.5)
    (error,) = agent.errors
    assert error.startswith("plivo cannot transcribe: ")
    assert not [event for event in agent.events if isinstance(event, CarrierTranscript)]
    assert stage.plivo.requests == []


# --- recordings


async def test_every_call_is_recorded_if_the_settings_say_so() -> None:
    agent = Agent()
    settings = Account().settings(record=True)
    async with open_stage(agent, settings=settings) as stage, stage.call() as phone:
        await phone.silent(2.0)
        await phone.hang_up()
    (item,) = stage.plivo.recordings.values()
    assert agent.others == [
        Recording(item.id, "in-progress", item.url),
        LineStopped("hangup"),
        Recording(item.id, "completed", item.url, 2.0),
    ]
    body = stage.plivo.requests[0].body
    assert (body["file_format"], body["record_channel_type"]) == ("wav", "stereo")
    assert body["time_limit"] == 14_400


async def test_a_recording_is_fetched_by_its_id_alone_and_has_both_sides() -> None:
    fetched: list[bytes] = []
    spoken = anyio.Event()

    async def record(line: Line) -> None:
        recording = await line.start_recording()
        await line.play(SPEECH)
        await spoken.wait()
        await line.stop_recording(recording)
        fetched.append(await line.fetch_recording(Recording(recording, "completed")))
        await line.delete_recording(recording)

    agent = Agent(record)
    async with open_stage(agent) as stage, stage.call() as phone:
        await phone.silent(1.0)
        spoken.set()
        await phone.silent(0.1)
    with wave.open(io.BytesIO(fetched[0])) as wav:
        assert (wav.getnchannels(), wav.getframerate(), wav.getsampwidth()) == (2, 8000, 2)
    assert stage.plivo.recordings == {}
    assert agent.errors == []


async def test_of_two_recordings_one_is_stopped() -> None:
    async def record(line: Line) -> None:
        first = await line.start_recording()
        await line.start_recording()
        await line.stop_recording(first)

    async with open_stage(Agent(record)) as stage, stage.call() as phone:
        await phone.silent(0.5)
        assert [item.over for item in stage.plivo.recordings.values()] == [True, False]


async def test_a_callback_that_never_comes_is_waited_for_only_so_long() -> None:
    agent = Agent()
    settings = Account().settings(record=True, callback_wait=7.0)
    async with open_stage(agent, settings=settings) as stage:
        async with stage.call() as phone:
            await phone.silent(0.5)
            stage.plivo.recordings.clear()
            await phone.hang_up()
            hung_up = stage.services.clock.monotonic()
        await agent.finished.wait()
        assert stage.services.clock.monotonic() - hung_up == pytest.approx(7.0)


async def test_recording_callbacks_may_go_elsewhere() -> None:
    elsewhere = "https://app.example.com/recordings"
    settings = Account().settings(record=True, recording_callback=elsewhere)
    async with open_stage(Agent(), settings=settings) as stage:
        stage.plivo.fail(429)
        async with stage.call() as phone:
            await phone.silent(0.1)
    assert stage.plivo.requests[0].body["callback_url"] == elsewhere


async def test_an_id_that_is_none_never_becomes_an_address() -> None:
    async def fetch(line: Line) -> None:
        await line.fetch_recording(Recording("../../Keys", "completed"))

    agent = Agent(fetch)
    async with open_stage(agent) as stage, stage.call() as phone:
        await phone.silent(0.2)
    assert len(agent.errors) == 1
    assert stage.plivo.requests == []


async def test_a_recording_that_cannot_be_started_does_not_disturb_the_call() -> None:
    agent = Agent()
    async with open_stage(agent, settings=Account().settings(record=True)) as stage:
        stage.plivo.fail(500, body=b"<html>", times=9)
        async with stage.call() as phone:
            await phone.silent(1.0)
    assert agent.others == [LineStopped("hangup")]
    assert stage.troubles() == ["recording was not started"]
