"""A listener's side of a voice: a reply spoken, and what came of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

import anyio
import attrs
import numpy as np

from dialog_core.audio import AudioFormat, AudioOut
from dialog_core.errors import ProviderError
from dialog_core.g711 import decode_floats
from dialog_core.messages import SpeakText, Word
from dialog_core.protocols import TtsSession, Voice

__all__ = ["Reply", "replying", "sounds_like_speech", "speak"]

LOW_HERTZ = 1500
"""Speech, and the tones that stand for it, have most of their energy below this; wrongly decoded audio has not."""
LOW_SHARE = 0.6
QUIETEST, LOUDEST = 0.005, 0.9
"""Root mean square of the loudest second, full scale being 1."""


@attrs.define(eq=False)
class Reply:
    """One reply while it is spoken."""

    voice: Voice
    number: int
    fmt: AudioFormat
    pieces: list[AudioOut] = attrs.field(factory=list)
    error: ProviderError | None = None
    """Why the audio ended."""
    over: anyio.Event = attrs.field(factory=anyio.Event)
    _news: anyio.Event = attrs.field(factory=anyio.Event)

    async def say(self, text: str, index: int = 0) -> None:
        """Hand over a segment. Raises: ProviderError."""
        await self.voice.speak(SpeakText(self.number, index, text))

    async def listen(self) -> None:
        """Take all audio."""
        try:
            async for piece in self.voice.audio():
                self.pieces.append(piece)
                news, self._news = self._news, anyio.Event()
                news.set()
        except ProviderError as error:
            self.error = error
        self.over.set()
        self._news.set()

    async def sounds(self) -> bool:
        """Wait for the first audio; False if there was an end without any."""
        while not self.data and not self.over.is_set():
            await self._news.wait()
        return bool(self.data)

    async def ends(self, index: int) -> bool:
        """Wait for a segment's last piece; False if the audio ended without."""
        while index not in self.lasts and not self.over.is_set():
            await self._news.wait()
        return index in self.lasts

    @property
    def data(self) -> bytes:
        """All audio."""
        return self.of(None)

    def of(self, index: int | None) -> bytes:
        """The audio of one segment, or of all."""
        return b"".join(p.data for p in self.pieces if index is None or p.index == index)

    @property
    def seconds(self) -> float:
        """How long all audio is."""
        return self.fmt.seconds(len(self.data))

    @property
    def lasts(self) -> list[int]:
        """Indices of the last pieces, in the order they came."""
        return [piece.index for piece in self.pieces if piece.last]

    @property
    def words(self) -> list[Word]:
        """All word times."""
        return [word for piece in self.pieces for word in piece.words]


@asynccontextmanager
async def replying(session: TtsSession, fmt: AudioFormat, number: int = 1) -> AsyncIterator[Reply]:
    """A reply whose audio is taken as it comes."""
    async with session.voice(number) as voice, anyio.create_task_group() as tasks:
        reply = Reply(voice, number, fmt)
        tasks.start_soon(reply.listen)
        yield reply
        tasks.cancel_scope.cancel()


async def speak(
    session: TtsSession, fmt: AudioFormat, texts: Sequence[str], number: int = 1
) -> Reply:
    """Speak a whole reply; returns when its audio is over. An error is in the result, wherever it was raised."""
    async with replying(session, fmt, number) as reply:
        try:
            for index, text in enumerate(texts):
                await reply.say(text, index)
            await reply.voice.finish()
        except ProviderError as error:
            reply.error = reply.error or error
            return reply
        await reply.over.wait()
    return reply


def sounds_like_speech(data: bytes, fmt: AudioFormat) -> bool:
    """Whether bytes are speech or a tone when they are read in this format: of the right loudness, and no noise."""
    if not data or len(data) % fmt.width:
        return False
    samples = decode_floats(data, fmt.encoding)
    level = max(loudness(samples, fmt.rate))
    power = np.abs(np.fft.rfft(samples)) ** 2
    hertz = np.fft.rfftfreq(samples.size, 1 / fmt.rate)
    share = float(power[hertz < LOW_HERTZ].sum() / power.sum()) if power.sum() else 0.0
    return QUIETEST <= level <= LOUDEST and share >= LOW_SHARE


def loudness(
    samples: np.ndarray[tuple[int, ...], np.dtype[np.float32]], rate: int
) -> Iterable[float]:
    """Root mean square of each second."""
    return [
        float(np.sqrt(np.mean(np.square(samples[start : start + rate]))))
        for start in range(0, samples.size, rate)
    ]
