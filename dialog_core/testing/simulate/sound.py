"""Audio that tells which word it is, at a thousand samples a second.

A word is a number, and its samples are that number and its complement in turn. So any two samples that follow each
other tell whether they are of a word, and of which, however the audio was cut; what was faded is of none.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import attrs
import numpy as np

from dialog_core.audio import AudioFormat, Encoding
from dialog_core.testing.line import Played

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FORMAT", "Heard", "WordSound", "heard_in"]

FORMAT = AudioFormat(Encoding.PCM16, 1000)
"""A sample is a millisecond."""
MASK = 0x5A5A
LIMIT = 0x4000
"""Below it the mask sets a bit that no number has: the smaller of two samples is the number."""
GAP = 0.0015
"""Seconds; shorter ones are rounding."""


@attrs.define
class WordSound:
    """Makes the audio of words, and remembers what each is."""

    words: list[tuple[int, int, str]] = attrs.field(factory=list)
    """Reply, segment and text of each word; the first is number 1."""
    seconds: list[float] = attrs.field(factory=list)
    """How long each lasts."""

    def make(self, reply: int, index: int, word: str, seconds: float) -> bytes:
        """The audio of the next word."""
        self.words.append((reply, index, word))
        self.seconds.append(seconds)
        number = len(self.words)
        assert number < LIMIT
        length = FORMAT.nbytes(seconds)
        pair = number.to_bytes(2, "little") + (number ^ MASK).to_bytes(2, "little")
        return (pair * (length // 4 + 1))[:length]


@attrs.frozen
class Heard:
    """A sound at the caller's ear."""

    start: float
    end: float
    number: int
    """Of the word, from 1; 0 for sound that is of no word."""


def heard_in(played: Iterable[Played]) -> list[Heard]:
    """What sounded, in order; a word that was broken off and said again is there twice."""
    heard: list[Heard] = []
    for start, sound in stretches(played):
        numbers = numbers_of(np.frombuffer(sound, "<u2"))
        edges = (np.flatnonzero(np.diff(numbers)) + 1).tolist()
        for begin, end in zip([0, *edges], [*edges, len(numbers)], strict=True):
            heard.append(Heard(start + begin / 1000, start + end / 1000, int(numbers[begin])))
    return heard


def stretches(played: Iterable[Played]) -> list[tuple[float, bytearray]]:
    """The pieces, joined where no silence lies between them."""
    joined: list[tuple[float, bytearray]] = []
    for piece in played:
        ends = joined[-1][0] + FORMAT.seconds(len(joined[-1][1])) if joined else -1.0
        if abs(ends - piece.start) < GAP:
            joined[-1][1].extend(piece.audio)
        elif piece.audio:
            joined.append((piece.start, bytearray(piece.audio)))
    return joined


def numbers_of(samples: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """The word of each sample."""
    pairs = (samples[:-1] ^ samples[1:]) == MASK
    found = np.zeros(len(samples), np.uint16)
    smaller = np.minimum(samples[:-1], samples[1:])
    found[1:][pairs] = smaller[pairs]
    found[:-1][pairs] = smaller[pairs]
    return found
