"""A telephone that returns what it plays: the echo of a loudspeaker, or of a hybrid somewhere in the network."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np

from dialog_core import g711
from dialog_core.audio import AudioFormat

__all__ = ["Loopback", "Played"]


@attrs.frozen
class Played:
    """Audio that the caller heard, from `start`, in seconds since the call began."""

    start: float
    audio: bytes


@attrs.define
class Loopback:
    """Returns what was played, later and softer, through the line's codec."""

    delay: float
    """Seconds from the loudspeaker to the line."""
    decibels: float
    """Level of what returns, in terms of what was played; negative."""
    noise: float | None = -65.0
    """Level of the line's white noise in dBFS; None for none."""
    _random: np.random.Generator = attrs.field(factory=lambda: np.random.default_rng(1))

    def add_to(self, frame: bytes, at: float, fmt: AudioFormat, played: Sequence[Played]) -> bytes:
        """The caller's frame of a time, with what returns in it. played: in order, what was cut left out."""
        mixed = g711.decode(frame, fmt.encoding).astype(np.float64)
        first, gain = round((at - self.delay) * fmt.rate), 10 ** (self.decibels / 20)
        for piece in reversed(played):
            begin = round(piece.start * fmt.rate) - first
            length = len(piece.audio) // fmt.width
            if begin + length <= 0:
                break
            low, high = max(begin, 0), min(begin + length, mixed.size)
            if low < high:
                audio = piece.audio[(low - begin) * fmt.width : (high - begin) * fmt.width]
                mixed[low:high] += gain * g711.decode(audio, fmt.encoding)
        if self.noise is not None:
            mixed += 32768 * 10 ** (self.noise / 20) * self._random.standard_normal(mixed.size)
        return g711.encode(np.rint(np.clip(mixed, -32768, 32767)).astype(np.int16), fmt.encoding)
