"""How a fake speech-to-text vendor hears: a telephone recogniser that costs nothing.

It tells voice from silence by the bytes alone, 20 ms at a time, and finds words in voice in one of two ways::

    ear = Ear(fmt, script=("hello there", "goodbye"))
    for voiced in ear.hear(audio): ...        # `ear.words` are those heard and not yet settled

- *script*: each stretch of voice says the next phrase of a list, a word every 300 ms. For any audio; :func:`voiced`
  makes some that lasts as long as a phrase.
- *vocabulary*: audio made by :func:`spoken` carries its words; the loudest byte of a word is its number. So words can
  be followed through drops, gaps and replays.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import attrs
import numpy as np

from dialog_core.audio import TELEPHONE, AudioFormat, AudioFrame, Encoding
from dialog_core.g711 import encode

__all__ = ["WORD_SECONDS", "Ear", "HeardWord", "spoken", "voiced"]

UNIT = 0.02
"""Seconds looked at together."""
WORD_SECONDS = 0.3
"""How long a word of a script sounds."""
TONE_HERTZ = 300
TONE_LEVEL = 12000
SHORTEST_WORD = 0.06
"""Seconds of a word that are enough to recognise it."""
TINY = 1e-6
SPAN_GAP = 0.24
"""Seconds of silence that end a stretch of voice."""
LOUD_CODES = range(0x80, 0xA0)
"""The loudest mu-law bytes, numbers of a vocabulary's words."""


def quiet_bytes(encoding: Encoding) -> bytes:
    """The bytes that sound quieter than about -31 dB: of mu-law and A-law the byte, of PCM the upper half."""
    match encoding:
        case Encoding.MULAW:
            return bytes(code for code in range(256) if (~code >> 4) & 7 <= 2)  # noqa: PLR2004
        case Encoding.ALAW:
            return bytes(code for code in range(256) if ((code ^ 0x55) >> 4) & 7 <= 2)  # noqa: PLR2004
        case Encoding.PCM16:
            return bytes((*range(4), *range(252, 256)))


def voiced(text: str, fmt: AudioFormat) -> bytes:
    """Sound in which an ear with a script hears this text as one stretch: a tone, 300 ms for each word."""
    count = math.ceil(len(text.split()) * WORD_SECONDS / UNIT) * fmt.nbytes(UNIT) // fmt.width
    phase = 2 * math.pi * TONE_HERTZ / fmt.rate * (np.arange(count) + 0.5)
    return encode((TONE_LEVEL * np.sin(phase)).astype(np.int16), fmt.encoding)


def spoken(
    text: str,
    vocabulary: Sequence[str],
    *,
    at: float = 0.0,
    word: float = 0.2,
    pause: float = 0.1,
    silence: float = 0.0,
) -> Iterator[AudioFrame]:
    """Mu-law audio that an ear with this vocabulary understands, in frames of 20 ms, then some silence.

    word, pause: seconds of each word and between words. At most 32 different words.
    """
    codes = {known: bytes((code,)) for code, known in zip(LOUD_CODES, vocabulary, strict=False)}
    nbytes = TELEPHONE.nbytes
    pieces = [codes[each] * nbytes(word) + TELEPHONE.silence(pause) for each in text.split()]
    audio = b"".join(pieces) + TELEPHONE.silence(silence)
    size = nbytes(UNIT)
    for start in range(0, len(audio), size):
        yield AudioFrame(at + TELEPHONE.seconds(start), audio[start : start + size])


@attrs.define
class HeardWord:
    """A word and where it sounds, in seconds since the connection began."""

    text: str
    start: float
    end: float
    taken: bool = False
    """It was under way when words were settled: its rest is not heard a second time."""


@attrs.define
class Ear:
    """Takes audio, gives words. `words` are those not yet taken with :meth:`settle`."""

    fmt: AudioFormat
    script: Sequence[str] = ()
    vocabulary: Sequence[str] = ()
    position: float = 0.0
    """Seconds heard so far."""
    last_voice: float = 0.0
    """End of the last voice."""
    _words: list[HeardWord] = attrs.field(factory=list)
    _phrase: tuple[int, float | None] = (-1, None)
    """Number of the latest phrase, and when it began if it is under way."""
    _rest: bytes = b""

    @property
    def silent(self) -> float:
        """Seconds since the last voice."""
        return self.position - self.last_voice

    @property
    def words(self) -> tuple[HeardWord, ...]:
        """The words heard since the last :meth:`settle`."""
        return tuple(
            word
            for word in self._words
            if not word.taken and word.end - word.start >= SHORTEST_WORD - TINY
        )

    def settle(self) -> None:
        """Forget the words; one that is under way is not heard a second time."""
        under_way = self._words[-1:] if self.silent < UNIT / 2 else []
        self._words = [attrs.evolve(word, taken=True) for word in under_way]

    def forget(self) -> None:
        """Take back what was heard and not settled: its audio is dropped, and may come again."""
        if any(not word.taken for word in self._words):
            self._phrase = self._phrase[0] - 1, None
        self._words.clear()
        self._rest = b""

    def hear(self, data: bytes) -> Iterator[bool]:
        """Listen to any number of bytes; yields whether there was voice, unit for unit."""
        size = self.fmt.nbytes(UNIT)
        data = self._rest + data
        whole = len(data) - len(data) % size
        self._rest = data[whole:]
        quiet = QUIET[self.fmt.encoding]
        stride = self.fmt.width
        for start in range(0, whole, size):
            unit = data[start + stride - 1 : start + size : stride]
            loud = unit.translate(None, quiet)
            voiced = len(loud) * 4 > len(unit)
            self._listen(loud, voiced=voiced)
            yield voiced

    def _listen(self, loud: bytes, *, voiced: bool) -> None:
        start, self.position = self.position, self.position + UNIT
        if voiced:
            if self.vocabulary:
                self._spell(loud[0], start)
            else:
                self._recite(start)
            self.last_voice = self.position

    def _spell(self, code: int, start: float) -> None:
        index = code - LOUD_CODES[0]
        text = self.vocabulary[index] if 0 <= index < len(self.vocabulary) else "noise"
        self._extend(text, start)

    def _recite(self, start: float) -> None:
        number, began = self._phrase
        if began is None or start - self.last_voice > SPAN_GAP:
            number, began = self._phrase = number + 1, start
        phrase = self._words_of(number)
        if phrase:
            step = min(int((start - began) / WORD_SECONDS + TINY), len(phrase) - 1)
            self._extend(phrase[step], start)

    def finish_phrase(self) -> None:
        """Say at once what a stretch of voice was too short for; nothing where words are in the audio."""
        number, began = self._phrase
        if self.vocabulary or began is None:
            return
        said = int((self.last_voice - began - UNIT) / WORD_SECONDS + TINY) + 1
        self._phrase = number, None
        for text in self._words_of(number)[said:]:
            self._words.append(HeardWord(text, self.last_voice - SHORTEST_WORD, self.last_voice))

    def _words_of(self, number: int) -> list[str]:
        return self.script[number].split() if number < len(self.script) else []

    def _extend(self, text: str, start: float) -> None:
        last = self._words[-1] if self._words else None
        if last is not None and last.end >= start - TINY and last.text == text:
            last.end = self.position
        else:
            self._words.append(HeardWord(text, start, self.position))


QUIET = {encoding: quiet_bytes(encoding) for encoding in Encoding}
