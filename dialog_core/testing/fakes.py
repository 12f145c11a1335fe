"""Providers for tests: deterministic, on virtual time, with faults on demand."""

from __future__ import annotations

import re
import struct
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager

import anyio
import attrs
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from dialog_core.audio import AudioFormat, AudioFrame, AudioOut
from dialog_core.errors import ProviderError
from dialog_core.messages import Prompt, SpeakText, TextDelta, ToolCall, Transcript, Usage, Word
from dialog_core.protocols import SttEvent
from dialog_core.testing.line import FakeLine, Played, Spoken
from dialog_core.turns.events import SpeechStarted, SpeechStopped

__all__ = ["FakeLlm", "FakeStt", "FakeTts", "heard_words"]

WORD = struct.Struct(">BHHB")
"""Number of the reply and of the word in it, between a head and a tail: the audio of a word tells which it is."""
NUMBERS = struct.Struct(">HH")
HEAD, TAIL = 0xA5, 0x5A
WHOLE_WORD = re.compile(b"%c(.{4})%c" % (HEAD, TAIL), re.DOTALL)


# --- speech to text


@attrs.define(eq=False)
class FakeStt:
    """Recognises what the caller of a :class:`FakeLine` says: interim words while they speak, a final text after."""

    line: FakeLine
    latency: float = 0.1
    """Seconds from the end of the speech to the final text."""
    interims: bool = True
    fails_at: float | None = None
    """Seconds of the call after which it fails for good."""
    error: ProviderError | None = None

    @asynccontextmanager
    async def open(self, fmt: AudioFormat) -> AsyncIterator[FakeSttSession]:
        yield FakeSttSession(self, fmt)


@attrs.define(eq=False)
class FakeSttSession:
    """One call's recognition."""

    stt: FakeStt
    fmt: AudioFormat
    _fed: float = 0.0
    _news: anyio.Event = attrs.field(factory=anyio.Event)

    def feed(self, frame: AudioFrame) -> None:
        self._fed = frame.at + self.fmt.seconds(len(frame.data))
        self._news.set()

    def note(self, event: SpeechStarted | SpeechStopped) -> None:
        pass

    async def events(self) -> AsyncIterator[SttEvent]:
        done, guessed = 0, ""
        while True:
            if self.stt.fails_at is not None and self._fed >= self.stt.fails_at:
                raise self.stt.error or ProviderError("fake", "failed", stage="stt")
            spoken = self.stt.line.spoken
            current = spoken[done] if done < len(spoken) else None
            if current is not None and self._fed >= current.end + self.stt.latency:
                done, guessed = done + 1, ""
                yield self._final(current)
                continue
            guess = self._guess(current) if current is not None and self.stt.interims else ""
            if current is not None and guess != guessed:
                guessed = guess
                yield Transcript(self._fed, guess, final=False, started=current.start)
            self._news = anyio.Event()
            await self._news.wait()

    def _guess(self, piece: Spoken) -> str:
        words = piece.text.split()
        part = (self._fed - self.stt.latency - piece.start) / max(piece.end - piece.start, 1e-6)
        return " ".join(words[: int(part * len(words))]) if part > 0 else ""

    def _final(self, piece: Spoken) -> Transcript:
        words = piece.text.split()
        each = (piece.end - piece.start) / max(len(words), 1)
        timed = tuple(
            Word(word, piece.start + number * each, piece.start + (number + 1) * each)
            for number, word in enumerate(words)
        )
        return Transcript(piece.end, piece.text, final=True, started=piece.start, words=timed)


# --- text to speech


@attrs.define(eq=False)
class FakeTts:
    """Speaks every character in the same time, as audio that :func:`heard_words` reads back."""

    seconds_per_character: float = 0.06
    latency: float = 0.1
    """Seconds to the first audio of a segment."""
    word_times: bool = True
    fails_on: str | None = None
    """Fails at a segment that contains this text."""
    error: ProviderError | None = None
    cancelled: int = 0
    """Voices that were left before they had finished."""
    spoken: list[SpeakText] = attrs.field(factory=list)
    sizes: dict[tuple[int, int], int] = attrs.field(factory=dict)
    """Bytes of audio of each word, by reply and number from 1."""

    @asynccontextmanager
    async def open(self, fmt: AudioFormat) -> AsyncIterator[FakeTtsSession]:
        yield FakeTtsSession(self, fmt)


