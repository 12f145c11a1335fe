from __future__ import annotations

import anyio
import pytest
from dialog_elevenlabs import dialog_tts
from dialog_elevenlabs.session import ElevenLabs
from dialog_elevenlabs.testing import Alignments, FakeElevenLabs
from dialog_elevenlabs.testing_stage import new_settings, speech, stage

from dialog_core.audio import TELEPHONE, AudioFormat, AudioOut, Encoding
from dialog_core.errors import LocalProtocolError, SettingsError
from dialog_core.messages import Manner
from dialog_core.observe.observations import Counted, ProviderTimed, Trouble
from dialog_core.testing.speech import (
    lasts,
    pass_time,
    say,
    segment,
    sound,
    until_last,
    words,
)
from dialog_core.testing.vendor import in_memory

pytestmark = pytest.mark.anyio

FORMATS = [
    TELEPHONE,
    AudioFormat(Encoding.ALAW, 8000),
    AudioFormat(Encoding.PCM16, 16000),
    AudioFormat(Encoding.PCM16, 24000),
]
TEXTS = ("One two.", "Three.", "Four five six.")


# --- a reply


@pytest.mark.requirement("A.29")
@pytest.mark.parametrize("fmt", FORMATS)
async def test_audio_comes_in_the_lines_own_format(fmt: AudioFormat) -> None:
    fake = FakeElevenLabs()
    async with stage(fake, fmt) as on:
        pieces = await say(on.session, *TEXTS)
    assert lasts(pieces) == [0, 1, 2]
    assert [sound(pieces, index) for index in range(3)] == [
        speech(fake, text, fmt) for text in TEXTS
    ]


async def test_a_format_that_is_not_offered_is_refused_at_once() -> None:
    with pytest.raises(SettingsError, match="cannot speak mulaw at 16000 Hz"):
        async with stage(FakeElevenLabs(), AudioFormat(Encoding.MULAW, 16000)):
            pass


@pytest.mark.parametrize("nbytes", [1, 7, 333, 1601])
async def test_samples_are_whole_however_chunks_are_cut(nbytes: int) -> None:
    fmt = AudioFormat(Encoding.PCM16, 8000)
    fake = FakeElevenLabs(chunk_bytes=nbytes, speed=0)
    async with stage(fake, fmt) as on:
        pieces = await say(on.session, "Hi.", "You.")
    assert all(len(each.data) % 2 == 0 for each in pieces)
    assert [sound(pieces, index) for index in range(2)] == [
        speech(fake, "Hi.", fmt),
        speech(fake, "You.", fmt),
    ]


@pytest.mark.requirement("A.29")
async def test_text_is_sent_as_it_comes_and_the_context_is_closed_at_the_end() -> None:
    fake = FakeElevenLabs()
    async with stage(fake) as on:
        await say(on.session, "Hello.", "World.")
    first, one, two, end = fake.requests
    context = first["context_id"]
    assert first == {"text": " ", "context_id": context}
    assert one == {"text": "Hello. ", "context_id": context, "flush": True}
    assert two == {"text": "World. ", "context_id": context, "flush": True}
    assert end == {"context_id": context, "close_context": True}


@pytest.mark.parametrize("chunk", [0.03, 0.1, 1.0, 30.0])
@pytest.mark.parametrize("mode", [Alignments.EACH, Alignments.FIRST])
async def test_alignment_parts_the_segments(mode: Alignments, chunk: float) -> None:
    fake = FakeElevenLabs(alignments=mode, chunk=chunk)
    async with stage(fake) as on:
        pieces = await say(on.session, *TEXTS)
    assert lasts(pieces) == [0, 1, 2]
    assert [sound(pieces, index) for index in range(3)] == [speech(fake, text) for text in TEXTS]


async def test_without_alignment_all_is_spoken_and_every_segment_ends() -> None:
    fake = FakeElevenLabs(alignments=Alignments.NEVER)
    async with stage(fake) as on:
        pieces = await say(on.session, *TEXTS)
    assert lasts(pieces) == [0, 1, 2]
    assert sound(pieces) == speech(fake, " ".join(TEXTS))


