"""Speech for tests of text-to-speech: what a fake vendor says, and what a voice made of it.

A fake says a tone for every word and silence between words, in any encoding and at a known pace, so that a test can
tell from the bytes whether the right text was spoken once and whole.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Iterable

import anyio
import attrs
import numpy as np

from dialog_core.audio import AudioFormat, AudioOut
from dialog_core.g711 import encode
from dialog_core.messages import PLAIN, Manner, SpeakText, Word
from dialog_core.protocols import TtsSession

__all__ = [
    "Speech",
    "lasts",
    "pass_time",
    "say",
    "segment",
    "sound",
    "synthesise",
    "until_last",
    "words",
]

LONGEST_SECONDS = 10
TONE_HERTZ = 400
TONE_LEVEL = 8000


@attrs.frozen
class Speech:
    """Audio of a text, and when each word sounds in it, in seconds."""

    data: bytes
    words: tuple[tuple[str, float, float], ...]


@functools.cache
def tone(fmt: AudioFormat) -> bytes:
    """A long tone, to be cut to length."""
    at = np.arange(LONGEST_SECONDS * fmt.rate) / fmt.rate
    samples = (TONE_LEVEL * np.sin(2 * np.pi * TONE_HERTZ * at)).astype(np.int16)
    return encode(samples, fmt.encoding)


def synthesise(text: str, fmt: AudioFormat, seconds_per_character: float) -> Speech:
    """Speak a text: each character of a word is as long as another, and so is each space."""
    voiced, at = tone(fmt), 0.0
    pieces: list[bytes] = []
    spoken: list[tuple[str, float, float]] = []
    for word in text.split():
        end = at + min(len(word) * seconds_per_character, LONGEST_SECONDS)
        spoken.append((word, at, end))
        pieces += (voiced[: fmt.nbytes(end - at)], fmt.silence(seconds_per_character))
        at = end + seconds_per_character
    return Speech(b"".join(pieces), tuple(spoken))


# --- a voice at work -------------------------------------------------------------------------------------------------


def segment(index: int, text: str, reply: int = 1, *, manner: Manner = PLAIN) -> SpeakText:
    """A segment of a reply."""
    return SpeakText(reply, index, text, manner=manner)


async def say(session: TtsSession, *texts: str | SpeakText, reply: int = 1) -> list[AudioOut]:
    """Speak a whole reply; returns all its pieces."""
    async with session.voice(reply) as voice:
        for index, text in enumerate(texts):
            whole = segment(index, text, reply) if isinstance(text, str) else text
            await voice.speak(whole)
        await voice.finish()
        return [piece async for piece in voice.audio()]


async def until_last(pieces: list[AudioOut], stream: AsyncIterator[AudioOut]) -> None:
    """Take pieces until a segment ends."""
    async for piece in stream:
        pieces.append(piece)
        if piece.last:
            return


async def pass_time(seconds: float) -> None:
    """Let virtual time pass."""
    with anyio.move_on_after(seconds):
        await anyio.sleep_forever()


def sound(pieces: Iterable[AudioOut], index: int | None = None) -> bytes:
    """The audio, of one segment or of all."""
    return b"".join(each.data for each in pieces if index is None or each.index == index)


def lasts(pieces: Iterable[AudioOut]) -> list[int]:
    """Indices of the last pieces."""
    return [each.index for each in pieces if each.last]


def words(pieces: Iterable[AudioOut]) -> list[Word]:
    """All word times."""
    return [word for each in pieces for word in each.words]
