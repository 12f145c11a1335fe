from __future__ import annotations

import io
import itertools
import wave
from collections.abc import Awaitable, Callable

import anyio
import pytest
from dialog_twilio.testing import Account, open_stage

from dialog_core.audio import AudioFrame
from dialog_core.errors import LineError
from dialog_core.protocols import (
    CarrierTranscript,
    Line,
    LineEvent,
    LineStopped,
    MarkReturned,
    Recording,
)

pytestmark = pytest.mark.anyio

SPEECH = bytes(range(160)) * 10
Deed = Callable[[Line], Awaitable[None]]


class Agent:
    """Answers a call: keeps what the line says, and does one thing after `after` seconds of audio."""

    def __init__(self, deed: Deed | None = None, *, after: float = 0.1) -> None:
        self.events: list[LineEvent] = []
        self.errors: list[str] = []
        self.lines: list[Line] = []
        self.finished = anyio.Event()
        self._deed = deed
        self._after = after

    async def __call__(self, line: Line) -> None:
        self.lines.append(line)
        async with anyio.create_task_group() as tasks:
            async for event in line.events():
                self.events.append(event)
                if self._deed and isinstance(event, AudioFrame) and event.at >= self._after:
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


async def hang_up(line: Line) -> None:
    await line.hang_up()


@pytest.mark.requirement("A.11", "A.23")
async def test_hanging_up_completes_the_call_once_however_often_it_is_asked() -> None:
    async def twice(line: Line) -> None:
        await line.hang_up()
        await line.hang_up()

    agent = Agent(twice)
    async with open_stage(agent) as stage, stage.call() as phone:
        assert await phone.over() == "completed"
    assert [request.form for request in stage.twilio.requests] == [{"Status": "completed"}]
    assert agent.others == [LineStopped("hangup")]


async def test_if_hanging_up_is_refused_the_stream_is_closed_and_the_twiml_hangs_up() -> None:
    agent = Agent(hang_up)
    async with open_stage(agent) as stage, stage.call() as phone:
        stage.twilio.fail(401, code=20003, times=9)
        assert await phone.over() == "completed"
    assert stage.troubles() == ["hanging up was refused; the stream is closed instead"]


@pytest.mark.requirement("A.23")
@pytest.mark.parametrize("number", ["+15550003333", "sip:desk@example.com"])
async def test_a_transfer_dials_and_leaves_the_caller_on_the_line(number: str) -> None:
    async def transfer(line: Line) -> None:
        await line.transfer(number)
        await line.hang_up()

    agent = Agent(transfer)
    async with open_stage(agent) as stage, stage.call() as phone:
        await phone.silent(1.0)
        assert phone.transferred_to == number
        assert phone.live
    assert agent.others == [LineStopped("transferred")]
    assert len(stage.twilio.requests) == 1
    assert stage.troubles() == []


async def test_a_transfer_that_twilio_refuses_leaves_the_call_with_the_agent() -> None:
    async def transfer(line: Line) -> None:
        await line.transfer("+15550003333")

    agent = Agent(transfer)
    async with open_stage(agent) as stage, stage.call() as phone:
        stage.twilio.fail(400, code=13224)
        await phone.silent(1.0)
        assert phone.transferred_to is None
    assert agent.others == [LineStopped("hangup")]
    assert agent.errors == [
        "cannot transfer: twilio voip: error 13224: the number cannot be called (status 400)"
    ]


@pytest.mark.parametrize("number", ["", "5550001111", "+1 555", "+0123", "sip:<x>", "+1555<Dial/>"])
async def test_a_number_that_is_none_is_refused_before_anything_happens(number: str) -> None:
    async def transfer(line: Line) -> None:
        await line.transfer(number)

    agent = Agent(transfer)
    async with open_stage(agent) as stage, stage.call() as phone:
        await phone.silent(0.2)
    assert len(agent.errors) == 1
    assert stage.twilio.requests == []


async def test_after_digits_the_same_line_goes_on_with_a_new_stream() -> None:
    async def dial(line: Line) -> None:
        await line.mark("before")
        await line.play(SPEECH * 20)
        await line.mark("thrown away")
        await line.send_digits("12w#")
        await line.play(SPEECH)
        await line.mark("after")

    agent = Agent(dial)
    async with open_stage(agent) as stage, stage.call() as phone:
        await phone.silent(3.0)
        assert phone.digits == "12w#"
        await phone.silent(1.0)
    assert agent.others == [MarkReturned("before"), MarkReturned("after"), LineStopped("hangup")]
    assert len(stage.door.lines) == 1
    assert phone.warnings == []
    assert stage.troubles() == []


