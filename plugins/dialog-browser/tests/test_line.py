from __future__ import annotations

import json
import struct
from contextlib import suppress

import anyio
import numpy as np
import pytest
from dialog_browser.settings import BrowserSettings
from dialog_browser.testing.page import Page, socket_url, ticket
from dialog_browser.testing.stage import LOCAL, Stage, open_stage

from dialog_core import g711
from dialog_core.audio import AudioFormat, AudioFrame, Encoding
from dialog_core.errors import LineError, SocketClosed
from dialog_core.protocols import Line, LineEvent, LineStopped, MarkReturned
from dialog_core.turns.events import Keypress

pytestmark = pytest.mark.anyio

MULAW = bytes(range(100, 125)) * 64
"""0.2 s."""
SPEECH = g711.convert(MULAW, Encoding.MULAW, Encoding.PCM16)
NARROW = AudioFormat(Encoding.PCM16, 8000)


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

    @property
    def frames(self) -> list[AudioFrame]:
        return [event for event in self.events if isinstance(event, AudioFrame)]

    @property
    def audio(self) -> bytes:
        return b"".join(frame.data for frame in self.frames)

    @property
    def marks(self) -> list[str]:
        return [event.name for event in self.events if isinstance(event, MarkReturned)]

    @property
    def stopped(self) -> list[str]:
        return [event.reason for event in self.events if isinstance(event, LineStopped)]


def floats(seconds: float, *, rate: int = 8000, level: float = 0.5) -> bytes:
    """A tone of 440 Hz as a page sends it."""
    time = np.arange(round(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * 440 * time)).astype("<f4").tobytes()


async def echo(line: Line) -> None:
    async for event in line.events():
        if isinstance(event, AudioFrame):
            await line.play(event.data)


# --- the caller's side


@pytest.mark.requirement("D.14")
async def test_float_samples_become_the_lines_16_bit_ones_in_order_and_in_full() -> None:
    listener = Listener()
    async with open_stage(listener) as stage, stage.call() as page:
        await page.say(MULAW)
    assert listener.audio.startswith(SPEECH)
    assert [frame.at for frame in listener.frames[:3]] == pytest.approx([0.0, 0.02, 0.04])


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100, 48_000])
async def test_any_rate_of_a_page_becomes_the_lines(rate: int) -> None:
    listener = Listener()
    config = {"type": "config", "rate": rate}
    async with open_stage(listener, rate=16_000) as stage, stage.call(config=config) as page:
        await page.send_raw(floats(0.2, rate=rate))
        await page.wait(0.01)
    frame = listener.frames[0]
    samples = g711.decode_floats(frame.data, Encoding.PCM16)
    assert samples.size == pytest.approx(3200, abs=60)
    assert np.sqrt((samples**2).mean()) == pytest.approx(0.5 / 2**0.5, rel=0.05)


async def test_what_is_no_number_is_silence_and_what_is_too_loud_is_clipped() -> None:
    listener = Listener()
    odd = struct.pack("<5f", float("nan"), float("inf"), float("-inf"), 7.0, -0.5)
    async with open_stage(listener) as stage, stage.call() as page:
        await page.send_raw(odd)
    assert listener.frames[0].data == struct.pack("<5h", 0, 32767, -32768, 32767, -16384)


@pytest.mark.requirement("D.14")
async def test_a_muted_caller_is_silent_and_time_goes_on() -> None:
    listener = Listener()
    async with open_stage(listener) as stage, stage.call() as page:
        await page.say(MULAW)
        await page.mute()
        await page.wait(1.0)
        await page.unmute()
        before = len(listener.audio)
        await page.say(MULAW)
    assert not any(listener.audio[len(SPEECH) + 640 : before])
    assert NARROW.seconds(before) == pytest.approx(1.2, abs=0.1)
    ends = [frame.at + NARROW.seconds(len(frame.data)) for frame in listener.frames]
    assert [frame.at for frame in listener.frames[1:]] == pytest.approx(ends[:-1])


async def test_what_a_muted_page_sends_all_the_same_is_not_heard() -> None:
    listener = Listener()
    async with open_stage(listener) as stage, stage.call() as page:
        await page.mute()
        for _ in range(50):
            await page.send_raw(floats(0.02))
            await page.wait(0.02)
    assert not any(listener.audio)


async def test_a_page_that_was_suspended_goes_on_at_the_present_moment() -> None:
    listener = Listener()
    async with open_stage(listener) as stage, stage.call() as page:
        await page.say(MULAW)
        page._wire.muted = True  # nothing comes, and nobody said so
        await page.wait(5.0)
        page._wire.muted = False
        await page.silent(1.5)
    assert listener.frames[-1].at == pytest.approx(page.now, abs=0.1)


