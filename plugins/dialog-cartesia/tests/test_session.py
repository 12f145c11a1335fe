from __future__ import annotations

import anyio
import pytest
from dialog_cartesia import dialog_tts
from dialog_cartesia.session import Cartesia
from dialog_cartesia.testing import FakeCartesia, Flushes
from dialog_cartesia.testing_stage import new_settings, speech, stage

from dialog_core.audio import TELEPHONE, AudioFormat, AudioOut, Encoding
from dialog_core.errors import (
    LocalProtocolError,
    SettingsError,
)
from dialog_core.messages import Manner
from dialog_core.observe.observations import Counted, ProviderTimed, Trouble
from dialog_core.testing.speech import lasts, pass_time, say, segment, sound, until_last, words
from dialog_core.testing.vendor import in_memory

pytestmark = pytest.mark.anyio

FORMATS = [
    TELEPHONE,
    AudioFormat(Encoding.ALAW, 8000),
    AudioFormat(Encoding.PCM16, 16000),
]


@pytest.mark.requirement("A.13", "A.28")
async def test_a_reply_is_spoken_in_segments_with_one_last_piece_each() -> None:
    fake = FakeCartesia()
    async with stage(fake) as on:
        pieces = await say(on.session, "Hello there. ", "How are you?")
    assert lasts(pieces) == [0, 1]
    assert sound(pieces, 0) == speech(fake, "Hello there.")
    assert sound(pieces, 1) == speech(fake, "How are you?")
    assert [each.index for each in pieces] == sorted(each.index for each in pieces)


@pytest.mark.parametrize("fmt", FORMATS)
async def test_audio_comes_in_the_lines_own_format(fmt: AudioFormat) -> None:
    fake = FakeCartesia()
    async with stage(fake, fmt) as on:
        assert sound(await say(on.session, "Hello.")) == speech(fake, "Hello.", fmt)


async def test_a_rate_that_is_not_offered_is_refused_at_once() -> None:
    with pytest.raises(SettingsError, match="cannot speak at 11025 Hz"):
        async with stage(FakeCartesia(), AudioFormat(Encoding.PCM16, 11025)):
            pass


async def test_samples_are_whole_however_chunks_are_cut() -> None:
    fmt = AudioFormat(Encoding.PCM16, 8000)
    fake = FakeCartesia(chunk=0.0003125)
    async with stage(fake, fmt) as on:
        pieces = await say(on.session, "Hi.")
    assert all(len(each.data) % 2 == 0 for each in pieces)
    assert sound(pieces) == speech(fake, "Hi.", fmt)


async def test_submissions_keep_words_apart_and_ask_for_no_buffering() -> None:
    fake = FakeCartesia()
    async with stage(fake) as on:
        await say(on.session, "Hello.", "World.")
    assert fake.transcripts == ["Hello. ", "World. "]
    assert [each["continue"] for each in fake.requests] == [True, True, False]
    assert {each["max_buffer_delay_ms"] for each in fake.requests} == {0}
    assert len({each["context_id"] for each in fake.requests}) == 1


@pytest.mark.parametrize("mode", [Flushes.ASKED, Flushes.EVERY])
async def test_attribution_holds_whatever_causes_flush_done(mode: Flushes) -> None:
    fake = FakeCartesia(flushes=mode)
    texts = ("One two.", "Three.", "Four five six.")
    async with stage(fake) as on:
        pieces = await say(on.session, *texts)
    assert lasts(pieces) == [0, 1, 2]
    assert [sound(pieces, index) for index in range(3)] == [speech(fake, text) for text in texts]


async def test_without_flush_done_word_times_part_the_segments() -> None:
    fake = FakeCartesia(flushes=Flushes.NEVER, chunk=0.06)
    texts = ("One two.", "Three.", "Four five six.")
    async with stage(fake) as on:
        pieces = await say(on.session, *texts)
    assert lasts(pieces) == [0, 1, 2]
    assert [sound(pieces, index) for index in range(3)] == [speech(fake, text) for text in texts]


@pytest.mark.parametrize("late", [False, True])
async def test_words_are_in_order_and_inside_the_replys_audio(*, late: bool) -> None:
    fake = FakeCartesia(late_words=late)
    async with stage(fake) as on:
        pieces = await say(on.session, "Hello there. ", "How are you?")
    found = words(pieces)
    assert [word.text for word in found] == ["Hello", "there.", "How", "are", "you?"]
    times = [time for word in found for time in (word.start, word.end)]
    assert times == sorted(times)
    assert times[-1] <= TELEPHONE.seconds(len(sound(pieces)))


@pytest.mark.parametrize("text", ["", "  ", "...", "—!?"])
async def test_text_without_words_ends_without_asking_the_vendor(text: str) -> None:
    fake = FakeCartesia()
    async with stage(fake) as on:
        assert await say(on.session, text) == [AudioOut(1, 0, b"", last=True)]
    assert not fake.requests