@pytest.mark.parametrize("mode", [Alignments.EACH, Alignments.FIRST])
async def test_characters_become_word_times(mode: Alignments) -> None:
    fake = FakeElevenLabs(alignments=mode, seconds_per_character=0.1)
    async with stage(fake) as on:
        pieces = await say(on.session, "Hello there. ", "How are you?")
    found = words(pieces)
    assert [word.text for word in found] == ["Hello", "there.", "How", "are", "you?"]
    assert [word.start for word in found] == pytest.approx([0.0, 0.6, 1.3, 1.7, 2.1])
    assert [word.end for word in found] == pytest.approx([0.5, 1.2, 1.6, 2.0, 2.5])
    assert [each.index for each in pieces if each.words] == sorted(
        each.index for each in pieces if each.words
    )


@pytest.mark.parametrize("text", ["", "  ", "...", "—!?"])
async def test_text_without_words_ends_without_asking_the_vendor(text: str) -> None:
    fake = FakeElevenLabs()
    async with stage(fake) as on:
        assert await say(on.session, text) == [AudioOut(1, 0, b"", last=True)]
    assert not fake.requests


async def test_text_without_words_keeps_its_place_between_others() -> None:
    fake = FakeElevenLabs()
    async with stage(fake) as on:
        pieces = await say(on.session, "One.", "...", "Two.", "-")
    assert lasts(pieces) == [0, 1, 2, 3]
    assert not sound(pieces, 1)
    assert fake.texts == ["One. ", "Two. "]


async def test_a_reply_without_segments_ends_at_once() -> None:
    fake = FakeElevenLabs()
    async with stage(fake) as on:
        assert await say(on.session) == []
    assert not fake.requests


async def test_nothing_may_be_spoken_after_finish() -> None:
    async with stage(FakeElevenLabs()) as on, on.session.voice(1) as voice:
        await voice.finish()
        with pytest.raises(LocalProtocolError, match="after finish"):
            await voice.speak(segment(0, "Too late."))


@pytest.mark.parametrize("mode", list(Alignments))
async def test_a_segment_ends_although_the_reply_goes_on(mode: Alignments) -> None:
    fake = FakeElevenLabs(alignments=mode)
    pieces: list[AudioOut] = []
    async with stage(fake) as on, on.session.voice(1) as voice:
        stream = voice.audio()
        await voice.speak(segment(0, "Hello."))
        await until_last(pieces, stream)
        await voice.speak(segment(1, "There you are."))
        await until_last(pieces, stream)
        await voice.finish()
        pieces += [piece async for piece in stream]
    assert lasts(pieces) == [0, 1]
    assert [sound(pieces, index) for index in range(2)] == [
        speech(fake, "Hello."),
        speech(fake, "There you are."),
    ]
    assert len({each["context_id"] for each in fake.requests}) == 1


# --- keeping a context alive


@pytest.mark.requirement("A.29")
async def test_a_context_that_waits_for_text_is_kept_alive_and_goes_on() -> None:
    fake = FakeElevenLabs()
    pieces: list[AudioOut] = []
    async with stage(fake, inactivity_timeout=20, keepalive=8.0) as on:
        async with on.session.voice(1) as voice:
            stream = voice.audio()
            await voice.speak(segment(0, "Let me look."))
            await until_last(pieces, stream)
            await pass_time(100)
            await voice.speak(segment(1, "Here it is."))
            await voice.finish()
            pieces += [piece async for piece in stream]
    assert sound(pieces) == speech(fake, "Let me look. Here it is.")
    assert len(fake.openings) == 1
    keepalives = [each for each in fake.requests if each.get("text") == ""]
    assert len(keepalives) == 12
    assert {each["context_id"] for each in keepalives} == {fake.openings[0]["context_id"]}


