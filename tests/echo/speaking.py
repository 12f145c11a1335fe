"""Voices for tests of echoes: a man's and a woman's, both synthetic, through mu-law at 8 kHz."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

import anyio
import attrs
import numpy as np
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from numpy.typing import NDArray

from dialog_core import g711, wav
from dialog_core.audio import TELEPHONE, AudioFormat, AudioOut, Encoding
from dialog_core.cascade.ready_made import recorded
from dialog_core.messages import SpeakText, Utterance

__all__ = ["LEVEL", "Reader", "Reading", "agents_voice", "callers_voice", "pcm", "spoken_from"]

F64 = NDArray[np.float64]
LINES = Path(__file__).parents[2] / "contrib/examples/local/caller"
LEVEL = -22.0
"""Active level of both voices, in dBFS."""
AUDIBLE = -45.0
"""Level of a frame in dBFS from which it can be heard."""
PIECE = 1600


def pcm(samples: F64) -> bytes:
    """Samples in -1..1 as mu-law."""
    loud = np.rint(np.clip(samples, -1, 1) * 32767).astype(np.int16)
    return g711.encode(loud, Encoding.MULAW)


def levelled(audio: bytes) -> bytes:
    """The same speech at LEVEL."""
    samples = g711.decode_floats(audio, Encoding.MULAW).astype(np.float64)
    powers = np.square(samples[: samples.size // 160 * 160].reshape(-1, 160)).mean(axis=1)
    active = powers[powers > powers.max() * 1e-3].mean()
    return pcm(samples * 10 ** (LEVEL / 20) / np.sqrt(active))


@cache
def agents_voice() -> bytes:
    """25 seconds of a man."""
    files = sorted(LINES.glob("*.wav"))
    return levelled(b"".join(wav.parse(file.read_bytes()).data for file in files))


@cache
def callers_voice() -> bytes:
    """Three seconds of a woman, from her first audible frame on."""
    audio = levelled(recorded().audio)
    return audio[spoken_from(audio) * 160 :]


def spoken_from(audio: bytes) -> int:
    """Number of the first frame of 20 ms that can be heard."""
    frames = (audio[start : start + 160] for start in range(0, len(audio), 160))
    return next(n for n, frame in enumerate(frames) if g711.level(frame, Encoding.MULAW) > AUDIBLE)


@attrs.define
class Reader:
    """An agent that reads out what it is given, once."""

    text: str
    greeting: str = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.greeting = self.text

    async def reply(self, _turn: Utterance, _call: object) -> AsyncIterator[str]:
        yield "Yes."


@attrs.define(eq=False)
class Reading:
    """A voice that says the same recording whatever it is given to say."""

    audio: bytes = attrs.field(factory=agents_voice)
    fmt: AudioFormat = TELEPHONE
    _segments: list[
        tuple[MemoryObjectSendStream[SpeakText], MemoryObjectReceiveStream[SpeakText]]
    ] = attrs.field(factory=list)

    @asynccontextmanager
    async def open(self, _fmt: AudioFormat) -> AsyncIterator[Reading]:
        yield self

    @asynccontextmanager
    async def voice(self, _reply: int) -> AsyncIterator[ReadingVoice]:
        send, receive = anyio.create_memory_object_stream[SpeakText](16)
        with send, receive:
            yield ReadingVoice(self.audio, send, receive)


@attrs.define(eq=False)
class ReadingVoice:
    """One reply: each segment gets its part of the recording, by its length."""

    _audio: bytes
    _send: MemoryObjectSendStream[SpeakText]
    _receive: MemoryObjectReceiveStream[SpeakText]

    async def speak(self, segment: SpeakText) -> None:
        await self._send.send(segment)

    async def finish(self) -> None:
        self._send.close()

    async def audio(self) -> AsyncIterator[AudioOut]:
        async for segment in self._receive:
            for start in range(0, len(self._audio), PIECE):
                yield AudioOut(segment.reply, segment.index, self._audio[start : start + PIECE])
            yield AudioOut(segment.reply, segment.index, b"", last=True)
