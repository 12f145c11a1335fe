from __future__ import annotations

from itertools import pairwise

import anyio
import pytest
from dialog_together.sound import Converter
from dialog_together.testing import AUDIO, FakeTogether, TtsFault, TtsScript
from dialog_together.testing_stage import stage
from hypothesis import given
from hypothesis import strategies as st

from dialog_core.audio import TELEPHONE, AudioFormat, AudioOut, Encoding
from dialog_core.errors import (
    LocalProtocolError,
    ProviderError,
    ProviderProtocolError,
    ProviderRejected,
    ProviderUnavailable,
)
from dialog_core.messages import Manner
from dialog_core.observe.observations import Counted, Observation, ProviderTimed, Trouble
from dialog_core.testing.speech import (
    lasts,
    pass_time,
    say,
    segment,
    sound,
    synthesise,
    until_last,
)
from dialog_core.wav import header

pytestmark = pytest.mark.anyio

NATIVE = AudioFormat(Encoding.PCM16, 24000)
LONG = "A long sentence that nobody wants to hear"


def speech(text: str) -> bytes:
    return synthesise(text, AUDIO, FakeTogether().seconds_per_character).data


def troubles(observed: list[Observation]) -> list[str]:
    return [each.what for each in observed if isinstance(each, Trouble)]


# --- from the vendor's audio to the line's


@pytest.mark.requirement("B.5", "B.6")
@pytest.mark.parametrize("chunk", [7, 43, 44, 45, 4801, 100_000])
@pytest.mark.parametrize("riff", [False, True])
async def test_a_header_is_stripped_and_samples_are_whole_however_audio_is_cut(
    chunk: int, *, riff: bool
) -> None:
    fake = FakeTogether(chunk=chunk, riff=riff, speed=0)
    async with stage(fake, NATIVE) as on:
        pieces = await say(on.session, "Hi.", "You.")
    assert [sound(pieces, index) for index in range(2)] == [speech("Hi."), speech("You.")]
    assert all(len(piece.data) % 2 == 0 for piece in pieces)


@pytest.mark.requirement("B.5", "B.6")
@given(cuts=st.lists(st.integers(min_value=0, max_value=1200), max_size=12), riff=st.booleans())
def test_however_an_item_is_cut_the_line_gets_the_same(cuts: list[int], *, riff: bool) -> None:
    audio = speech("Hi.")[:1000]
    wire = (header(AUDIO) if riff else b"") + audio
    bounds = [0, *sorted(cuts), len(wire)]
    for fmt in (NATIVE, TELEPHONE):
        whole, parts = Converter(fmt), Converter(fmt)
        expected = whole.feed("i", wire) + whole.flush()
        pieces = [parts.feed("i", wire[start:end]) for start, end in pairwise(bounds)]
        assert b"".join([*pieces, parts.flush()]) == expected
    assert len(expected) == TELEPHONE.nbytes(AUDIO.seconds(len(audio)))


async def test_audio_comes_in_the_lines_own_format_and_length() -> None:
    async with stage(FakeTogether(), TELEPHONE) as on:
        pieces = await say(on.session, "Hello there.")
    assert len(sound(pieces)) == TELEPHONE.nbytes(AUDIO.seconds(len(speech("Hello there."))))


async def test_a_text_that_comes_in_several_items_is_one_segment() -> None:
    fake = FakeTogether(item_gap=0.3)
    async with stage(fake, NATIVE) as on:
        pieces = await say(on.session, "One. Two! Three?", "Four.")
    assert lasts(pieces) == [0, 1]
    assert sound(pieces, 0) == speech("One.") + speech("Two!") + speech("Three?")


# --- one socket, one text after the other


@pytest.mark.requirement("B.22")
async def test_the_socket_is_open_before_anything_is_said_and_serves_the_call() -> None:
    fake = FakeTogether()
    async with stage(fake) as on:
        await fake.until(lambda fake: fake.speaking)
        for reply in (1, 2, 3):
            assert sound(await say(on.session, "Hello.", "There.", reply=reply))
    assert len(fake.speaking) == 1


@pytest.mark.requirement("B.22")
async def test_texts_are_spoken_one_after_the_other() -> None:
    fake = FakeTogether()
    async with stage(fake) as on:
        async with on.session.voice(1) as voice:
            stream = voice.audio()
            for index, text in enumerate(("One.", "Two.", "Three.")):
                await voice.speak(segment(index, text))
            pieces: list[AudioOut] = []
            await until_last(pieces, stream)
            assert fake.spoken == ["One. "]
            await voice.finish()
            pieces += [piece async for piece in stream]
    assert lasts(pieces) == [0, 1, 2]
    assert fake.spoken == ["One. ", "Two. ", "Three. "]
    assert (
        fake.speaking[0].received
        == [
            "input_text_buffer.append",
            "input_text_buffer.commit",
        ]
        * 3
    )


