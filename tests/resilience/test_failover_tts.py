from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio
import attrs
import pytest
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from dialog_core.audio import TELEPHONE, AudioFormat, AudioOut
from dialog_core.call.clock import SystemClock
from dialog_core.errors import ProviderError, ProviderUnavailable
from dialog_core.messages import SpeakText, Word
from dialog_core.resilience.failover_tts import FailoverTts
from dialog_core.speech.ledger import Ledger
from tests.resilience.chains import open_stage

pytestmark = pytest.mark.anyio

EACH = 0.25
"""Seconds of a word of the voices here."""


@attrs.define(eq=False)
class Speech:
    """Says each word in a quarter of a second, and fails after some words as told."""

    sign: bytes = b"1"
    """What its audio consists of."""
    words: bool = True
    early: bool = False
    """Tell all words of a segment with its first audio."""
    fails_after: int | None = None
    trouble: ProviderError | None = None
    """What it raises then; None to fall silent."""
    latency: float = 0.1
    refuses: bool = False
    texts: list[str] = attrs.field(factory=list)
    left: int = 0
    """Voices that were left."""

    @asynccontextmanager
    async def open(self, fmt: AudioFormat) -> AsyncIterator[Speech]:
        yield self

    @asynccontextmanager
    async def voice(self, reply: int) -> AsyncIterator[Speaking]:
        if self.refuses:
            raise ProviderUnavailable("one", "is down", stage="tts")
        send, receive = anyio.create_memory_object_stream[SpeakText](16)
        with send, receive:
            try:
                yield Speaking(self, send, receive)
            finally:
                self.left += 1


@attrs.define(eq=False)
class Speaking:
    speech: Speech
    _send: MemoryObjectSendStream[SpeakText]
    _receive: MemoryObjectReceiveStream[SpeakText]
    _said: int = 0

    async def speak(self, segment: SpeakText) -> None:
        self.speech.texts.append(segment.text)
        await self._send.send(segment)

    async def finish(self) -> None:
        self._send.close()

    async def audio(self) -> AsyncIterator[AudioOut]:
        speech = self.speech
        async for segment in self._receive:
            await anyio.sleep(speech.latency)
            tokens = segment.text.split()
            times = [(self._said + n) * EACH for n in range(len(tokens))]
            timed = [Word(t, at, at + EACH) for t, at in zip(tokens, times, strict=True)]
            for number in range(len(tokens)):
                if self._said == speech.fails_after:
                    if speech.trouble is not None:
                        raise speech.trouble
                    await anyio.sleep_forever()
                told = (
                    () if not speech.words else tuple(timed) if speech.early else (timed[number],)
                )
                if speech.early and number:
                    told = ()
                self._said += 1
                data = speech.sign * TELEPHONE.nbytes(EACH)
                yield AudioOut(segment.reply, segment.index, data, told)
            yield AudioOut(segment.reply, segment.index, b"", last=True)


@attrs.define
class Spoken:
    """What the line was given of a reply."""

    pieces: list[AudioOut] = attrs.field(factory=list)
    times: list[float] = attrs.field(factory=list)
    ledger: Ledger = attrs.field(factory=lambda: Ledger(TELEPHONE))

    @property
    def audio(self) -> str:
        """A letter for each word's length of audio."""
        sound = b"".join(piece.data for piece in self.pieces)
        return sound[:: TELEPHONE.nbytes(EACH)].decode()

    @property
    def lasts(self) -> list[int]:
        return [piece.index for piece in self.pieces if piece.last]

    @property
    def words(self) -> list[tuple[str, float]]:
        return [(w.text, round(w.start, 3)) for piece in self.pieces for w in piece.words]

    @property
    def longest_wait(self) -> float:
        """Seconds of silence that a line which plays at once would have had."""
        ends, longest = 0.0, 0.0
        for piece, at in zip(self.pieces, self.times, strict=True):
            if piece.data:
                longest = max(longest, at - ends)
                ends = max(ends, at) + TELEPHONE.seconds(len(piece.data))
        return longest

    def heard_after(self, seconds: float) -> str:
        """What a caller had heard who interrupted after so much audio."""
        self.ledger.stop(seconds)
        return self.ledger.heard(0, seconds)


TEXTS = ("One two three four. ", "Five six.")


async def spoken(*speeches: Any, texts: Sequence[str] = TEXTS) -> Spoken:
    async with open_stage() as stage:
        return await said(stage.chain("tts", *speeches), texts)


