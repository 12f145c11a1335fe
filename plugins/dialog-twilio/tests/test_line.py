from __future__ import annotations

import anyio
import pytest
from dialog_twilio.testing import open_stage

from dialog_core.audio import AudioFrame
from dialog_core.errors import LineError
from dialog_core.protocols import Line, LineEvent, LineStopped, MarkReturned
from dialog_core.turns.events import Keypress

pytestmark = pytest.mark.anyio

SPEECH = bytes(range(160)) * 10
"""0.2 s."""


async def echo(line: Line) -> None:
    async for event in line.events():
        if isinstance(event, AudioFrame):
            await line.play(event.data)


class Listener:
    """Answers a call by keeping all that its line says."""

    def __init__(self) -> None:
        self.events: list[LineEvent] = []
        self.lines: list[Line] = []

    async def __call__(self, line: Line) -> None:
        self.lines.append(line)
        async for event in line.events():
            self.events.append(event)

    @property
    def line(self) -> Line:
        return self.lines[-1]

    def of(self, kind: type[LineEvent]) -> list[LineEvent]:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.mark.requirement("A.20", "B.34")
async def test_what_the_caller_says_comes_in_frames_of_20_ms_on_the_audio_clock() -> None:
    listener = Listener()
    async with open_stage(listener) as stage, stage.call() as phone:
        await phone.say(SPEECH)
    frames = [event for event in listener.events if isinstance(event, AudioFrame)]
    assert b"".join(frame.data for frame in frames) == phone.sent == SPEECH
    assert [frame.at for frame in frames] == pytest.approx([n * 0.02 for n in range(10)])


async def test_what_is_played_is_heard_in_order_and_in_full() -> None:
    async with open_stage(echo) as stage, stage.call() as phone:
        await phone.say(SPEECH)
        await phone.heard_silence(0.1)
        heard = b"".join(audio for _, audio in phone.played)
    assert heard.startswith(SPEECH)
    assert phone.played[0][0] == pytest.approx(0.02)
    assert phone.warnings == []


async def test_the_stereo_recording_is_exact_to_the_sample() -> None:
    async with open_stage(echo) as stage, stage.call() as phone:
        await phone.say(SPEECH, at=1.0)
        await phone.silent(1.0)
        caller, agent = phone.stereo()
    assert len(caller) == len(agent)
    assert caller.index(SPEECH) == 8000
    assert agent.index(SPEECH) == 8000 + 160


async def test_a_call_begins_with_all_that_webhook_and_stream_said() -> None:
    listener = Listener()
    fields = {"CallerName": "AT&T <x>", "NewField": "kept"}
    async with open_stage(listener) as stage, stage.call(fields=fields) as phone:
        await phone.silent(0.02)
    info = listener.line.info
    assert (info.id, info.caller, info.called) == (phone.call_id, "+15550001111", "+15550002222")
    assert (info.agent, info.voip, info.direction) == ("reception", "twilio", "inbound")
    assert (
        info.metadata.items()
        >= {
            "CallerName": "AT&T <x>",
            "NewField": "kept",
            "FromCity": "",
            "CallSid": phone.call_id,
            "StreamTracks": "inbound",
            "StreamEncoding": "audio/x-mulaw",
            "StreamRate": "8000",
        }.items()
    )
    assert info.metadata["StreamSid"].startswith("MZ")


@pytest.mark.requirement("A.21", "B.43")
async def test_a_mark_returns_when_the_audio_before_it_has_been_played() -> None:
    async def answer(line: Line) -> None:
        await line.play(SPEECH)
        await line.mark("half")
        await line.play(SPEECH)
        await line.mark("end")
        await listener(line)

    listener = Listener()
    async with open_stage(answer) as stage, stage.call() as phone:
        await phone.silent(1.0)
    assert listener.of(MarkReturned) == [MarkReturned("half"), MarkReturned("end")]
    assert [echo.at for echo in phone.echoes] == pytest.approx([0.2, 0.4], abs=0.001)
    assert all(echo.played for echo in phone.echoes)


async def test_a_mark_with_nothing_before_it_returns_at_once() -> None:
    async def answer(line: Line) -> None:
        await line.mark("now")
        await listener(line)

    listener = Listener()
    async with open_stage(answer) as stage, stage.call() as phone:
        await phone.silent(0.1)
    assert listener.of(MarkReturned) == [MarkReturned("now")]
    assert phone.echoes[0].at == 0


