"""The real models on the demo caller's lines, at a telephone's quality. Skipped only if the files are not there."""

from __future__ import annotations

import re
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import numpy as np
import pytest
from dialog_local import warm_stt, warm_tts
from dialog_local.settings import SttSettings, TtsSettings
from dialog_local.stt import LocalSpeechToText
from dialog_local.tts import LocalTextToSpeech

from dialog_core import g711, wav
from dialog_core.audio import TELEPHONE, AudioFormat, AudioFrame, AudioOut, Encoding
from dialog_core.factory import Services
from dialog_core.messages import SpeakText, Transcript
from dialog_core.protocols import SttSession, TtsSession
from dialog_core.testing.pytest_plugin import real_loop
from dialog_core.turns.events import SpeechStarted, SpeechStopped

pytestmark = [pytest.mark.anyio, pytest.mark.models, real_loop]

LEAD_SECONDS = 0.5
WORST_WER = 0.08
LOUDEST_DB, SOFTEST_DB = -14.0, -30.0


def lines(folder: Path) -> list[tuple[bytes, str]]:
    """Mu-law audio and text of each of the caller's lines."""
    script = tomllib.loads((folder / "caller.toml").read_text())
    return [
        (wav.parse((folder / line["file"]).read_bytes()).data, line["text"])
        for line in script["lines"]
    ]


def words(text: str) -> list[str]:
    """Words, numbers spelled as the caller says them."""
    plain = re.sub(r"good.bye", "goodbye", text.lower().replace("11", "eleven"))
    return re.findall(r"[a-z']+", plain)


def errors(said: list[str], heard: list[str]) -> int:
    """Substitutions, deletions and insertions."""
    row = list(range(len(heard) + 1))
    for number, word in enumerate(said, 1):
        diagonal, row[0] = row[0], number
        for at, other in enumerate(heard, 1):
            diagonal, row[at] = (
                row[at],
                min(diagonal + (word != other), row[at] + 1, row[at - 1] + 1),
            )
    return row[-1]


def feed(session: SttSession, data: bytes, start: float = 0.0) -> float:
    """Feed audio as a line sends it; returns the time of its end."""
    for at in range(0, len(data), 160):
        session.feed(AudioFrame(start + at / 8000, data[at : at + 160]))
    return start + len(data) / 8000


async def hear(stt: LocalSpeechToText, data: bytes) -> Transcript:
    """The final transcript of audio that is one phrase."""
    async with stt.open(TELEPHONE) as session:
        start = feed(session, TELEPHONE.silence(LEAD_SECONDS))
        session.note(SpeechStarted(start))
        end = feed(session, data, start)
        feed(session, TELEPHONE.silence(LEAD_SECONDS), end)
        session.note(SpeechStopped(end))
        with anyio.fail_after(90):
            async for event in session.events():
                if isinstance(event, Transcript) and event.final:
                    return event
    raise AssertionError("nothing was heard")


@pytest.fixture
async def stt(services: Services, moonshine_folder: Path) -> LocalSpeechToText:
    settings = SttSettings(folder=str(moonshine_folder))
    await warm_stt(settings, services)
    return LocalSpeechToText(settings, services)


@pytest.fixture
async def tts(services: Services) -> AsyncIterator[TtsSession]:
    settings = TtsSettings(seed=1)
    await warm_tts(settings, services)
    async with LocalTextToSpeech(settings, services).open(TELEPHONE) as session:
        yield session


async def test_the_callers_lines_are_recognised(stt: LocalSpeechToText, caller: Path) -> None:
    wrong = total = 0
    for data, text in lines(caller):
        heard = await hear(stt, data)
        wrong += errors(words(text), words(heard.text))
        total += len(words(text))
    assert wrong / total < WORST_WER


async def test_several_calls_are_recognised_at_once(stt: LocalSpeechToText, caller: Path) -> None:
    every = lines(caller)
    heard = dict[int, str]()

    async def call(number: int) -> None:
        heard[number] = (await hear(stt, every[number][0])).text

    async with anyio.create_task_group() as tasks:
        for number in range(len(every)):
            tasks.start_soon(call, number)
    assert "Daniel Carter" in heard[4]
    assert heard[7] == "What does a check-up cost?"
    assert len(heard) == len(every)


