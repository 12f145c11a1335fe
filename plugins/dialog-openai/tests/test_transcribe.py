"""Speech-to-text by uploading phrases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import attrs
import pytest
from dialog_openai.testing import KEY, FakeTranscriber, Refuse, TranscribeFault, Written
from dialog_openai.transcribe.protocol import build, read_event, read_whole
from dialog_openai.transcribe.session import Transcription
from dialog_openai.transcribe.settings import TranscribeSettings

from dialog_core.audio import TELEPHONE, AudioFrame, Encoding
from dialog_core.errors import (
    ProviderError,
    ProviderProtocolError,
    ProviderRejected,
    ProviderUnavailable,
)
from dialog_core.fields import Secret
from dialog_core.language import in_language
from dialog_core.messages import Transcript
from dialog_core.observe.observations import Counted, Observation, ProviderTimed
from dialog_core.protocols import SttSession
from dialog_core.testing.hearing import voiced
from dialog_core.testing.speech import pass_time
from dialog_core.testing.vendor import in_memory
from dialog_core.turns.events import SpeechStarted, SpeechStopped

FIRST, SECOND = "I want to cancel", "my old order"


@attrs.define(eq=False)
class Call:
    """One call, and what was heard of it."""

    session: SttSession
    fake: FakeTranscriber
    observed: list[Observation]
    at: float = 0.0
    events: list[Transcript] = attrs.field(factory=list)
    error: ProviderError | None = None

    async def say(self, phrase: str, *, silence: float = 1.0) -> None:
        self.session.note(SpeechStarted(self.at))
        await self.play(voiced(phrase, TELEPHONE))
        self.session.note(SpeechStopped(self.at))
        await self.play(TELEPHONE.silence(silence))

    async def play(self, audio: bytes) -> None:
        for start in range(0, len(audio), 160):
            await pass_time(0.02)
            self.session.feed(AudioFrame(self.at, audio[start : start + 160]))
            self.at += 0.02

    async def listen(self) -> None:
        try:
            async for event in self.session.events():
                assert isinstance(event, Transcript)
                self.events.append(event)
        except ProviderError as error:
            self.error = error

    @property
    def finals(self) -> list[str]:
        return [event.text for event in self.events if event.final]


@asynccontextmanager
async def calling(*answers: Written | Refuse, **options: Any) -> AsyncIterator[Call]:
    fake = FakeTranscriber((FIRST, SECOND), answers or (Written(),))
    observed: list[Observation] = []
    settings = TranscribeSettings(**{"api_key": Secret(KEY), **options})
    async with (
        in_memory(fake.app, observe=observed.append) as services,
        Transcription(settings, services).open(TELEPHONE) as session,
        anyio.create_task_group() as tasks,
    ):
        call = Call(session, fake, observed)
        tasks.start_soon(call.listen)
        yield call
        tasks.cancel_scope.cancel()
    assert fake.active == 0


@pytest.mark.anyio
async def test_a_phrase_is_uploaded_as_a_wav_file_when_it_is_over() -> None:
    async with calling() as call:
        await call.play(TELEPHONE.silence(2.0))
        await call.say(FIRST)
        (upload,) = call.fake.uploads
        (final,) = [event for event in call.events if event.final]
    assert upload.name == "speech.wav"
    assert (upload.wav.fmt.encoding, upload.wav.fmt.rate) == (Encoding.PCM16, 8000)
    seconds = upload.wav.fmt.seconds(len(upload.wav.data))
    assert seconds == pytest.approx(0.3 + 1.2, abs=0.25)
    assert final.text == FIRST
    assert final.started == pytest.approx(2.0)
    assert final.at == pytest.approx(3.2)


@pytest.mark.anyio
async def test_words_are_told_as_the_model_finds_them() -> None:
    async with calling() as call:
        await call.say(FIRST)
    told = [(event.text, event.final) for event in call.events]
    assert told[0] == ("I", False)
    assert told[-1] == (FIRST, True)


@pytest.mark.anyio
async def test_whisper_answers_in_one_piece_with_the_time_of_each_word() -> None:
    async with calling(model="whisper-1", word_times=True) as call:
        await call.play(TELEPHONE.silence(5.0))
        await call.say(FIRST)
        (event,) = call.events
        assert call.fake.uploads[0].fields["response_format"] == "verbose_json"
    assert [word.text for word in event.words] == FIRST.split()
    assert event.words[0].start == pytest.approx(4.7, abs=0.03)
    assert event.words[-1].end == pytest.approx(6.2, abs=0.25)


@pytest.mark.anyio
async def test_phrases_overlap_on_the_wire_and_keep_their_order() -> None:
    async with calling(Written(first=2.0), Written(first=0.1)) as call:
        await call.say(FIRST, silence=0.3)
        await call.say(SECOND, silence=3.0)
        assert call.finals == [FIRST, SECOND]
        assert call.fake.most == 2
    finals = [event for event in call.events if event.final]
    assert call.events.index(finals[0]) < min(
        number for number, event in enumerate(call.events) if event.text.startswith("my")
    )


@pytest.mark.anyio
async def test_what_is_no_speech_says_nothing() -> None:
    async with calling() as call:
        call.session.note(SpeechStarted(call.at))
        await call.play(TELEPHONE.silence(1.0))
        call.session.note(SpeechStopped(call.at))
        await call.play(TELEPHONE.silence(1.0))
    assert call.events == []


@pytest.mark.anyio
@pytest.mark.parametrize(
    "failure",
    [
        Refuse(500),
        Refuse(429, headers={"retry-after-ms": "50"}),
        Written(fault=TranscribeFault.DROP, after=1),
        Written(fault=TranscribeFault.END, after=2),
        Written(fault=TranscribeFault.ERROR, after=1),
        Written(fault=TranscribeFault.GARBAGE),
    ],
)
async def test_a_phrase_that_fails_is_uploaded_again(failure: Written | Refuse) -> None:
    async with calling(failure, Written()) as call:
        await call.say(FIRST, silence=2.0)
        assert call.finals == [FIRST]
        assert len(call.fake.uploads) == 2
        assert call.fake.uploads[0].wav == call.fake.uploads[1].wav


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("failure", "kind", "tries"),
    [
        (Refuse(401, "invalid_api_key"), ProviderRejected, 1),
        (Refuse(429, "insufficient_quota"), ProviderRejected, 1),
        (Refuse(503), ProviderUnavailable, 3),
        (Written(fault=TranscribeFault.STALL, after=1), ProviderUnavailable, 3),
    ],
)
async def test_what_does_not_get_better_becomes_an_error(
    failure: Written | Refuse, kind: type[ProviderError], tries: int
) -> None:
    async with calling(failure) as call:
        await call.say(FIRST, silence=20.0)
        assert type(call.error) is kind
        assert call.error is not None
        assert call.error.stage == "stt"
        assert len(call.fake.uploads) == tries


@pytest.mark.anyio
async def test_more_phrases_than_may_wait_are_dropped_and_counted() -> None:
    async with calling(Written(first=5.7), parallel=1) as call:
        for _ in range(14):
            await call.say("yes", silence=0.1)
        dropped = [each.amount for each in call.observed if isinstance(each, Counted)]
        assert sum(dropped) == 14 - 1 - 1 - 8  # one at work, one at the door, eight waiting


@pytest.mark.anyio
async def test_speech_that_never_ends_is_cut() -> None:
    async with calling(longest=5.0) as call:
        call.session.note(SpeechStarted(0.0))
        await call.play(voiced("word " * 30, TELEPHONE))
        assert len(call.fake.uploads) == 2


@pytest.mark.anyio
async def test_its_times_are_told() -> None:
    async with calling(Written(first=0.5)) as call:
        await call.say(FIRST)
        (timed,) = [each for each in call.observed if isinstance(each, ProviderTimed)]
    assert timed.first is not None
    assert timed.first - timed.started == pytest.approx(0.54, abs=0.02)


def settings(**options: Any) -> TranscribeSettings:
    return TranscribeSettings(**{"api_key": Secret("k"), **options})


def test_settings_reach_the_vendor() -> None:
    told = build(settings(language="de", prompt="Tisch", temperature=0.2, logprobs=True))
    assert told == {
        "model": "gpt-4o-mini-transcribe",
        "language": "de",
        "prompt": "Tisch",
        "temperature": "0.2",
        "response_format": "json",
        "stream": "true",
        "include[]": "logprobs",
    }
    assert "stream" not in build(settings(model="whisper-1"))


@pytest.mark.requirement("D.39")
def test_the_agent_s_language_becomes_an_iso_code() -> None:
    assert in_language(settings(), "pt-BR").language == "pt"


def test_a_server_of_one_s_own_needs_no_key() -> None:
    assert TranscribeSettings(url="http://whisper:8000/v1", model="base.en").streams is False


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"api_key": None}, "api_key is missing"),
        ({"word_times": True}, "word_times have no effect"),
        ({"model": "whisper-1", "word_times": True, "stream": True}, "exclude each other"),
        ({"model": "whisper-1", "logprobs": True}, "logprobs have no effect"),
        ({"options": {"file": "x"}}, "'file'"),
        ({"temperature": 2}, "at most 1"),
    ],
)
def test_settings_say_what_is_wrong(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        settings(**wrong)


def test_every_setting_says_what_it_is_for() -> None:
    assert all(field.metadata["help"] for field in attrs.fields(TranscribeSettings))


def test_answers_are_read() -> None:
    heard = read_whole(b'{"text": " Hi. ", "logprobs": [{"token": "Hi", "logprob": -0.5}]}')
    assert heard.text == "Hi."
    assert heard.confidence == pytest.approx(0.6065, abs=1e-4)
    assert read_event('{"type": "transcript.text.segment", "id": 1}') is None


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'{"words": []}', b"\xff"])
def test_what_is_no_transcript_is_the_vendor_s_fault(body: bytes) -> None:
    with pytest.raises(ProviderProtocolError):
        read_whole(body)