@pytest.mark.requirement("B.25")
async def test_a_text_is_complete_half_a_second_after_its_last_item() -> None:
    fake = FakeTogether(speed=0, latency=0)
    async with stage(fake) as on, on.session.voice(1) as voice:
        began = anyio.current_time()
        await voice.speak(segment(0, "Hello."))
        await voice.finish()
        assert [piece async for piece in voice.audio()][-1].last
        assert anyio.current_time() - began == pytest.approx(0.5)


@pytest.mark.requirement("B.25")
async def test_completing_without_audio_is_an_error() -> None:
    fake = FakeTogether()
    fake.scripts.append(TtsScript(TtsFault.SILENT))
    async with stage(fake) as on:
        with pytest.raises(ProviderError, match="completed without audio"):
            await say(on.session, "Hello.")


# --- interruption


@pytest.mark.requirement("B.23")
async def test_an_interruption_clears_the_text_and_drops_the_socket_for_a_new_one() -> None:
    fake = FakeTogether()
    async with stage(fake, NATIVE) as on:
        async with on.session.voice(1) as voice:
            await voice.speak(segment(0, LONG))
            await voice.speak(segment(1, "And never this."))
            await anext(voice.audio())
        await fake.until(lambda fake: len(fake.speaking) == 2)
        await pass_time(0.1)
        assert fake.live == 1
        assert sound(await say(on.session, "Yes?", reply=2)) == speech("Yes?")
    assert fake.speaking[0].received[-1] == "input_text_buffer.clear"
    assert fake.spoken == [f"{LONG} ", "Yes? "]
    assert len(fake.speaking) == 2


async def test_leaving_before_any_text_keeps_the_socket() -> None:
    fake = FakeTogether()
    async with stage(fake) as on:
        async with on.session.voice(1):
            pass
        assert await say(on.session, "Hello.", reply=2)
    assert len(fake.speaking) == 1
    assert fake.clears == 0


@pytest.mark.requirement("B.24")
async def test_late_audio_of_an_earlier_item_is_dropped_and_counted() -> None:
    fake = FakeTogether()
    fake.scripts.append(TtsScript(TtsFault.LATE))
    async with stage(fake, NATIVE) as on:
        pieces = await say(on.session, "One.", "Two and something more.")
        observed = on.observed
    assert [sound(pieces, index) for index in range(2)] == [
        speech("One."),
        speech("Two and something more."),
    ]
    counted = [each for each in observed if isinstance(each, Counted)]
    assert [(each.what, each.amount) for each in counted] == [("together late messages dropped", 1)]


# --- faults


@pytest.mark.requirement("D.16")
async def test_after_a_lost_socket_the_segment_is_said_again_without_what_was_heard() -> None:
    fake = FakeTogether()
    fake.scripts.append(TtsScript(TtsFault.DROP, after=5))
    async with stage(fake, NATIVE) as on:
        pieces = await say(on.session, LONG, "And more.")
    assert lasts(pieces) == [0, 1]
    assert [sound(pieces, index) for index in range(2)] == [speech(LONG), speech("And more.")]
    assert len(fake.speaking) == 2


async def test_a_reply_whose_socket_is_lost_twice_fails() -> None:
    fake = FakeTogether()
    fake.scripts += (TtsScript(TtsFault.DROP, after=1), TtsScript(TtsFault.DROP, after=1))
    async with stage(fake) as on:
        with pytest.raises(ProviderUnavailable, match="lost"):
            await say(on.session, LONG)


@pytest.mark.requirement("A.30")
async def test_a_text_that_the_vendor_never_finishes_ends_by_itself() -> None:
    fake = FakeTogether()
    fake.scripts.append(TtsScript(TtsFault.NO_DONE))
    async with stage(fake, NATIVE, first_audio=1.0) as on:
        pieces = await say(on.session, "Hello.", "There.")
        assert "a text was never finished by the vendor" in troubles(on.observed)
    assert [sound(pieces, index) for index in range(2)] == [speech("Hello."), speech("There.")]