async def test_no_context_is_kept_alive_that_was_never_opened() -> None:
    fake = FakeElevenLabs()
    async with stage(fake, inactivity_timeout=20, keepalive=8.0) as on, on.session.voice(1):
        await pass_time(100)
    assert not fake.requests


async def test_a_context_that_idled_out_is_followed_by_another() -> None:
    fake = FakeElevenLabs()
    pieces: list[AudioOut] = []
    async with stage(fake) as on:
        async with on.session.voice(1) as voice:
            stream = voice.audio()
            await voice.speak(segment(0, "Let me look."))
            await until_last(pieces, stream)
            for connection in fake.sockets:
                for context in connection.contexts.values():
                    context.push({"close_context": True})
            await fake.until(lambda fake: not fake.live)
            await pass_time(0.1)
            await voice.speak(segment(1, "Here it is."))
            await voice.finish()
            pieces += [piece async for piece in stream]
    assert sound(pieces) == speech(fake, "Let me look. Here it is.")
    assert len(fake.openings) == 2
    starts = [word.start for word in words(pieces)]
    assert starts == sorted(starts)
    assert starts[3] == pytest.approx(TELEPHONE.seconds(len(sound(pieces, 0))))


async def test_a_reply_that_has_ended_is_not_kept_alive() -> None:
    fake = FakeElevenLabs()
    async with stage(fake, keepalive=1.0) as on:
        await say(on.session, "Hello.")
        await pass_time(10)
    assert not [each for each in fake.requests if each.get("text") == ""]


# --- interruption


@pytest.mark.requirement("A.29")
async def test_an_interruption_closes_the_context_and_keeps_the_socket() -> None:
    fake = FakeElevenLabs()
    async with stage(fake) as on:
        async with on.session.voice(1) as voice:
            await voice.speak(segment(0, "A long sentence that nobody wants to hear."))
            await anext(voice.audio())
        await fake.until(lambda fake: fake.closes)
        [closed] = fake.closes
        pieces = await say(on.session, "Yes?", reply=2)
    assert sound(pieces) == speech(fake, "Yes?")
    assert len(fake.handshakes) == 1
    assert fake.openings[-1]["context_id"] != closed


@pytest.mark.requirement("A.29", "B.24")
async def test_late_audio_of_a_closed_context_is_dropped_and_counted() -> None:
    fake = FakeElevenLabs()
    async with stage(fake) as on:
        async with on.session.voice(1) as voice:
            await voice.speak(segment(0, "A long sentence that nobody wants to hear."))
            await anext(voice.audio())
            sent = fake.chunks
        await fake.until(lambda fake: not fake.live)
        late = fake.chunks - sent
        await say(on.session, "Yes?", reply=2)
        observed = on.observed
    dropped = [each for each in observed if isinstance(each, Counted)]
    assert [(each.what, each.amount) for each in dropped] == [
        ("elevenlabs late messages dropped", late)
    ]
    assert late > 1


async def test_leaving_before_any_text_says_nothing_to_the_vendor() -> None:
    fake = FakeElevenLabs()
    async with stage(fake) as on, on.session.voice(1):
        pass
    assert not fake.requests


async def test_a_cancelled_task_still_closes_its_context() -> None:
    fake = FakeElevenLabs()
    async with stage(fake) as on:
        with anyio.CancelScope() as scope:
            async with on.session.voice(1) as voice:
                await voice.speak(segment(0, "Hello."))
                async for _ in voice.audio():
                    scope.cancel()
        await fake.until(lambda fake: fake.closes)


# --- manners


@pytest.mark.requirement("D.37", "D.38")
async def test_a_mood_and_a_pace_become_voice_settings_of_the_context() -> None:
    fake = FakeElevenLabs()
    merry = Manner(speed=1.1, mood="cheerful")
    async with stage(fake, stability=0.6, similarity_boost=0.8) as on:
        await say(on.session, segment(0, "Hooray!", manner=merry))
        await say(on.session, "As ever.", reply=2)
    assert [each["voice_settings"] for each in fake.openings] == [
        {"stability": 0.35, "similarity_boost": 0.8, "style": 0.4, "speed": 1.1},
        {"stability": 0.6, "similarity_boost": 0.8},
    ]