async def test_the_audio_clock_runs_on_while_digits_are_played() -> None:
    async def dial(line: Line) -> None:
        await line.send_digits("ww")

    agent = Agent(dial)
    async with open_stage(agent) as stage, stage.call() as phone:
        await phone.silent(0.5)
        await phone.silent(0.5)
    frames = [event for event in agent.events if isinstance(event, AudioFrame)]
    gaps = [(b.at - a.at, a.at) for a, b in itertools.pairwise(frames)]
    gap, at = max(gaps)
    assert at == pytest.approx(0.1, abs=0.021)
    assert gap == pytest.approx(1.02, abs=0.041)
    assert len(phone.sent) / 8000 == pytest.approx(frames[-1].at + 0.02, abs=0.041)


async def test_if_digits_are_refused_the_stream_stays() -> None:
    async def dial(line: Line) -> None:
        await line.send_digits("1")

    agent = Agent(dial)
    async with open_stage(agent) as stage, stage.call() as phone:
        stage.twilio.fail(400, code=21220)
        await phone.silent(0.5)
    assert len(agent.errors) == 1
    assert len([event for event in agent.events if isinstance(event, AudioFrame)]) == 25


@pytest.mark.parametrize("lost", ["at once", "late"])
async def test_digits_whose_answer_is_lost_are_played_once_and_the_line_goes_on(lost: str) -> None:
    async def dial(line: Line) -> None:
        await line.send_digits("12")
        await line.mark("after")

    agent = Agent(dial)
    async with open_stage(agent) as stage, stage.call() as phone:
        stage.twilio.lose_answer(after=0.0 if lost == "at once" else 60.0)
        await phone.silent(1.0)
        await phone.silent(8.0)
    assert phone.digits == "12"
    assert agent.errors == []
    assert agent.others == [MarkReturned("after"), LineStopped("hangup")]
    assert len(stage.twilio.requests) == 1


async def test_digits_that_never_reached_twilio_leave_the_call_as_it_is() -> None:
    async def dial(line: Line) -> None:
        await line.send_digits("1")

    agent = Agent(dial)
    async with open_stage(agent) as stage, stage.call() as phone:
        stage.twilio.drop()
        await phone.silent(4.0)
    assert [error[:18] for error in agent.errors] == ["cannot send digits"]
    assert phone.digits == ""
    assert agent.others == [LineStopped("hangup")]


async def test_a_transfer_whose_answer_is_lost_is_a_transfer() -> None:
    async def transfer(line: Line) -> None:
        await line.transfer("+15550003333")

    agent = Agent(transfer)
    async with open_stage(agent) as stage, stage.call() as phone:
        stage.twilio.lose_answer()
        stage.twilio.fail(500, times=2)
        await agent.finished.wait()
        assert phone.live
    assert agent.errors == []
    assert agent.others == [LineStopped("transferred")]


async def test_if_the_stream_does_not_return_after_digits_the_line_stops() -> None:
    async def dial(line: Line) -> None:
        await line.send_digits("w")
        stage.door.tickets.clear()
        await line.play(SPEECH)

    agent = Agent(dial)
    async with open_stage(agent) as stage:
        async with stage.call() as phone:
            assert await phone.over() == "completed"
        await agent.finished.wait()
    assert agent.others == [LineStopped("error: the stream did not return after digits")]
    assert agent.errors == ["the media stream did not return after digits"]


@pytest.mark.parametrize("digits", ["", "x", "1 2", "1" * 101, '"/><Hangup/>'])
async def test_digits_that_are_none_are_refused(digits: str) -> None:
    async def dial(line: Line) -> None:
        await line.send_digits(digits)

    agent = Agent(dial)
    async with open_stage(agent) as stage, stage.call() as phone:
        await phone.silent(0.2)
    assert len(agent.errors) == 1


@pytest.mark.requirement("A.17", "A.19", "A.51")
async def test_a_recording_is_announced_after_the_caller_has_gone() -> None:
    agent = Agent()
    settings = Account().settings(record=True)
    async with open_stage(agent, settings=settings) as stage, stage.call() as phone:
        await phone.silent(2.0)
        await phone.hang_up()
    (sid,) = stage.twilio.recordings
    kinds = [(type(event), getattr(event, "status", "")) for event in agent.others]
    assert kinds == [(Recording, "in-progress"), (LineStopped, ""), (Recording, "completed")]
    done = agent.others[-1]
    assert isinstance(done, Recording)
    assert (done.id, done.seconds) == (sid, 2.0)
    assert done.url.endswith(sid)
    form = stage.twilio.requests[0].form
    assert form["RecordingChannels"] == "dual"
    assert form["Trim"] == "do-not-trim"
    assert form["RecordingStatusCallbackEvent"] == "in-progress completed absent"