async def test_what_the_network_held_up_is_placed_where_it_was_spoken() -> None:
    listener = Listener()
    async with open_stage(listener) as stage, stage.call() as page:
        await page.say(MULAW)
        page._wire.muted = True
        await page.wait(4.0)
        for _ in range(200):
            await page.send_raw(floats(0.02))
        page._wire.muted = False
        await page.silent(2.0)
    times = [frame.at for frame in listener.frames]
    assert times == pytest.approx([0.02 * index for index in range(len(times))])
    assert times[-1] == pytest.approx(page.now, abs=0.1)


async def test_keys_come_as_keypresses() -> None:
    listener = Listener()
    async with open_stage(listener) as stage, stage.call() as page:
        await page.silent(0.1)
        await page.press("5#x")
        await page.silent(0.1)
    pressed = [event.digit for event in listener.events if isinstance(event, Keypress)]
    assert pressed == ["5", "#"]


# --- the agent's side


async def test_what_is_played_is_heard_in_order_and_in_full() -> None:
    async with open_stage(echo) as stage, stage.call() as page:
        await page.say(MULAW)
        await page.heard_silence(0.1)
        heard = b"".join(audio for _, audio in page.played)
    assert heard.startswith(MULAW)


@pytest.mark.requirement("D.14")
async def test_a_mark_returns_when_the_audio_before_it_has_been_played() -> None:
    async def answer(line: Line) -> None:
        await line.play(SPEECH)
        await line.mark("half")
        await line.play(SPEECH)
        await line.mark("end")
        await listener(line)

    listener = Listener()
    async with open_stage(answer) as stage, stage.call() as page:
        await page.silent(1.0)
    assert listener.marks == ["half", "end"]
    assert [echo.at for echo in page.echoes] == pytest.approx([0.2, 0.4], abs=0.001)


async def test_after_a_clear_nothing_sounds_and_no_mark_of_before_returns() -> None:
    async def answer(line: Line) -> None:
        for _ in range(10):
            await line.play(SPEECH)
        await line.mark("never")
        async for event in line.events():
            if isinstance(event, AudioFrame) and event.at >= 0.5 and not cleared:
                cleared.append(event.at)
                await line.clear()
                await line.play(SPEECH)
                await line.mark("after")
            elif isinstance(event, MarkReturned):
                returned.append(event.name)

    cleared: list[float] = []
    returned: list[str] = []
    async with open_stage(answer) as stage, stage.call() as page:
        await page.silent(3.0)
        heard = sum(len(audio) for _, audio in page.played)
    assert returned == ["after"]
    assert heard / 8000 == pytest.approx(0.52 + 0.2, abs=0.05)


async def test_reports_of_marks_that_never_were_or_were_told_before_count_for_nothing() -> None:
    async def answer(line: Line) -> None:
        await line.mark("once")
        await listener(line)

    listener = Listener()
    async with open_stage(answer) as stage, stage.call() as page:
        await page.silent(0.2)
        for number in (1, 2, -7, 10**12):
            await page.send({"type": "mark", "id": number})
        await page.silent(0.2)
    assert listener.marks == ["once"]


# --- how calls begin and end


async def test_the_session_message_says_how_speech_will_come() -> None:
    async with open_stage() as stage, stage.call() as page:
        await page.answered()
        call = stage.door.lines[0].info
    assert page.session == {
        "type": "session",
        "version": 1,
        "call": call.id,
        "agent": "reception",
        "codec": "pcm16",
        "rate": 8000,
    }
    assert (call.voip, call.agent, call.direction) == ("browser", "reception", "inbound")
    assert call.metadata["Origin"] == "http://localhost:8080"


@pytest.mark.requirement("D.14")
async def test_stop_hangs_up_and_the_page_is_told_that_the_call_has_ended() -> None:
    listener = Listener()
    async with open_stage(listener) as stage, stage.call() as page:
        await page.answered()
        await page.hang_up()
        assert await page.over() == "hangup"
    assert listener.stopped == ["hangup"]
    assert page.messages[-1] == {"type": "ended", "reason": "hangup"}


async def test_hanging_up_ends_the_lines_events_though_the_page_says_nothing() -> None:
    listener = Listener()
    async with open_stage(listener) as stage, stage.call() as page:
        await page.mute()
        await page.wait(1.0)
        await listener.line.hang_up()
        await listener.line.hang_up()
        assert await page.over() == "hangup"
        with pytest.raises(LineError, match="stopped"):
            await listener.line.play(SPEECH)
        await listener.line.clear()
    assert listener.stopped == ["hangup"]


