"""A voice and a recogniser for tests that need real sound: a recording is said, and what is written is understood."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import anyio
import attrs
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from dialog_core.audio import AudioFormat, AudioFrame, AudioOut
from dialog_core.messages import SpeakText
from dialog_core.protocols import SttEvent
from dialog_core.turns.events import SpeechStarted, SpeechStopped

__all__ = ["RecordedTts", "WrittenStt"]

PIECE = 1600
SEGMENTS = 64


@attrs.frozen
class RecordedTts:
    """Says a recording, whatever the first segment of a reply is; the others are silent beside it."""

    audio: bytes
    """In the line's format."""

    @asynccontextmanager
    async def open(self, _fmt: AudioFormat) -> AsyncIterator[RecordedTts]:
        yield self

    @asynccontextmanager
    async def voice(self, _reply: int) -> AsyncIterator[RecordedVoice]:
        send, receive = anyio.create_memory_object_stream[SpeakText](SEGMENTS)
        with send, receive:
            yield RecordedVoice(self.audio, send, receive)


@attrs.frozen(eq=False)
class RecordedVoice:
    """Speaks one reply."""

    recording: bytes
    _send: MemoryObjectSendStream[SpeakText]
    _receive: MemoryObjectReceiveStream[SpeakText]

    async def speak(self, segment: SpeakText) -> None:
        await self._send.send(segment)

    async def finish(self) -> None:
        self._send.close()

    async def audio(self) -> AsyncIterator[AudioOut]:
        async for segment in self._receive:
            for start in range(0, len(self.recording), PIECE):
                piece = self.recording[start : start + PIECE]
                yield AudioOut(segment.reply, segment.index, piece)
            yield AudioOut(segment.reply, segment.index, b"", last=True)


@attrs.frozen
class WrittenStt:
    """Understands what is written, each event when so much audio was heard."""

    events: Sequence[tuple[float, SttEvent]]
    """Seconds of the call, in order, and what is told then."""

    @asynccontextmanager
    async def open(self, fmt: AudioFormat) -> AsyncIterator[WrittenSession]:
        yield WrittenSession(self.events, fmt)


@attrs.define(eq=False)
class WrittenSession:
    """One call's."""

    written: Sequence[tuple[float, SttEvent]]
    fmt: AudioFormat
    _fed: float = 0.0
    _news: anyio.Event = attrs.field(factory=anyio.Event)

    def feed(self, frame: AudioFrame) -> None:
        self._fed = frame.at + self.fmt.seconds(len(frame.data))
        self._news.set()

    def note(self, event: SpeechStarted | SpeechStopped) -> None:
        pass

    async def events(self) -> AsyncIterator[SttEvent]:
        for at, event in self.written:
            while self._fed < at:
                self._news = anyio.Event()
                await self._news.wait()
            yield event
        await anyio.sleep_forever()