async def said(chain: FailoverTts, texts: Sequence[str] = TEXTS) -> Spoken:
    result, clock = Spoken(), SystemClock()
    began = clock.monotonic()

    async def listen(voice: Any) -> None:
        async for piece in voice.audio():
            result.pieces.append(piece)
            result.times.append(clock.monotonic() - began)
            for sent in result.ledger.take(piece):
                result.ledger.sent(sent, 0.0)

    async with (
        chain.open(TELEPHONE) as session,
        session.voice(0) as voice,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(listen, voice)
        for number, text in enumerate(texts):
            result.ledger.add(SpeakText(0, number, text))
            await voice.speak(SpeakText(0, number, text))
        await voice.finish()
    return result


def down() -> ProviderError:
    return ProviderUnavailable("one", "is down", stage="tts")


async def test_a_voice_in_time_speaks_alone() -> None:
    two = Speech(b"2")
    result = await spoken(Speech(latency=1.0), two)
    assert result.audio == "111111"
    assert result.lasts == [0, 1]
    assert two.texts == []


@pytest.mark.parametrize(
    ("one", "seconds"),
    [
        (Speech(refuses=True), 0.1),
        (Speech(fails_after=0, trouble=down()), 0.2),
        (Speech(fails_after=0), 1.3),
        (Speech(latency=5.0), 1.3),
    ],
    ids=["refuses", "fails", "mute", "slow"],
)
async def test_the_next_voice_speaks_when_the_first_does_not(one: Speech, seconds: float) -> None:
    result = await spoken(one, Speech(b"2"))
    assert result.audio == "222222"
    assert result.lasts == [0, 1]
    assert result.times[0] == pytest.approx(seconds)


@pytest.mark.parametrize("trouble", [down(), None], ids=["an error", "silence"])
@pytest.mark.parametrize("early", [False, True], ids=["words in time", "words early"])
async def test_the_next_voice_goes_on_behind_the_last_word(
    *, trouble: ProviderError | None, early: bool
) -> None:
    two = Speech(b"2")
    result = await spoken(Speech(fails_after=2, trouble=trouble, early=early), two)
    assert two.texts == ["three four. ", "Five six."]
    assert result.audio == "112222"
    assert result.lasts == [0, 1]
    assert result.words == [
        ("One", 0.0), ("two", 0.25), ("three", 0.5), ("four.", 0.75), ("Five", 1.0), ("six.", 1.25),
    ]  # fmt: skip
    assert result.longest_wait < 2.0


@pytest.mark.parametrize("next_words", [True, False])
async def test_what_was_heard_of_a_mended_reply_is_exact(*, next_words: bool) -> None:
    one, two = Speech(fails_after=2, trouble=down()), Speech(b"2", words=next_words)
    result = await spoken(one, two, texts=["aaa bbb ccc ddd"])
    assert result.heard_after(0.8) == "aaa bbb ccc"


async def test_without_word_times_the_broken_segment_is_said_again() -> None:
    two = Speech(b"2")
    result = await spoken(Speech(words=False, fails_after=5, trouble=down()), two)
    assert two.texts == ["Five six."]
    assert result.audio == "1111122"
    assert result.lasts == [0, 1]


async def test_a_voice_that_has_said_all_and_only_fails_to_say_so_costs_no_repetition() -> None:
    two = Speech(b"2")
    result = await spoken(Speech(fails_after=4), two, texts=["One two three four.", "Five."])
    assert two.texts == ["Five."]
    assert result.audio == "11112"


async def test_a_voice_that_comes_late_but_first_goes_on() -> None:
    one, two = Speech(latency=1.25), Speech(b"2", latency=0.3)
    result = await spoken(one, two)
    assert result.audio == "111111"
    assert two.left == 2


async def test_when_all_voices_have_failed_the_error_is_told() -> None:
    with pytest.raises(ProviderUnavailable, match="is down"):
        await spoken(Speech(fails_after=1, trouble=down()), Speech(refuses=True))


async def test_text_without_a_sound_needs_no_second_voice() -> None:
    two = Speech(b"2")
    result = await spoken(Speech(), two, texts=["..."])
    assert result.lasts == [0]


async def test_nothing_to_say_is_over_at_once() -> None:
    assert (await spoken(Speech(), Speech(b"2"), texts=[])).pieces == []


async def test_the_circuit_spares_the_next_call() -> None:
    one, two = Speech(fails_after=0), Speech(b"2")
    async with open_stage() as stage:
        first = await said(stage.chain("tts", one, two))
        second = await said(stage.chain("tts", one, two))
    assert (first.audio, second.audio) == ("222222", "222222")
    assert len(one.texts) == len(TEXTS)
    assert second.times[0] == pytest.approx(0.1)


async def test_an_interrupted_reply_leaves_no_voice_behind() -> None:
    one, two = Speech(fails_after=0), Speech(b"2", fails_after=0)
    async with open_stage() as stage:
        chain = stage.chain("tts", one, two)
        async with chain.open(TELEPHONE) as session:
            with anyio.move_on_after(3.0):
                async with session.voice(0) as voice:
                    await voice.speak(SpeakText(0, 0, "One two."))
                    async for _ in voice.audio():
                        pass
            assert (one.left, two.left) == (1, 1)