async def goodbye(stage: Stage, listener: Listener, *, page_goes_after: float) -> float:
    """Hang up on a page that goes on sending for so long; returns how many seconds the server stays."""
    given = await ticket(stage.services, stage.base)
    async with stage.services.connect(
        socket_url(stage.base, given), headers={"origin": LOCAL}
    ) as socket:
        await socket.send('{"type": "config", "rate": 8000}')
        await stage.wait(0.1)
        await listener.line.hang_up()
        began = anyio.current_time()
        with suppress(SocketClosed):
            while anyio.current_time() - began < page_goes_after:
                await socket.send(floats(0.02))
                await stage.wait(0.02)
        stayed = anyio.current_time() - began
        kinds = [json.loads(await socket.receive())["type"] for _ in range(2)]
        assert kinds == ["session", "ended"]
    return stayed


async def test_the_socket_stays_until_the_page_has_read_that_the_call_is_over() -> None:
    """Closed before, with audio still on its way to us, the system throws away what the page has not read."""
    listener = Listener()
    async with open_stage(listener) as stage:
        assert await goodbye(stage, listener, page_goes_after=0.5) >= 0.5


async def test_a_page_that_stays_after_the_goodbye_is_left() -> None:
    listener = Listener()
    async with open_stage(listener) as stage:
        assert 0.5 < await goodbye(stage, listener, page_goes_after=60.0) < 2.0


async def test_a_page_that_goes_without_a_goodbye_is_lost() -> None:
    listener = Listener()
    async with open_stage(listener) as stage, stage.call() as page:
        await page.silent(0.1)
        await page.vanish()
        await page.wait(0.1)
    assert listener.stopped == ["lost"]


async def test_a_page_that_sends_nothing_for_too_long_is_lost_unless_it_is_muted() -> None:
    idle = BrowserSettings().idle
    listener = Listener()
    async with open_stage(listener) as stage, stage.call() as page:
        await page.silent(0.1)
        await page.mute()
        await page.wait(idle * 3)
        assert page.live
        await page.send({"type": "unmute"})
        await page.over()
    assert listener.stopped == ["lost"]


async def play_for_ever(line: Line) -> None:
    while True:
        await line.play(SPEECH)


async def test_a_page_that_does_not_read_is_given_up() -> None:
    async def answer(line: Line) -> None:
        with pytest.raises(LineError, match="lost while sending"):
            await play_for_ever(line)
        given_up.set()

    given_up = anyio.Event()
    async with open_stage(answer) as stage, stage.call() as page:
        await page.answered()
        page.stall()
        with anyio.fail_after(60):
            await given_up.wait()
        await page.vanish()


@pytest.mark.parametrize(
    "verb", ["transfer", "send_digits", "stop_recording", "stop_transcription"]
)
async def test_what_only_a_carrier_can_do_is_refused(verb: str) -> None:
    async def answer(line: Line) -> None:
        with pytest.raises(LineError, match="browser cannot"):
            await getattr(line, verb)("+15550001111")

    async with open_stage(answer) as stage, stage.call() as page:
        await page.over()


# --- limits


async def test_audio_that_comes_faster_than_time_passes_ends_the_call() -> None:
    listener = Listener()
    async with open_stage(listener) as stage, stage.call() as page:
        await page.answered()
        for _ in range(20):
            await page.send_raw(floats(1.0))
        await page.over()
    assert listener.stopped == ["error: audio comes faster than time passes"]
    assert NARROW.seconds(len(listener.audio)) < BrowserSettings().ahead + 3


async def test_a_message_larger_than_the_limit_ends_the_call() -> None:
    listener = Listener()
    async with open_stage(listener, message_limit=4096) as stage, stage.call() as page:
        await page.answered()
        await page.send_raw(floats(0.2))
        await page.over()
    assert listener.stopped == ["error: a message is larger than the limit"]


async def flood(page: Page, text: str) -> None:
    for _ in range(200):
        await page.send_raw(text)


@pytest.mark.parametrize(
    "text", ["{", '{"type": "mark", "id": "x"}', '{"type": "config"}', "[" * 3000]
)
async def test_a_few_unreadable_messages_are_survived_and_many_are_not(text: str) -> None:
    listener = Listener()
    async with open_stage(listener) as stage, stage.call() as page:
        for _ in range(5):
            await page.send_raw(text)
        await page.say(MULAW)
        await page.silent(0.1)
        assert listener.audio.count(SPEECH) == 1
        await flood(page, text)
        await page.over()
        assert stage.troubles().count("an unreadable message was skipped") == 1
    assert listener.stopped == ["error: too many unreadable messages"]


async def test_messages_of_unknown_kinds_are_skipped_and_noted_once() -> None:
    async with open_stage() as stage, stage.call() as page:
        await flood(page, '{"type": "wave", "hand": "left"}')
        await page.silent(0.1)
        assert page.live
        assert stage.troubles() == ["a message of an unknown kind was skipped"]


async def test_half_a_sample_is_unreadable() -> None:
    async with open_stage() as stage, stage.call() as page:
        await page.send_raw(b"123")
        await page.silent(0.1)
        assert stage.troubles() == ["an unreadable message was skipped"]
