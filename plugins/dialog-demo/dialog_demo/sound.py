"""Where a telephone track sounds: what is measured of a recording, to the sample. Tracks are mu-law at 8 kHz."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import attrs
import numpy as np

from dialog_core.audio import Encoding
from dialog_core.g711 import decode_floats, level

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F32 = NDArray[np.float32]

__all__ = [
    "RATE",
    "Span",
    "decoded",
    "envelope",
    "first_sound",
    "last_sound",
    "loudness",
    "pause_in",
    "sounds",
]

RATE = 8000
AUDIBLE = 0.01
"""Samples beyond this sound (full scale is 1): 40 dB below the loudest, far above a silent line."""
GAP_SECONDS = 0.15
"""Shorter silences belong to a word."""


@attrs.frozen
class Span:
    """From the first sample to just after the last, in seconds on the recording."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.end - self.start

    def overlaps(self, other: Span) -> bool:
        """Whether there is a moment in both."""
        return self.start < other.end and other.start < self.end


def decoded(track: bytes) -> F32:
    """The samples, -1..1; shape (samples,)."""
    return decode_floats(track, Encoding.MULAW)


def sounds(track: bytes, *, gap: float = GAP_SECONDS) -> tuple[Span, ...]:
    """The spans that sound, apart by at least `gap` seconds."""
    loud = np.flatnonzero(np.abs(decoded(track)) > AUDIBLE)
    if not loud.size:
        return ()
    breaks = np.flatnonzero(np.diff(loud) >= gap * RATE)
    starts = loud[np.concatenate(([0], breaks + 1))]
    ends = loud[np.concatenate((breaks, [loud.size - 1]))] + 1
    return tuple(
        Span(int(start) / RATE, int(end) / RATE) for start, end in zip(starts, ends, strict=True)
    )


def first_sound(track: bytes, start: float, end: float) -> float | None:
    """The first sounding sample from `start` on, before `end`; None if all is silent."""
    at = max(0, round(start * RATE))
    loud = np.flatnonzero(np.abs(decoded(track[at : round(end * RATE)])) > AUDIBLE)
    return (at + int(loud[0])) / RATE if loud.size else None


def last_sound(track: bytes, start: float, end: float) -> float | None:
    """The end of the last sounding sample before `end`, not before `start`; None if all is silent."""
    at = max(0, round(start * RATE))
    loud = np.flatnonzero(np.abs(decoded(track[at : round(end * RATE)])) > AUDIBLE)
    return (at + int(loud[-1]) + 1) / RATE if loud.size else None


def pause_in(track: bytes, shortest: float) -> Span | None:
    """The longest silence between sounds of at least `shortest` seconds; None if there is none."""
    spans = sounds(track)
    silences = [Span(a.end, b.start) for a, b in pairwise(spans)]
    longest = max(silences, key=lambda each: each.seconds, default=None)
    return longest if longest is not None and longest.seconds >= shortest else None


def loudness(track: bytes) -> float:
    """Mean level of what sounds, in dB below full scale; -100 if nothing does."""
    parts = [track[round(span.start * RATE) : round(span.end * RATE)] for span in sounds(track)]
    return level(b"".join(parts), Encoding.MULAW)


def envelope(track: bytes, columns: int) -> F32:
    """The peak of each of so many equal pieces, 0..1; shape (columns,)."""
    samples = np.abs(decoded(track))
    edges = np.linspace(0, samples.size, columns + 1).astype(int)
    peaks = [samples[a:b].max(initial=0.0) for a, b in pairwise(edges)]
    return np.array(peaks, np.float32)