async def test_text_without_words_keeps_its_place_between_others() -> None:
    fake = FakeCartesia()
    async with stage(fake) as on:
        pieces = await say(on.session, "One.", "...", "Two.", "-")
    assert lasts(pieces) == [0, 1, 2, 3]
    assert not sound(pieces, 1)
    assert fake.transcripts == ["One. ", "Two. "]


async def test_a_reply_without_segments_ends_at_once() -> None:
    fake = FakeCartesia()
    async with stage(fake) as on:
        assert await say(on.session) == []
    assert not fake.requests


async def test_nothing_may_be_spoken_after_finish() -> None:
    async with stage(FakeCartesia()) as on, on.session.voice(1) as voice:
        await voice.finish()
        with pytest.raises(LocalProtocolError, match="after finish"):
            await voice.speak(segment(0, "Too late."))


async def test_audio_flows_before_the_reply_is_finished() -> None:
    fake = FakeCartesia()
    pieces: list[AudioOut] = []
    async with stage(fake) as on, on.session.voice(1) as voice:
        stream = voice.audio()
        await voice.speak(segment(0, "Hello."))
        await until_last(pieces, stream)
        await voice.speak(segment(1, "There."))
        await until_last(pieces, stream)
        await voice.finish()
        pieces += [piece async for piece in stream]
    assert lasts(pieces) == [0, 1]
    assert sound(pieces) == speech(fake, "Hello. There.")


# --- interruption


@pytest.mark.requirement("A.13", "A.28", "B.23", "B.24")
async def test_an_interruption_cancels_the_reply_and_keeps_the_socket() -> None:
    fake = FakeCartesia(late_chunks=3)
    async with stage(fake) as on:
        async with on.session.voice(1) as voice:
            await voice.speak(segment(0, "A long sentence that nobody wants to hear."))
            await anext(voice.audio())
        await fake.until(lambda fake: fake.cancels)
        [cancelled] = fake.cancels
        pieces = await say(on.session, "Yes?", reply=2)
        await fake.until(lambda fake: not fake.live)
    assert sound(pieces) == speech(fake, "Yes?")
    assert len(fake.handshakes) == 1
    assert fake.requests[-1]["context_id"] != cancelled


@pytest.mark.requirement("B.24")
async def test_late_audio_of_a_cancelled_reply_is_dropped_and_counted() -> None:
    fake = FakeCartesia(late_chunks=3)
    async with stage(fake) as on:
        async with on.session.voice(1) as voice:
            await voice.speak(segment(0, "A long sentence that nobody wants to hear."))
            await anext(voice.audio())
        await fake.until(lambda fake: not fake.live)
        await say(on.session, "Yes?", reply=2)
        observed = on.observed
    dropped = [each for each in observed if isinstance(each, Counted)]
    assert [(each.what, each.amount) for each in dropped] == [("cartesia late messages dropped", 3)]


async def test_leaving_before_any_text_says_nothing_to_the_vendor() -> None:
    fake = FakeCartesia()
    async with stage(fake) as on, on.session.voice(1):
        pass
    assert not fake.requests


async def test_leaving_before_the_first_audio_cancels() -> None:
    fake = FakeCartesia()
    async with stage(fake) as on:
        async with on.session.voice(1) as voice:
            await voice.speak(segment(0, "Hello."))
        await fake.until(lambda fake: fake.cancels)
    assert not fake.live


async def test_leaving_after_all_is_spoken_cancels_nothing() -> None:
    fake = FakeCartesia()
    async with stage(fake) as on:
        await say(on.session, "Hello.")
    assert not fake.cancels


async def test_a_cancelled_task_still_says_goodbye() -> None:
    fake = FakeCartesia()
    async with stage(fake) as on:
        with anyio.CancelScope() as scope:
            async with on.session.voice(1) as voice:
                await voice.speak(segment(0, "Hello."))
                async for _ in voice.audio():
                    scope.cancel()
        await fake.until(lambda fake: fake.cancels)


# --- the shared socket


@pytest.mark.requirement("B.22")
async def test_the_socket_is_open_before_anything_is_said() -> None:
    fake = FakeCartesia()
    async with stage(fake):
        await fake.until(lambda fake: fake.sockets)
    assert len(fake.handshakes) == 1


@pytest.mark.requirement("B.22")
async def test_warming_opens_the_socket_that_calls_use() -> None:
    fake = FakeCartesia()
    [factory] = dialog_tts()
    settings = new_settings(fake)
    async with in_memory(fake) as services:
        await factory.warm(settings, services)
        assert len(fake.sockets) == 1
        tts = factory.build(settings, services)
        async with tts.open(TELEPHONE) as session, session.voice(1) as voice:
            await voice.speak(segment(0, "Hello."))
            await voice.finish()
            assert [piece async for piece in voice.audio()]
    assert len(fake.handshakes) == 1


