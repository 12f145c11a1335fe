from __future__ import annotations

from itertools import pairwise
from typing import Any

import anyio
import pytest
from dialog_deepgram.rehearsal import FLUX, VOCABULARY, Call, calling, final, pass_time
from dialog_deepgram.session import Deepgram
from dialog_deepgram.settings import DeepgramSettings
from dialog_deepgram.testing import KEY, FakeDeepgram, Fault

from dialog_core.audio import TELEPHONE, AudioFormat, AudioFrame, Encoding
from dialog_core.errors import SettingsError
from dialog_core.fields import Secret
from dialog_core.observe.observations import ProviderTimed
from dialog_core.testing.vendor import in_memory
from dialog_core.turns.events import EndOfTurn, SpeechStarted, SpeechStopped

pytestmark = pytest.mark.anyio


def fake(*faults: Fault, **options: Any) -> FakeDeepgram:
    return FakeDeepgram(vocabulary=VOCABULARY, faults=faults, **options)


def end_of_turn(event: object) -> bool:
    return isinstance(event, EndOfTurn)


# --- recognition -----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("A.12")
async def test_words_come_as_interims_then_settled_then_the_turn_ends() -> None:
    async with calling(fake()) as call:
        await call.murmur("I want to cancel", silence=0.6)
        ended = await call.until(end_of_turn)
        assert call.said == "I want to cancel"
        assert any(not each.final and each.text == "I want" for each in call.transcripts)
        assert call.events.index(call.finals[-1]) == call.events.index(ended) - 1


async def test_words_carry_times_and_confidence() -> None:
    async with calling(fake()) as call:
        await call.murmur("I want", silence=0.6)
        await call.until(end_of_turn)
        (transcript,) = call.finals
        assert [round(word.start, 2) for word in transcript.words] == [0.0, 0.3]
        assert [round(word.end, 2) for word in transcript.words] == [0.2, 0.5]
        assert all(word.confidence for word in transcript.words)


async def test_times_are_those_of_the_frames_whatever_the_call_did_before() -> None:
    async with calling(fake()) as call:
        call.at = 40.0
        await call.murmur("I", silence=0.5)
        call.at += 100.0
        await call.murmur("want", silence=0.6)
        await call.until(lambda event: final(event) and call.said.endswith("want"))
        starts = [round(word.start, 1) for each in call.finals for word in each.words]
        assert starts == [40.0, 140.8]


async def test_an_utterance_end_ends_a_turn_that_noise_keeps_open() -> None:
    async with calling(fake(), endpointing=0) as call:
        await call.murmur("I want", silence=7.0)
        ended = await call.until(end_of_turn)
        assert call.said == "I want"
        assert isinstance(ended, EndOfTurn)
        assert ended.at == pytest.approx(0.5, abs=0.02)


async def test_an_utterance_end_after_an_end_of_speech_says_nothing_new() -> None:
    async with calling(fake()) as call:
        await call.murmur("I want", silence=4.0)
        events = await call.rest()
        assert sum(map(end_of_turn, events)) == 1


@pytest.mark.requirement("A.12", "A.26")
async def test_the_vendors_voice_detection_is_reported_only_on_request() -> None:
    for wanted in (False, True):
        async with calling(fake(), voice_events=wanted) as call:
            await call.murmur("I want", silence=0.6)
            events = await call.rest()
            voice = [event for event in events if isinstance(event, SpeechStarted | SpeechStopped)]
            assert [type(event) for event in voice] == [SpeechStarted, SpeechStopped] * wanted


async def test_audio_is_sent_in_messages_of_100_ms() -> None:
    server = fake()
    async with calling(server) as call:
        await call.hush(3.0)
        (connection,) = server.connections
        sizes = [size for _, size in connection.audio]
        assert set(sizes) == {800}
        assert sum(sizes) >= TELEPHONE.nbytes(2.9)


async def test_frames_of_any_length_are_taken() -> None:
    server = fake()
    async with calling(server) as call:
        for size in (1, 159, 0, 333, 8000):
            call.session.feed(AudioFrame(0.0, b"\xff" * size))
        await pass_time(1.0)
        assert all(0 < size <= 2000 for _, size in server.connections[0].audio)
        assert round(server.connections[0].seconds * 8000) == 8493


async def test_a_format_that_the_model_cannot_take_is_refused_at_once() -> None:
    settings = DeepgramSettings(api_key=Secret(KEY), model=FLUX)
    async with in_memory(fake().app) as services:
        with pytest.raises(SettingsError, match="12000 Hz"):
            async with Deepgram(settings, services).open(AudioFormat(Encoding.PCM16, 12000)):
                pass


# --- at the caller's silence -----------------------------------------------------------------------------------------


@pytest.mark.requirement("B.18")
async def test_when_the_caller_falls_silent_their_words_are_settled_once() -> None:
    server = fake()
    async with calling(server, endpointing=3000) as call:
        await call.say("I want to cancel", silence=1.0)
        await call.rest()
        assert call.said == "I want to cancel"
        assert server.connections[0].kinds().count("Finalize") == 1


async def test_our_own_finalize_does_not_end_the_turn() -> None:
    async with calling(fake(), endpointing=3000, utterance_end_ms=0) as call:
        await call.say("I want to cancel", silence=1.0)
        events = await call.rest()
        assert not any(map(end_of_turn, events))


