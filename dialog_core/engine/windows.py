"""Cuts line audio into the windows that a speech model wants, each with the time of its first sample.

Pure. Times are counted in bytes from the last gap, so they stay exact however the frames are cut.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from dialog_core import g711
from dialog_core.audio import AudioFormat, AudioFrame, Encoding
from dialog_core.resample import Resampler
from dialog_core.wav import Aligner

__all__ = ["Cutter", "RateConverter", "Window"]

JITTER = 0.02
"""Seconds by which a frame may come later than counted bytes say before it counts as a gap."""


class Window(NamedTuple):
    """A piece of audio as long as the model wants it; a tuple, since one is made thirty times a second and call."""

    at: float
    data: bytes


class Cutter:
    """Frames of any length in, windows of one length out."""

    __slots__ = ("_counted", "_late", "_origin", "_rest", "_second", "_size", "seconds")

    def __init__(self, fmt: AudioFormat, samples: int) -> None:
        """samples: length of a window."""
        self.seconds = samples / fmt.rate
        """Length of a window."""
        self._size = samples * fmt.width
        self._second = 1 / fmt.bytes_per_second
        self._rest = b""
        """Shorter than a window; as bytes, since small ones are cheaper than what can grow."""
        self._origin = 0.0
        self._counted = 0
        """Bytes since the origin, without the rest."""
        self._late = -math.inf
        """A frame that comes after this time comes after a gap."""

    def cut(self, frame: AudioFrame) -> tuple[Window, ...]:
        """The windows that this frame fills.

        After a gap in the frames' times a new window begins, and what had not filled one is dropped.
        A frame that claims to be earlier than it can be is taken to follow the one before.
        """  # per frame
        rest = self._rest
        if frame.at > self._late:
            rest = b""
            self._origin = frame.at
            self._counted = 0
        rest += frame.data
        length, counted, size = len(rest), self._counted, self._size
        self._late = self._origin + (counted + length) * self._second + JITTER
        if length < size:
            self._rest = rest
            return ()
        window = Window(self._origin + counted * self._second, rest[:size])
        self._rest = rest[size:]
        self._counted = counted + size
        return (window,) if length - size < size else (window, *self._more())

    def _more(self) -> Iterator[Window]:
        """The windows of a frame that is longer than one."""
        rest, size = self._rest, self._size
        over = len(rest) // size * size
        for start in range(0, over, size):
            yield Window(self._origin + self._counted * self._second, rest[start : start + size])
            self._counted += size
        self._rest = rest[over:]


class RateConverter:
    """Brings one line's frames, whose rate is not the model's, to PCM16 at the model's rate."""

    def __init__(self, fmt: AudioFormat, rate: int) -> None:
        """fmt: the line's. rate: the model's."""
        self._fmt = fmt
        self._rate = rate
        self._begin()

    def _begin(self) -> None:
        self._resampler = Resampler(self._fmt.rate, self._rate)
        self._aligner = Aligner(self._fmt.width)
        self._due: float | None = None
        self._at = 0.0

    def convert(self, frame: AudioFrame) -> AudioFrame:
        """What this frame adds to the converted stream; its time is that of its own samples."""
        if self._due is None or frame.at > self._due + JITTER:
            self._begin()
            self._due = self._at = frame.at
        self._due += self._fmt.seconds(len(frame.data))
        samples = g711.decode(self._aligner.feed(frame.data), self._fmt.encoding)
        converted = self._resampler.feed(samples)
        at = self._at
        self._at += converted.size / self._rate
        return AudioFrame(at, g711.encode(converted, Encoding.PCM16))
