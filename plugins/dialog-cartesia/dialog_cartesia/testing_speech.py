"""What the fake says: a tone for every word, silence between words, in any encoding, at a known pace."""

from __future__ import annotations

import functools

import attrs
import numpy as np

from dialog_core.audio import AudioFormat, Encoding
from dialog_core.g711 import encode

__all__ = ["ENCODINGS", "Speech", "synthesise"]

ENCODINGS = {
    "pcm_mulaw": Encoding.MULAW,
    "pcm_alaw": Encoding.ALAW,
    "pcm_s16le": Encoding.PCM16,
}
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
    sound, at = tone(fmt), 0.0
    pieces: list[bytes] = []
    words: list[tuple[str, float, float]] = []
    for word in text.split():
        end = at + min(len(word) * seconds_per_character, LONGEST_SECONDS)
        words.append((word, at, end))
        pieces += (sound[: fmt.nbytes(end - at)], fmt.silence(seconds_per_character))
        at = end + seconds_per_character
    return Speech(b"".join(pieces), tuple(words))
