"""What was played and what is heard, kept as bytes on the call's clock until somebody compares them (pure).

What is handed to the line sounds when all before it has sounded; by how much the carrier, its buffer and the network
are later than that is part of an echo's lag. Nothing is decoded before it is asked for.
"""

from __future__ import annotations

from collections import deque

import attrs
import numpy as np
from numpy.typing import NDArray

from dialog_core import g711
from dialog_core.audio import AudioFormat, AudioFrame

F32 = NDArray[np.float32]

__all__ = ["F32", "RATE", "Heard", "Played"]

RATE = 8000
"""Samples a second at which both are compared; lines with a multiple of it are averaged down."""
FRAMES = 64
"""Frames of the caller that are kept: 1.3 s of the usual 20 ms."""
JITTER = 0.02
"""Seconds by which frames may be apart and still follow each other."""


@attrs.define
class Played:
    """What the line was given to play."""

    fmt: AudioFormat
    keep: float
    """Seconds for which it is wanted after it has sounded."""
    ends: float = 0.0
    """When all of it will have sounded."""
    _pieces: deque[tuple[float, bytes]] = attrs.field(factory=deque)

    def add(self, audio: bytes, now: float) -> None:
        """The line was given audio; it is kept, not copied."""
        pieces, start = self._pieces, max(now, self.ends)
        while pieces and pieces[0][0] + self.fmt.seconds(len(pieces[0][1])) < now - self.keep:
            pieces.popleft()
        pieces.append((start, audio))
        self.ends = start + self.fmt.seconds(len(audio))

    def cut(self, now: float) -> None:
        """The line throws away what has not sounded."""
        pieces = self._pieces
        while pieces and pieces[-1][0] >= now:
            pieces.pop()
        if pieces:
            start, audio = pieces[-1]
            pieces[-1] = start, audio[: self.fmt.nbytes(now - start)]
        self.ends = min(self.ends, now)

    def samples(self, start: float, count: int) -> F32:
        """So many samples at RATE from a time on; zeros where nothing was played."""
        fmt, step = self.fmt, self.fmt.rate // RATE
        first, length = round(start * fmt.rate), count * step
        found = np.zeros(length, np.float32)
        for at, audio in self._pieces:
            begin = round(at * fmt.rate) - first
            low, high = max(begin, 0), min(begin + len(audio) // fmt.width, length)
            if low < high:
                part = audio[(low - begin) * fmt.width : (high - begin) * fmt.width]
                found[low:high] = g711.decode_floats(part, fmt.encoding)
        return averaged(found, step)


@attrs.define
class Heard:
    """The caller's latest frames."""

    fmt: AudioFormat
    frames: deque[AudioFrame] = attrs.field(factory=lambda: deque[AudioFrame](maxlen=FRAMES))
    """Appended to for each frame; the oldest make room."""

    def samples(self, end: float, count: int) -> F32 | None:
        """So many samples at RATE up to a time; None if not so many are left, or not in one piece."""
        fmt = self.fmt
        step, pieces, missing = fmt.rate // RATE, list[bytes](), 0
        due = None
        for frame in reversed(self.frames):
            ends = frame.at + fmt.seconds(len(frame.data))
            if due is None:
                missing = (count * step + max(0, round((ends - end) * fmt.rate))) * fmt.width
                spare = missing - count * step * fmt.width
            elif abs(due - ends) > JITTER:
                return None
            pieces.append(frame.data)
            missing -= len(frame.data)
            due = frame.at
            if missing <= 0:
                whole = b"".join(reversed(pieces))
                audio = whole[-missing : len(whole) - spare]
                return averaged(g711.decode_floats(audio, fmt.encoding), step)
        return None


def averaged(samples: F32, step: int) -> F32:
    """One sample of each `step`, their mean."""
    if step == 1:
        return samples
    mean: F32 = samples.reshape(-1, step).mean(axis=1, dtype=np.float32)
    return mean