@attrs.define(eq=False)
class FakeTtsSession:
    """One call's synthesis."""

    tts: FakeTts
    fmt: AudioFormat

    @asynccontextmanager
    async def voice(self, reply: int) -> AsyncIterator[FakeVoice]:
        send, receive = anyio.create_memory_object_stream[SpeakText](16)
        voice = FakeVoice(self, reply, send, receive)
        with send, receive:
            try:
                yield voice
            finally:
                self.tts.cancelled += not voice.finished


@attrs.define(eq=False)
class FakeVoice:
    """Speaks one reply."""

    session: FakeTtsSession
    reply: int
    _send: MemoryObjectSendStream[SpeakText]
    _receive: MemoryObjectReceiveStream[SpeakText]
    finished: bool = False
    _words: int = 0
    _seconds: float = 0.0

    async def speak(self, segment: SpeakText) -> None:
        self.session.tts.spoken.append(segment)
        await self._send.send(segment)

    async def finish(self) -> None:
        self._send.close()

    async def audio(self) -> AsyncIterator[AudioOut]:
        tts = self.session.tts
        async for segment in self._receive:
            await anyio.sleep(tts.latency)
            if tts.fails_on is not None and tts.fails_on in segment.text:
                raise tts.error or ProviderError("fake", "failed", stage="tts")
            for word in segment.text.split():
                yield self._say(segment, word)
            yield AudioOut(segment.reply, segment.index, b"", last=True)
        self.finished = True

    def _say(self, segment: SpeakText, word: str) -> AudioOut:
        tts, fmt = self.session.tts, self.session.fmt
        self._words += 1
        nbytes = fmt.nbytes((len(word) + 1) * tts.seconds_per_character)
        tts.sizes[self.reply, self._words] = nbytes
        data = (WORD.pack(HEAD, self.reply, self._words, TAIL) * (nbytes // WORD.size + 1))[:nbytes]
        start, self._seconds = self._seconds, self._seconds + fmt.seconds(nbytes)
        timed = (Word(word, start, self._seconds),) if tts.word_times else ()
        return AudioOut(segment.reply, segment.index, data, timed)


def heard_words(played: Iterable[Played], tts: FakeTts) -> dict[int, float]:
    """How many words of each reply of a :class:`FakeTts` were heard; the last may count in part."""
    found = Counter(WHOLE_WORD.findall(b"".join(piece.audio for piece in played)))
    heard: dict[int, float] = {}
    for numbers, count in found.items():
        reply, word = NUMBERS.unpack(numbers)
        whole = tts.sizes.get((reply, word))
        if whole is not None:
            heard[reply] = heard.get(reply, 0.0) + min(1.0, count * WORD.size / whole)
    return heard


# --- language model


Answer = str | Sequence[TextDelta | ToolCall | Usage]


@attrs.define(eq=False)
class FakeLlm:
    """Answers prompts as told, token by token."""

    answer: Callable[[Prompt], Answer]
    first: float = 0.2
    """Seconds to the first token."""
    between: float = 0.02
    error: ProviderError | None = None
    """Raised instead of an answer."""
    prompts: list[Prompt] = attrs.field(factory=list)
    cancelled: int = 0
    """Answers that were left before their end."""

    @asynccontextmanager
    async def generate(
        self, prompt: Prompt
    ) -> AsyncIterator[AsyncIterator[TextDelta | ToolCall | Usage]]:
        self.prompts.append(prompt)
        if self.error is not None:
            raise self.error
        finished: list[bool] = []
        try:
            async with aclosing(self._stream(prompt, finished)) as answer:
                yield answer
        finally:
            self.cancelled += not finished

    async def _stream(
        self, prompt: Prompt, finished: list[bool]
    ) -> AsyncGenerator[TextDelta | ToolCall | Usage]:
        answer = self.answer(prompt)
        items: Sequence[TextDelta | ToolCall | Usage]
        if isinstance(answer, str):
            words = answer.split(" ")
            items = [TextDelta(f"{' ' if n else ''}{word}") for n, word in enumerate(words)]
        else:
            items = answer
        await anyio.sleep(self.first)
        for item in items:
            yield item
            await anyio.sleep(self.between)
        finished.append(True)