@pytest.mark.requirement("B.36")
async def test_clearing_silences_the_caller_at_once_and_its_marks_do_not_return() -> None:
    async def answer(line: Line) -> None:
        await line.play(SPEECH * 10)
        await line.mark("never heard")
        async for event in line.events():
            if isinstance(event, AudioFrame) and event.at == pytest.approx(0.5):
                await line.clear()
                await line.play(SPEECH)
                await line.mark("heard")
            if isinstance(event, MarkReturned):
                returned.append(event.name)

    returned: list[str] = []
    async with open_stage(answer) as stage, stage.call() as phone:
        await phone.silent(2.0)
    assert returned == ["heard"]
    assert [(echo.name, echo.played) for echo in phone.echoes] == [
        ("g0:never heard", False),
        ("g1:heard", True),
    ]
    assert phone.clears == pytest.approx([0.52])
    assert [len(audio) for _, audio in phone.played] == [4160, 1600]


async def test_keys_come_in_order_on_the_audio_clock() -> None:
    listener = Listener()
    async with open_stage(listener) as stage, stage.call() as phone:
        await phone.silent(1.0)
        await phone.press("5#")
        await phone.silent(0.1)
    keys = [event for event in listener.events if isinstance(event, Keypress)]
    assert "".join(key.digit for key in keys) == "5#"
    assert [key.at for key in keys] == pytest.approx([1.0, 1.0])


async def test_a_caller_who_hangs_up_stops_the_line_and_ends_its_events() -> None:
    listener = Listener()
    async with open_stage(listener) as stage, stage.call() as phone:
        await phone.silent(0.1)
        await phone.hang_up()
    assert listener.events[-1] == LineStopped("hangup")
    assert phone.status == "completed"


@pytest.mark.requirement("D.17")
async def test_a_lost_socket_tears_everything_down() -> None:
    listener = Listener()
    async with open_stage(listener) as stage, stage.call() as phone:
        await phone.silent(0.1)
        await phone.vanish()
        await phone.over()
        assert listener.events[-1] == LineStopped("lost")
        with pytest.raises(LineError, match="stopped: lost"):
            await listener.line.play(SPEECH)


async def test_nothing_can_be_sent_on_a_line_that_has_stopped_but_clearing_it_is_harmless() -> None:
    listener = Listener()
    async with open_stage(listener) as stage, stage.call() as phone:
        await phone.silent(0.1)
        await phone.hang_up()
        for attempt in (listener.line.play(SPEECH), listener.line.mark("x")):
            with pytest.raises(LineError, match="stopped"):
                await attempt
        await listener.line.clear()


async def test_a_reader_that_leaves_early_closes_the_stream_and_the_call() -> None:
    async def answer(line: Line) -> None:
        await line.play(SPEECH)

    async with open_stage(answer) as stage, stage.call() as phone:
        assert await phone.over() == "completed"
    assert stage.door.tickets == {}


async def test_garbage_is_noted_once_and_skipped() -> None:
    listener = Listener()
    async with open_stage(listener) as stage, stage.call() as phone:
        await phone.silent(0.1)
        for junk in (
            "{",
            b"\x00",
            '{"event":"media"}',
            '{"event":"weather"}',
            '{"event":"weather"}',
        ):
            await phone.send_raw(junk)
        await phone.say(SPEECH)
    assert len(listener.of(AudioFrame)) == 15
    assert stage.troubles() == [
        "an unreadable message was skipped",
        "a message of an unknown kind was skipped",
    ]


async def test_a_peer_that_sends_nothing_but_garbage_loses_the_line() -> None:
    listener = Listener()
    async with open_stage(listener) as stage, stage.call() as phone:
        await phone.silent(0.02)
        for _ in range(100):
            await phone.send_raw("?")
        await phone.over()
    assert listener.events[-1] == LineStopped("error: too many unreadable messages")


async def test_a_gap_in_the_audio_keeps_its_length() -> None:
    listener = Listener()
    async with open_stage(listener) as stage, stage.call() as phone:
        await phone.silent(0.04)
        await phone.send_raw(
            '{"event":"media","sequenceNumber":"9","streamSid":"MZ1","media":'
            '{"track":"inbound","chunk":"99","timestamp":"1020","payload":"////"}}'
        )
        await phone.hang_up()
    times = [event.at for event in listener.events if isinstance(event, AudioFrame)]
    assert times == pytest.approx([0, 0.02, 1.0])


async def test_many_calls_at_once_do_not_disturb_each_other() -> None:
    async def caller(number: int) -> None:
        async with stage.call() as phone:
            await phone.say(bytes([number]) * 800)
            await phone.heard_silence(0.2)
            heard = b"".join(audio for _, audio in phone.played)
            assert heard.rstrip(b"\xff") == bytes([number]) * 800
            assert phone.warnings == []

    async with open_stage(echo) as stage, anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(caller, number)