@pytest.mark.requirement("B.18")
async def test_nothing_is_asked_when_no_word_is_pending() -> None:
    server = fake()
    async with calling(server) as call:
        await call.murmur("I want to cancel", silence=1.0)
        await call.until(end_of_turn)
        call.session.note(SpeechStopped(call.finals[-1].at - 0.3))
        await call.hush(1.0)
        assert "Finalize" not in server.connections[0].kinds()


@pytest.mark.requirement("B.18")
async def test_an_unanswered_finalize_settles_the_last_interim_in_time() -> None:
    server = fake(Fault(deaf_to_finalize=True))
    async with calling(server, endpointing=3000) as call:
        await call.say("I want to cancel", silence=0.0)
        before = call.services.clock.monotonic()
        await call.until(final)
        assert call.services.clock.monotonic() - before <= 0.21
        timed = [each for each in call.observed if isinstance(each, ProviderTimed)]
        assert [each.first for each in timed] == [None]


@pytest.mark.requirement("B.18")
@pytest.mark.parametrize("late", [0.1, 0.25, 0.5, 1.0])
async def test_a_final_that_comes_too_late_repeats_nothing(late: float) -> None:
    async with calling(fake(Fault(late=late))) as call:
        await call.say("I want to cancel", silence=1.0)
        await call.say("my old order", silence=3.0)
        await call.rest(3.0)
        assert call.said == "I want to cancel my old order"


async def test_a_caller_who_goes_on_is_not_settled_in_the_middle() -> None:
    server = fake(Fault(deaf_to_finalize=True))
    async with calling(server, endpointing=3000) as call:
        await call.say("I want", silence=0.1)
        await call.say("to cancel", silence=0.5)
        await call.rest()
        assert [each.text for each in call.finals] == ["I want to cancel"]


# --- how much audio is worth a message -------------------------------------------------------------------------------


async def pieces(call: Call, server: FakeDeepgram, seconds: float) -> list[tuple[float, int]]:
    """What is sent of so many seconds of silence: how much later than it began, and milliseconds."""
    began, before = call.services.clock.monotonic(), len(server.connections[0].audio)
    await call.hush(seconds)
    sent = server.connections[0].audio[before:]
    return [(at - began, size * 1000 // TELEPHONE.bytes_per_second) for at, size in sent]


def sizes(sent: list[tuple[float, int]]) -> set[int]:
    return {size for _, size in sent}


async def test_silence_behind_speech_is_sent_in_larger_pieces() -> None:
    server = fake()
    async with calling(server) as call:
        await pass_time(0.1)
        assert sizes(await pieces(call, server, 1.0)) == {100}
        await call.say("I want", silence=0.2)
        assert sizes(await pieces(call, server, 1.0)) == {200}


async def test_what_a_caller_begins_to_say_is_sent_when_the_line_tells_of_it() -> None:
    server = fake()
    async with calling(server) as call:
        await call.say("I want", silence=1.1)
        call.session.note(SpeechStarted(call.at - 0.1))
        sent = await pieces(call, server, 0.5)
        assert sent[0][0] == pytest.approx(0.0)  # what waited
        assert sizes(sent) == {100}


@pytest.mark.parametrize("options", [{"model": FLUX}, {"voice_events": True}])
async def test_who_listens_to_the_silence_gets_it_at_once(options: dict[str, Any]) -> None:
    server = fake()
    async with calling(server, **options) as call:
        await call.say("I want", silence=0.2)
        assert sizes(await pieces(call, server, 1.0)) == {100}


# --- keeping the connection ------------------------------------------------------------------------------------------


@pytest.mark.requirement("B.15")
async def test_the_connection_is_opened_before_any_audio_and_kept_for_the_call() -> None:
    server = fake()
    async with calling(server) as call:
        await pass_time(0.1)
        assert server.connections[0].accepted
        for _ in range(5):
            await call.say("I want", silence=5.0)
        assert len(server.connections) == 1


async def test_a_quiet_line_is_kept_open_with_text_messages() -> None:
    server = fake()
    async with calling(server) as call:
        await call.hush(1.0)
        await pass_time(30.0)
        (connection,) = server.connections
        assert not connection.closed
        times = [at for at, kind in connection.commands if kind == "KeepAlive"]
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert all(4.0 <= gap <= 4.3 for gap in gaps)
        assert len(times) >= 6


async def test_a_line_that_has_not_sent_audio_yet_is_kept_open_too() -> None:
    server = fake()
    async with calling(server) as call:
        await pass_time(30.0)
        assert not server.connections[0].closed
        call.at = 30.0
        await call.murmur("I want", silence=0.6)
        await call.until(final)
        assert call.finals[0].words[0].start == pytest.approx(30.0, abs=0.03)


async def test_the_end_of_the_call_says_goodbye_and_leaves_nothing() -> None:
    server = fake()
    async with calling(server) as call:
        await call.hush(0.5)
    assert server.connections[0].kinds()[-1] == "CloseStream"


async def test_an_error_in_the_block_comes_out_as_it_is() -> None:
    async def break_down() -> None:
        async with calling(fake()) as call:
            await call.hush(0.1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await break_down()


async def test_leaving_the_call_ends_the_iteration_elsewhere() -> None:
    ended = anyio.Event()
    async with anyio.create_task_group() as tasks:
        async with calling(fake()) as call:

            async def listen() -> None:
                async for _ in call.source:
                    pass
                ended.set()

            tasks.start_soon(listen)
            await call.hush(0.5)
        with anyio.fail_after(1):
            await ended.wait()