async def test_interim_text_appears_before_the_caller_has_finished(
    stt: LocalSpeechToText, caller: Path
) -> None:
    data, _ = lines(caller)[0]
    async with stt.open(TELEPHONE) as session:
        session.note(SpeechStarted(0.0))
        feed(session, data[: len(data) // 2])
        with anyio.fail_after(90):
            event = await anext(session.events())
    assert isinstance(event, Transcript)
    assert not event.final
    assert "hello" in event.text.lower()


@pytest.mark.parametrize("kind", ["silence", "noise", "hum"])
async def test_what_is_no_speech_gives_no_text(
    kind: str, stt: LocalSpeechToText, caller: Path
) -> None:
    time = np.arange(16000)
    samples = {
        "silence": np.zeros(16000),
        "noise": np.random.default_rng(3).normal(0, 1500, 16000),
        "hum": 3000 * np.sin(time * 2 * np.pi * 120 / 8000),
    }[kind]
    data = g711.encode(samples.astype(np.int16), Encoding.MULAW)
    async with stt.open(TELEPHONE) as session:
        session.note(SpeechStarted(0.0))
        end = feed(session, data)
        session.note(SpeechStopped(end))
        speech, _ = lines(caller)[7]
        start = feed(session, TELEPHONE.silence(LEAD_SECONDS), end)
        session.note(SpeechStarted(start))
        session.note(SpeechStopped(feed(session, speech, start)))
        with anyio.fail_after(90):
            finals = [event async for event in finals_of(session, 1)]
    assert finals[0].started == start
    assert "cost" in finals[0].text


async def finals_of(session: SttSession, count: int) -> AsyncIterator[Transcript]:
    async for event in session.events():
        if isinstance(event, Transcript) and event.final:
            yield event
            count -= 1
            if not count:
                return


async def test_speech_without_a_pause_is_cut_and_loses_nothing(
    stt: LocalSpeechToText, caller: Path
) -> None:
    every = lines(caller)[:5]
    data = b"".join(audio for audio, _ in every)
    said = words(" ".join(text for _, text in every))
    async with stt.open(TELEPHONE) as session:
        session.note(SpeechStarted(0.0))
        end = feed(session, data)
        session.note(SpeechStopped(end))
        with anyio.fail_after(90):
            finals = [event async for event in finals_of(session, 2)]
    assert finals[0].at == finals[1].started
    assert errors(said, words(" ".join(final.text for final in finals))) / len(said) < 0.2


async def speak(session: TtsSession, *texts: str, reply: int = 1) -> list[AudioOut]:
    pieces: list[AudioOut] = []
    async with session.voice(reply) as voice, anyio.create_task_group() as tasks:

        async def write() -> None:
            for index, text in enumerate(texts):
                await voice.speak(SpeakText(reply, index, text))
            await voice.finish()

        tasks.start_soon(write)
        with anyio.fail_after(90):
            pieces.extend([piece async for piece in voice.audio()])
    return pieces


def joined(pieces: list[AudioOut]) -> bytes:
    return b"".join(piece.data for piece in pieces)


async def test_each_segment_ends_once_and_in_order(tts: TtsSession) -> None:
    pieces = await speak(tts, "Hello there. How are you? ", "Very well.")
    assert [piece.index for piece in pieces if piece.last] == [0, 1]
    assert [piece.index for piece in pieces] == sorted(piece.index for piece in pieces)
    assert {piece.reply for piece in pieces} == {1}
    assert pieces[-1].last


async def test_speech_is_loud_enough_never_clips_and_starts_at_once(tts: TtsSession) -> None:
    data = joined(await speak(tts, "We are open from Monday to Friday, from 9 AM until 5 PM."))
    samples = g711.decode_floats(data, Encoding.MULAW)
    assert SOFTEST_DB < g711.level(data, Encoding.MULAW) < LOUDEST_DB
    assert np.abs(samples).max() < 0.98
    first = int(np.flatnonzero(np.abs(samples) > 0.02)[0])
    assert first / 8000 < 0.12


async def test_other_line_formats_are_spoken_too(services: Services) -> None:
    tts = LocalTextToSpeech(TtsSettings(seed=1), services)
    wide = AudioFormat(Encoding.PCM16, 16000)
    async with tts.open(wide) as session:
        data = joined(await speak(session, "Hello."))
    assert len(data) % 2 == 0
    assert 0.3 < wide.seconds(len(data)) < 1.5


@pytest.mark.parametrize("text", ["", " ", "...", "?!"])
async def test_text_without_words_gives_only_the_last_piece(text: str, tts: TtsSession) -> None:
    assert await speak(tts, text) == [AudioOut(1, 0, b"", last=True)]


async def test_long_text_is_spoken_whole(tts: TtsSession) -> None:
    data = joined(await speak(tts, "This is a rather long sentence, and it goes on. " * 20))
    assert 50 < TELEPHONE.seconds(len(data)) < 100


async def test_the_voice_is_understood_on_the_telephone(
    tts: TtsSession, stt: LocalSpeechToText
) -> None:
    said = "You find us at twelve Mill Lane, next to the town library."
    heard = await hear(stt, joined(await speak(tts, said)))
    assert errors(words(said), words(heard.text)) <= 1


async def test_a_cancelled_voice_stops_and_holds_nobody_up(tts: TtsSession) -> None:
    async with tts.voice(1) as voice:
        await voice.speak(SpeakText(1, 0, "This is a rather long sentence. " * 1000))
        first = await anext(voice.audio())
        assert first.data
    with anyio.fail_after(30):  # the long text would take minutes
        assert joined(await speak(tts, "Next.", reply=2))


async def test_several_calls_speak_at_once(tts: TtsSession) -> None:
    sizes = dict[int, int]()

    async def call(number: int) -> None:
        sizes[number] = len(joined(await speak(tts, "Hello there. How are you?", reply=number)))

    async with anyio.create_task_group() as tasks:
        for number in range(6):
            tasks.start_soon(call, number)
    assert len(set(sizes.values())) == 1


async def test_the_caller_is_not_the_agents_voice(tts: TtsSession, caller: Path) -> None:
    agent = pitch(joined(await speak(tts, "Hello. I would like to book an appointment, please.")))
    assert agent > 1.3 * pitch(lines(caller)[0][0])


def pitch(data: bytes) -> float:
    """Median fundamental frequency of voiced blocks, in hertz, by autocorrelation."""
    samples = g711.decode_floats(data, Encoding.MULAW)
    found = []
    for start in range(0, samples.size - 480, 240):
        block = samples[start : start + 480]
        if (block**2).mean() < 1e-3:
            continue
        echo = np.correlate(block, block, "full")[480:]
        lag = int(echo[25:130].argmax()) + 25
        if echo[lag] > 0.4 * (block**2).sum():
            found.append(8000 / (lag + 1))
    return float(np.median(found))