@pytest.mark.requirement("A.51")
async def test_a_callback_that_never_comes_is_waited_for_only_so_long() -> None:
    agent = Agent()
    settings = Account().settings(record=True, callback_wait=7.0)
    async with open_stage(agent, settings=settings) as stage:
        async with stage.call() as phone:
            await phone.silent(0.5)
            stage.twilio.recordings.clear()
            await phone.hang_up()
            hung_up = stage.services.clock.monotonic()
        await agent.finished.wait()
        assert stage.services.clock.monotonic() - hung_up == pytest.approx(7.0)
    assert agent.others[-1] == LineStopped("hangup")


@pytest.mark.requirement("A.17")
async def test_recording_callbacks_may_go_elsewhere() -> None:
    agent = Agent()
    settings = Account().settings(record=True, recording_callback=f"{ELSEWHERE}/recordings")
    async with open_stage(agent, settings=settings) as stage:
        stage.twilio.fail(429)
        async with stage.call() as phone:
            await phone.silent(0.1)
    form = stage.twilio.requests[0].form
    assert form["RecordingStatusCallback"] == f"{ELSEWHERE}/recordings"


ELSEWHERE = "https://app.example.com"


@pytest.mark.requirement("A.17", "A.18")
async def test_every_call_has_callback_addresses_of_its_own() -> None:
    settings = Account().settings(record=True, transcribe=True)
    async with open_stage(Agent(), settings=settings) as stage:
        for _ in range(2):
            async with stage.call() as phone:
                await phone.silent(0.1)
    names = ("RecordingStatusCallback", "StatusCallbackUrl")
    urls = [
        request.form[name]
        for request in stage.twilio.requests
        for name in names
        if name in request.form
    ]
    assert len(set(urls)) == 4


@pytest.mark.requirement("A.18", "A.51")
async def test_the_carrier_transcribes_both_sides_with_deepgram() -> None:
    agent = Agent()
    settings = Account().settings(transcribe=True)
    async with open_stage(agent, settings=settings) as stage, stage.call() as phone:
        await phone.silent(0.1)
        await stage.twilio.heard(phone.call_id, "hel", final=False)
        await stage.twilio.heard(phone.call_id, "hello")
        await stage.twilio.heard(phone.call_id, "good day", track="outbound_track")
        await phone.silent(0.1)
    assert agent.others == [
        CarrierTranscript("caller", "hel", final=False, sequence=2),
        CarrierTranscript("caller", "hello", final=True, sequence=3, confidence=0.95),
        CarrierTranscript("agent", "good day", final=True, sequence=4, confidence=0.95),
        LineStopped("hangup"),
    ]
    form = stage.twilio.requests[0].form
    assert form["Track"] == "both_tracks"
    assert form["TranscriptionEngine"] == "deepgram"


@pytest.mark.requirement("A.19", "A.53")
async def test_a_recording_is_stopped_fetched_with_credentials_and_deleted() -> None:
    fetched: list[bytes] = []
    spoken = anyio.Event()

    async def record(line: Line) -> None:
        sid = await line.start_recording()
        await line.play(SPEECH)
        await spoken.wait()
        await line.stop_recording(sid)
        fetched.append(await line.fetch_recording(Recording(sid, "completed")))
        await line.delete_recording(sid)

    async with open_stage(Agent(record)) as stage, stage.call() as phone:
        await phone.silent(1.0)
        spoken.set()
        await phone.silent(0.1)
    with wave.open(io.BytesIO(fetched[0])) as wav:
        assert (wav.getnchannels(), wav.getframerate(), wav.getsampwidth()) == (2, 8000, 2)
    assert stage.twilio.recordings == {}
    assert stage.twilio.requests[-2].path.endswith(".wav")


async def test_an_id_that_is_none_never_becomes_an_address() -> None:
    async def fetch(line: Line) -> None:
        await line.fetch_recording(Recording("../../Keys", "completed"))

    agent = Agent(fetch)
    async with open_stage(agent) as stage, stage.call() as phone:
        await phone.silent(0.2)
    assert len(agent.errors) == 1
    assert stage.twilio.requests == []


async def test_a_recording_that_cannot_be_started_does_not_disturb_the_call() -> None:
    agent = Agent()
    settings = Account().settings(record=True, transcribe=True)
    async with open_stage(agent, settings=settings) as stage:
        stage.twilio.fail(500, body=b"<html>", times=9)
        async with stage.call() as phone:
            await phone.silent(1.0)
    assert agent.others == [LineStopped("hangup")]
    assert sorted(stage.troubles()) == [
        "recording was not started",
        "transcription was not started",
    ]