@pytest.mark.requirement("D.38")
async def test_a_change_of_manner_within_a_reply_begins_a_context_in_its_turn() -> None:
    fake = FakeElevenLabs()
    calm = Manner(mood="calm")
    async with stage(fake) as on:
        pieces = await say(
            on.session,
            "One two.",
            segment(1, "Three.", manner=calm),
            segment(2, "Four.", manner=calm),
            "Five six.",
        )
    assert lasts(pieces) == [0, 1, 2, 3]
    texts = ("One two.", "Three.", "Four.", "Five six.")
    assert [sound(pieces, index) for index in range(4)] == [speech(fake, text) for text in texts]
    assert [each.get("voice_settings") for each in fake.openings] == [
        None,
        {"stability": 0.8, "style": 0.0},
        None,
    ]
    starts = [word.start for word in words(pieces)]
    assert starts == sorted(starts)
    assert fake.most == 1


@pytest.mark.requirement("D.38")
async def test_what_cannot_be_done_of_a_manner_is_told_once() -> None:
    fake = FakeElevenLabs()
    odd = Manner(speed=3.0, mood="haunted")
    async with stage(fake) as on:
        await say(on.session, segment(0, "Boo.", manner=odd), segment(1, "Boo.", manner=odd))
        troubles = [each for each in on.observed if isinstance(each, Trouble)]
    assert {each.what for each in troubles} == {"a manner of speaking is ignored"}
    assert [each.detail.partition(";")[0] for each in troubles] == ["mood 'haunted'", "speed 3"]
    assert fake.openings[0]["voice_settings"] == {"speed": 1.2}


# --- the shared socket


@pytest.mark.requirement("B.22")
async def test_warming_opens_the_socket_that_calls_use() -> None:
    fake = FakeElevenLabs()
    [factory] = dialog_tts()
    settings = new_settings(fake)
    async with in_memory(fake) as services:
        await factory.warm(settings, services)
        assert len(fake.sockets) == 1
        tts = factory.build(settings, services)
        async with tts.open(TELEPHONE) as session:
            assert await say(session, "Hello.")
    assert len(fake.handshakes) == 1


@pytest.mark.requirement("A.29")
async def test_two_calls_speak_at_once_on_one_socket() -> None:
    fake = FakeElevenLabs()
    said: dict[int, list[AudioOut]] = {}

    async with in_memory(fake) as services:

        async def call(reply: int, text: str) -> None:
            async with ElevenLabs(new_settings(fake), services).open(TELEPHONE) as session:
                said[reply] = await say(session, text, reply=reply)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call, 1, "First caller, first.")
            tasks.start_soon(call, 2, "The other one.")
    assert sound(said[1]) == speech(fake, "First caller, first.")
    assert sound(said[2]) == speech(fake, "The other one.")
    assert len(fake.handshakes) == 1


async def test_a_socket_lost_between_replies_is_opened_again_before_it_is_wanted() -> None:
    fake = FakeElevenLabs()
    async with stage(fake) as on:
        await say(on.session, "Hello.")
        await pass_time(10)
        fake.drop_sockets()
        await fake.until(lambda fake: len(fake.handshakes) == 2)
        assert sound(await say(on.session, "Again.", reply=2)) == speech(fake, "Again.")
    assert len(fake.handshakes) == 2


async def test_what_the_vendor_took_is_observed() -> None:
    fake = FakeElevenLabs(latency=0.25)
    async with stage(fake) as on:
        await say(on.session, "Hello.")
        [timed] = [each for each in on.observed if isinstance(each, ProviderTimed)]
    assert timed.first is not None
    assert timed.first - timed.started == pytest.approx(0.25)