@pytest.mark.requirement("B.22")
async def test_two_calls_speak_at_once_on_one_socket() -> None:
    fake = FakeCartesia()
    said: dict[int, list[AudioOut]] = {}

    async with in_memory(fake) as services:

        async def call(reply: int, text: str) -> None:
            tts = Cartesia(new_settings(fake), services)
            async with tts.open(TELEPHONE) as session:
                said[reply] = await say(session, text, reply=reply)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call, 1, "First caller, first.")
            tasks.start_soon(call, 2, "The other one.")
    assert sound(said[1]) == speech(fake, "First caller, first.")
    assert sound(said[2]) == speech(fake, "The other one.")
    assert len(fake.handshakes) == 1


async def test_a_socket_closed_for_idleness_is_opened_again_when_wanted() -> None:
    fake = FakeCartesia()
    async with stage(fake) as on:
        await say(on.session, "Hello.")
        await fake.until(lambda fake: not fake.sockets)
        assert sound(await say(on.session, "Again.")) == speech(fake, "Again.")
    assert len(fake.handshakes) == 2


async def test_a_socket_that_rested_too_long_is_replaced_before_the_vendor_closes_it() -> None:
    fake = FakeCartesia(idle=1e6)
    async with stage(fake, idle=60.0) as on:
        await say(on.session, "Hello.")
        await pass_time(61)
        await say(on.session, "Again.")
        await fake.until(lambda fake: len(fake.sockets) == 1)
    assert len(fake.handshakes) == 2


async def test_a_context_that_expired_in_a_pause_is_followed_by_another() -> None:
    fake = FakeCartesia()
    pieces: list[AudioOut] = []
    async with stage(fake) as on, on.session.voice(1) as voice:
        stream = voice.audio()
        await voice.speak(segment(0, "Let me look."))
        await until_last(pieces, stream)
        await fake.until(lambda fake: not fake.live)
        await voice.speak(segment(1, "Here it is."))
        await voice.finish()
        pieces += [piece async for piece in stream]
    assert sound(pieces) == speech(fake, "Let me look. Here it is.")
    assert len({each["context_id"] for each in fake.requests}) == 2
    starts = [word.start for word in words(pieces)]
    assert starts == sorted(starts)
    assert starts[3] == pytest.approx(TELEPHONE.seconds(len(sound(pieces, 0))))


async def test_finishing_after_the_context_expired_ends_the_reply() -> None:
    fake = FakeCartesia()
    pieces: list[AudioOut] = []
    async with stage(fake) as on, on.session.voice(1) as voice:
        stream = voice.audio()
        await voice.speak(segment(0, "Let me look."))
        await until_last(pieces, stream)
        await fake.until(lambda fake: not fake.live)
        await voice.finish()
        assert [piece async for piece in stream] == []


async def test_what_the_vendor_took_is_observed() -> None:
    fake = FakeCartesia(latency=0.25)
    async with stage(fake) as on:
        await say(on.session, "Hello.")
        [timed] = [each for each in on.observed if isinstance(each, ProviderTimed)]
    assert timed.first is not None
    assert timed.first - timed.started == pytest.approx(0.25)


# --- manners


@pytest.mark.requirement("D.38")
async def test_a_change_of_manner_within_a_reply_begins_a_context_in_its_turn() -> None:
    fake = FakeCartesia()
    merry = Manner(speed=1.2, mood="happy")
    async with stage(fake, volume=1.1) as on:
        pieces = await say(
            on.session,
            "One two.",
            segment(1, "Three.", manner=merry),
            segment(2, "Four.", manner=merry),
            "Five six.",
        )
    texts = ("One two.", "Three.", "Four.", "Five six.")
    assert lasts(pieces) == [0, 1, 2, 3]
    assert [sound(pieces, index) for index in range(4)] == [speech(fake, text) for text in texts]
    spoken = [each for each in fake.requests if each["transcript"]]
    assert [each["generation_config"] for each in spoken] == [
        {"volume": 1.1},
        {"volume": 1.1, "speed": 1.2, "emotion": "happy"},
        {"volume": 1.1, "speed": 1.2, "emotion": "happy"},
        {"volume": 1.1},
    ]
    assert len({each["context_id"] for each in spoken}) == 3
    starts = [word.start for word in words(pieces)]
    assert starts == sorted(starts)


@pytest.mark.requirement("D.38")
async def test_what_an_older_model_cannot_do_of_a_manner_is_told_once() -> None:
    fake = FakeCartesia()
    odd = Manner(speed=1.2, mood="happy")
    async with stage(fake, model="sonic-2") as on:
        await say(on.session, segment(0, "One.", manner=odd), segment(1, "Two.", manner=odd))
        told = [each.detail for each in on.observed if isinstance(each, Trouble)]
    assert [each.partition(";")[0] for each in told] == ["mood 'happy'", "speed 1.2"]
    assert not [each for each in fake.requests if "generation_config" in each]
