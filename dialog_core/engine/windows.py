"""Cuts line audio into the windows that a speech model wants, each with the time of its first sample.

Pure. Times are counted in bytes from the last gap, so they stay exact however the frames are cut.
"""

from __future__ import annotations

import attrs

from dialog_core import g711
from dialog_core.audio import AudioFormat, AudioFrame, Encoding
from dialog_core.resample import Resampler
from dialog_core.wav import Aligner

__all__ = ["Cutter", "RateConverter", "Window"]

JITTER = 0.02
"""Seconds by which a frame may come later than counted bytes say before it counts as a gap."""


@attrs.frozen
class Window:
    """A piece of audio as long as the model wants it."""

    at: float
    data: bytes


class Cutter:
    """Frames of any length in, windows of one length out."""

    def __init__(self, fmt: AudioFormat, samples: int) -> None:
        """samples: length of a window."""
        self.seconds = samples / fmt.rate
        """Length of a window."""
        self._size = samples * fmt.width
        self._second = 1 / fmt.bytes_per_second
        self._rest = bytearray()
        self._origin: float | None = None
        self._counted = 0  # bytes since the origin, without the rest

    def cut(self, frame: AudioFrame) -> tuple[Window, ...]:
        """The windows that this frame fills.

        After a gap in the frames' times a new window begins, and what had not filled one is dropped.
        A frame that claims to be earlier than it can be is taken to follow the one before.
        """  # per frame
        rest = self._rest
        due = self._origin
        if due is not None:
            due += (self._counted + len(rest)) * self._second
        if due is None or frame.at > due + JITTER:
            rest.clear()
            self._origin, self._counted = frame.at, 0
        rest += frame.data
        if len(rest) < self._size:
            return ()
        return self._full()

    def _full(self) -> tuple[Window, ...]:
        assert self._origin is not None
        rest, size = self._rest, self._size
        whole = len(rest) // size * size
        windows = tuple(
            Window(
                self._origin + (self._counted + start) * self._second,
                bytes(rest[start : start + size]),
            )
            for start in range(0, whole, size)
        )
        del rest[:whole]
        self._counted += whole
        return windows


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