@pytest.mark.parametrize("after", [0, 1])
async def test_a_vendor_that_falls_silent_is_an_error_not_an_end(after: int) -> None:
    fake = FakeTogether()
    fake.scripts.append(TtsScript(TtsFault.STALL, after=after))
    async with stage(fake) as on:
        with pytest.raises(ProviderUnavailable, match=r"no (more )?audio within 4 s"):
            await say(on.session, LONG)


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (TtsScript(TtsFault.FAIL), ProviderUnavailable),
        (TtsScript(TtsFault.FAIL, code="model_not_available"), ProviderRejected),
        (TtsScript(TtsFault.COMPLAIN), ProviderUnavailable),
        (TtsScript(TtsFault.BAD_AUDIO, after=1), ProviderProtocolError),
        (TtsScript(TtsFault.BAD_HEADER), ProviderProtocolError),
        (TtsScript(TtsFault.GARBAGE, after=1), ProviderProtocolError),
    ],
)
async def test_a_text_that_fails_is_an_error_and_the_next_reply_is_spoken(
    script: TtsScript, kind: type[Exception]
) -> None:
    fake = FakeTogether()
    fake.scripts.append(script)
    async with stage(fake, NATIVE) as on:
        with pytest.raises(kind):
            await say(on.session, LONG)
        assert sound(await say(on.session, "Fine.", reply=2)) == speech("Fine.")


async def test_an_unknown_kind_of_message_is_told_once() -> None:
    fake = FakeTogether()
    fake.scripts += (TtsScript(TtsFault.NEW_KIND), TtsScript(TtsFault.NEW_KIND))
    async with stage(fake, NATIVE) as on:
        assert sound(await say(on.session, "One.", "Two.")) == speech("One.") + speech("Two.")
        assert troubles(on.observed) == ["a message of an unknown kind was skipped"]


async def test_a_socket_lost_between_replies_is_opened_again_before_it_is_wanted() -> None:
    fake = FakeTogether()
    async with stage(fake) as on:
        await say(on.session, "Hello.")
        await pass_time(10)
        fake.drop_sockets()
        await fake.until(lambda fake: len(fake.speaking) == 2)
        assert sound(await say(on.session, "Again.", reply=2))


@pytest.mark.requirement("B.16")
async def test_a_handshake_without_an_answer_is_given_up_after_ten_seconds() -> None:
    fake = FakeTogether(unanswered=1)
    async with stage(fake) as on:
        began = anyio.current_time()
        with pytest.raises(ProviderUnavailable):
            await say(on.session, "Hello.")
        assert anyio.current_time() - began == pytest.approx(10.0)
        assert sound(await say(on.session, "Hello.", reply=2))


@pytest.mark.parametrize("status", [401, 503])
async def test_a_refused_handshake_says_whether_to_try_again(status: int) -> None:
    fake = FakeTogether()
    fake.refusals += (status, status)
    async with stage(fake) as on:
        await fake.until(lambda fake: fake.handshakes)
        with pytest.raises(ProviderError) as caught:
            await say(on.session, "Hello.")
    assert caught.value.status == status
    assert isinstance(caught.value, ProviderRejected) == (status == 401)


# --- the rest of the contract's small print


async def test_a_manner_of_speaking_is_ignored_and_that_is_told_once() -> None:
    fake = FakeTogether()
    merry = Manner(speed=1.1, mood="merry")
    async with stage(fake) as on:
        await say(on.session, segment(0, "Ha.", manner=merry), segment(1, "Ha.", manner=merry))
        told = [each.detail for each in on.observed if isinstance(each, Trouble)]
    assert told == ["mood 'merry'", "speed 1.1"]


async def test_nothing_may_be_spoken_after_finish() -> None:
    async with stage(FakeTogether()) as on, on.session.voice(1) as voice:
        await voice.finish()
        with pytest.raises(LocalProtocolError, match="after finish"):
            await voice.speak(segment(0, "Too late."))


async def test_speaking_waits_while_the_caller_is_far_behind() -> None:
    fake = FakeTogether()
    async with stage(fake, buffer=6.0) as on, on.session.voice(1) as voice:
        pieces: list[AudioOut] = []

        async def speak() -> None:
            for index in range(24):
                await voice.speak(segment(index, "Some words that take a while."))
            await voice.finish()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(speak)
            async for piece in voice.audio():
                pieces.append(piece)
                await pass_time(TELEPHONE.seconds(len(piece.data)))
    assert lasts(pieces) == list(range(24))


async def test_a_reply_that_nobody_takes_fails() -> None:
    async with stage(FakeTogether(), buffer=1.0) as on, on.session.voice(1) as voice:
        await voice.speak(segment(0, "Far more than one second of words in one piece."))
        await pass_time(10)
        with pytest.raises(ProviderError, match="were not taken"):
            _ = [piece async for piece in voice.audio()]


async def test_what_the_vendor_took_is_observed() -> None:
    async with stage(FakeTogether(latency=0.25)) as on:
        await say(on.session, "Hello.")
        [timed] = [each for each in on.observed if isinstance(each, ProviderTimed)]
    assert timed.first is not None
    assert timed.first - timed.started == pytest.approx(0.25)
