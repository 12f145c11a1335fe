"""Text-to-speech over the audio API: the audio as a line gets it, and what happens when the server fails."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import attrs
import numpy as np
import pytest
from dialog_openai.speech.protocol import Converter, build, check_type, parts_of
from dialog_openai.speech.session import OpenAISpeech, SpeechSession
from dialog_openai.speech.settings import SpeechSettings
from dialog_openai.testing import KEY, FakeSpeech, Refuse, SpeechFault, Synthesis
from hypothesis import given
from hypothesis import strategies as st

from dialog_core import g711
from dialog_core.audio import TELEPHONE, AudioFormat, AudioOut, Encoding
from dialog_core.errors import (
    LocalProtocolError,
    ProviderError,
    ProviderProtocolError,
    ProviderRejected,
    ProviderUnavailable,
)
from dialog_core.fields import Secret
from dialog_core.messages import PLAIN, Manner
from dialog_core.observe.observations import Observation, ProviderTimed, Trouble
from dialog_core.testing.contracts import FORMATS
from dialog_core.testing.speech import lasts, pass_time, say, segment, sound, until_last
from dialog_core.testing.vendor import in_memory
from dialog_core.wav import header

PCM = AudioFormat(Encoding.PCM16, 24_000)
NARROW = AudioFormat(Encoding.PCM16, 8000)
SETTINGS = SpeechSettings(api_key=Secret(KEY))


# --- the audio --------------------------------------------------------------------------------------------------------


def sine(hertz: float, seconds: float = 1.0, rate: int = 24_000) -> bytes:
    """A tone as the server sends it."""
    at = np.arange(round(rate * seconds)) / rate
    return (12_000 * np.sin(2 * np.pi * hertz * at)).astype("<i2").tobytes()


def converted(data: bytes, fmt: AudioFormat, cuts: list[int], rate: int = 24_000) -> bytes:
    """An answer that comes in pieces of these sizes, over and over."""
    converter = Converter(fmt, rate)
    out, at, number = [], 0, 0
    while at < len(data):
        size = cuts[number % len(cuts)]
        out.append(converter.feed(data[at : at + size]))
        at, number = at + size, number + 1
    return b"".join([*out, converter.flush()])


def clean(samples: Any, hertz: float, rate: int) -> float:
    """How many dB a sine of this frequency stands above all else; clicks and aliases lower it."""
    middle = np.asarray(samples, np.float64)[rate // 10 : -rate // 10]
    at = np.arange(middle.size) / rate
    angle = 2 * np.pi * hertz * at
    basis = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    fitted = basis @ np.linalg.lstsq(basis, middle, rcond=None)[0]
    return float(10 * np.log10((fitted**2).mean() / ((middle - fitted) ** 2).mean()))


@pytest.mark.parametrize("hertz", [200.0, 440.0, 1000.0, 2500.0, 3300.0])
def test_a_sine_stays_a_sine_whatever_the_cuts(hertz: float) -> None:
    audio = converted(sine(hertz), NARROW, [1, 4801, 7, 333])
    samples = np.frombuffer(audio, "<i2")
    assert samples.size == pytest.approx(8000, abs=1)
    assert clean(samples, hertz, 8000) > 75


def test_a_sine_survives_the_telephone_s_encoding() -> None:
    audio = converted(sine(440.0), TELEPHONE, [4801])
    assert clean(g711.decode(audio, Encoding.MULAW), 440.0, 8000) > 35  # all that mu-law can do


def test_what_a_telephone_cannot_carry_does_not_come_back_as_a_whistle() -> None:
    samples = np.frombuffer(converted(sine(5000.0), NARROW, [4800]), "<i2")
    assert np.abs(samples[400:-400]).max() < 20


def test_the_first_audio_is_held_back_by_two_milliseconds_at_most() -> None:
    first = Converter(NARROW, 24_000).feed(sine(440.0, 0.02))
    assert NARROW.seconds(len(first)) >= 0.018


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=8), st.sampled_from(FORMATS))
def test_how_bytes_were_cut_does_not_matter(cuts: list[int], fmt: AudioFormat) -> None:
    data = sine(440.0, 0.2)
    assert converted(data, fmt, cuts) == converted(data, fmt, [len(data)])


def test_half_a_sample_at_the_end_is_dropped() -> None:
    assert converted(sine(440.0, 0.1) + b"\x01", PCM, [999]) == sine(440.0, 0.1)


def test_a_wav_header_is_taken_off_and_believed() -> None:
    wide = AudioFormat(Encoding.PCM16, 16_000)
    data = header(wide) + sine(440.0, rate=16_000)
    samples = np.frombuffer(converted(data, NARROW, [5, 900]), "<i2")
    assert clean(samples, 440.0, 8000) > 75


def test_another_encoding_is_refused() -> None:
    with pytest.raises(ProviderProtocolError, match="mulaw"):
        converted(header(TELEPHONE) + b"\xff" * 100, NARROW, [4096])


@pytest.mark.parametrize("kind", ["audio/mpeg", "text/html; charset=utf-8", "application/json"])
def test_an_answer_that_is_no_pcm_is_refused(kind: str) -> None:
    with pytest.raises(ProviderProtocolError, match="where PCM was asked for"):
        check_type(kind)


@pytest.mark.parametrize("kind", ["", "audio/pcm", "application/octet-stream", "audio/L16;rate=1"])
def test_types_that_may_be_pcm_pass(kind: str) -> None:
    check_type(kind)


# --- the request ------------------------------------------------------------------------------------------------------


def body(manner: Manner = PLAIN, **changes: Any) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(build("Hi.", manner, attrs.evolve(SETTINGS, **changes)))
    return parsed


def test_settings_reach_the_vendor() -> None:
    sent = body(voice="marin", instructions="Be calm.", speed=1.2, options={"language": "de"})
    assert sent == {
        "model": "gpt-4o-mini-tts",
        "voice": "marin",
        "input": "Hi.",
        "response_format": "pcm",
        "instructions": "Be calm.",
        "speed": 1.2,
        "language": "de",
    }


def test_a_segment_s_manner_reaches_the_vendor() -> None:
    sent = body(Manner(speed=9.0, mood="cheerful"), instructions="Be brief.", speed=1.2)
    assert sent["speed"] == 4.0
    assert sent["instructions"] == "Be brief. Speak in a cheerful mood."
    assert "instructions" not in body(Manner(mood="cheerful"), model="tts-1")


@given(st.text("abc ", max_size=60), st.integers(4, 20))
def test_a_long_text_is_cut_between_words_and_nothing_is_lost(text: str, longest: int) -> None:
    parts = list(parts_of(text, longest))
    assert all(0 < len(part) <= longest for part in parts)
    assert "".join(parts).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"api_key": None}, "api_key is missing"),
        ({"model": "tts-1", "instructions": "x"}, "instructions have no effect"),
        ({"speed": 5}, "at most 4"),
        ({"voice": ""}, "must name"),
        ({"options": {"input": "x"}}, "'input'"),
        ({"rate": 100}, "at least 8000"),
    ],
)
def test_settings_say_what_is_wrong(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        attrs.evolve(SETTINGS, **wrong)


def test_every_setting_says_what_it_is_for() -> None:
    assert all(field.metadata["help"] for field in attrs.fields(SpeechSettings))


# --- a voice at work --------------------------------------------------------------------------------------------------


@attrs.define(eq=False)
class Bench:
    """A session whose server is a fake, and a stopwatch."""

    session: SpeechSession
    fake: FakeSpeech
    seen: list[Observation]

    @property
    def now(self) -> float:
        return self.session.asker.services.clock.monotonic()

    def observed(self, kind: type[Any]) -> list[Any]:
        return [one for one in self.seen if isinstance(one, kind)]


@asynccontextmanager
async def bench(*script: Synthesis | Refuse, **changes: Any) -> AsyncIterator[Bench]:
    """The fake must have nothing under way when the bench is put away."""
    fake = FakeSpeech(script or (Synthesis(),))
    seen: list[Observation] = []
    async with in_memory(fake.app, observe=seen.append) as services:
        speech = OpenAISpeech(attrs.evolve(SETTINGS, **changes), services)
        async with speech.open(TELEPHONE) as session:
            yield Bench(session, fake, seen)
        await anyio.wait_all_tasks_blocked()
        assert fake.active == 0
        assert fake.refused == []


@pytest.mark.anyio
async def test_segments_are_spoken_whole_in_order_each_with_one_end() -> None:
    async with bench(Synthesis(between=0.01)) as b:
        pieces = await say(b.session, "Hello there.", "How are you?", "Goodbye.")
    assert lasts(pieces) == [0, 1, 2]
    for index, text in enumerate(("Hello there.", "How are you?", "Goodbye.")):
        seconds = (len(text) + 1) * 0.05
        assert TELEPHONE.seconds(len(sound(pieces, index))) == pytest.approx(seconds, abs=0.001)
    assert [piece.index for piece in pieces] == sorted(piece.index for piece in pieces)


@pytest.mark.anyio
async def test_the_first_audio_comes_before_the_text_is_complete() -> None:
    async with bench() as b, b.session.voice(1) as voice:
        await voice.speak(segment(0, "Hello there."))
        first = await anext(voice.audio())
        assert first.data


@pytest.mark.anyio
async def test_the_next_segment_is_requested_one_ahead_and_no_more() -> None:
    async with bench(Synthesis(first=1.0)) as b:
        began = b.now
        pieces = await say(b.session, "One.", "Two.", "Three.", "Four.")
        assert b.now - began == pytest.approx(2.0)
        assert b.fake.most == 2
    assert lasts(pieces) == [0, 1, 2, 3]


@pytest.mark.anyio
async def test_a_later_segment_that_is_ready_first_waits_for_its_turn() -> None:
    async with bench(Synthesis(first=2.0), Synthesis()) as b:
        pieces = await say(b.session, "One.", "Two.")
    order = [piece.index for piece in pieces]
    assert order == sorted(order)
    assert lasts(pieces) == [0, 1]


@pytest.mark.anyio
async def test_text_without_words_costs_no_request() -> None:
    async with bench() as b:
        pieces = await say(b.session, "...", "", "Hi.")
        assert [request["input"] for request in b.fake.requests] == ["Hi."]
    assert lasts(pieces) == [0, 1, 2]
    assert not sound(pieces, 0)


@pytest.mark.anyio
async def test_leaving_the_voice_closes_what_is_under_way() -> None:
    async with bench(Synthesis(between=0.5)) as b:
        async with b.session.voice(1) as voice:
            await voice.speak(segment(0, "Hello there, how are you today?"))
            await voice.speak(segment(1, "Fine?"))
            assert (await anext(voice.audio())).data
        await anyio.wait_all_tasks_blocked()
        assert b.fake.served == 0
        assert b.fake.cancelled == 2


@pytest.mark.anyio
async def test_a_reader_that_is_slow_slows_the_server() -> None:
    text = "word " * 300
    async with bench(Synthesis(chunk=48_000)) as b, b.session.voice(1) as voice:
        await voice.speak(segment(0, text))
        await voice.finish()
        await pass_time(10.0)
        assert b.fake.served == 0
        pieces = [piece async for piece in voice.audio()]
    assert TELEPHONE.seconds(len(sound(pieces))) == pytest.approx(75, abs=0.1)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "failure",
    [
        Refuse(500),
        Refuse(429, "rate_limit_exceeded"),
        Synthesis(fault=SpeechFault.DROP),
        Synthesis(fault=SpeechFault.EMPTY),
        Synthesis(fault=SpeechFault.STALL),
        Synthesis(fault=SpeechFault.MP3),
        Synthesis(fault=SpeechFault.PAGE),
    ],
)
async def test_a_failure_before_any_audio_is_tried_again(failure: Synthesis | Refuse) -> None:
    async with bench(failure, Synthesis()) as b:
        pieces = await say(b.session, "Hello.")
        assert [trouble.what for trouble in b.observed(Trouble)] == ["asking again"]
    assert sound(pieces)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("failure", "kind", "reason"),
    [
        (Refuse(401, "invalid_api_key"), ProviderRejected, "invalid_api_key"),
        (Refuse(429, "insufficient_quota"), ProviderRejected, "insufficient_quota"),
        (Refuse(503), ProviderUnavailable, "scripted error"),
        (Synthesis(fault=SpeechFault.EMPTY), ProviderUnavailable, "ended without audio"),
        (Synthesis(fault=SpeechFault.STALL), ProviderUnavailable, "no audio in 4 s"),
        (
            Synthesis(fault=SpeechFault.STALL, after=1),
            ProviderUnavailable,
            "no more audio within 3 s",
        ),
        (Synthesis(fault=SpeechFault.DROP, after=1), ProviderUnavailable, "lost in the middle"),
        (Synthesis(fault=SpeechFault.MP3), ProviderProtocolError, "audio/mpeg"),
    ],
)
async def test_failures_say_whose_fault_they_are(
    failure: Synthesis | Refuse, kind: type[ProviderError], reason: str
) -> None:
    async with bench(failure) as b:
        began = b.now
        with pytest.raises(kind, match=reason) as caught:
            await say(b.session, "Hello there.")
        assert b.now - began < 10
    assert caught.value.stage == "tts"


@pytest.mark.anyio
async def test_audio_before_a_loss_is_heard_and_the_error_comes_after_it() -> None:
    pieces: list[AudioOut] = []
    async with (
        bench(Synthesis(), Synthesis(fault=SpeechFault.DROP, after=1)) as b,
        b.session.voice(1) as voice,
    ):
        await voice.speak(segment(0, "One."))
        await voice.speak(segment(1, "Two and three."))
        await voice.finish()
        audio = voice.audio()
        await until_last(pieces, audio)
        pieces.append(await anext(audio))
        with pytest.raises(ProviderUnavailable):
            await anext(audio)
    assert lasts(pieces) == [0]
    assert sound(pieces, 1)


@pytest.mark.anyio
async def test_nothing_may_be_said_after_the_end() -> None:
    async with bench() as b, b.session.voice(1) as voice:
        await voice.finish()
        with pytest.raises(LocalProtocolError):
            await voice.speak(segment(0, "Hello."))


@pytest.mark.anyio
async def test_what_a_model_ignores_is_told_once() -> None:
    glad = segment(0, "Hi.", manner=Manner(mood="glad"))
    async with bench(model="tts-1") as b:
        await say(b.session, glad, attrs.evolve(glad, index=1))
        (trouble,) = b.observed(Trouble)
        assert "mood 'glad'" in trouble.detail


@pytest.mark.anyio
async def test_a_reply_s_times_are_told() -> None:
    async with bench(Synthesis(first=0.3)) as b:
        await say(b.session, "Hello.", "There.")
        (timed,) = b.observed(ProviderTimed)
    assert timed.first - timed.started == pytest.approx(0.3)
