"""Streaming conversion between sample rates, such as 8, 16 and 24 kHz.

A windowed-sinc low-pass, split into one short filter per output phase ("polyphase"): going from
`source` to `target` with their ratio reduced to up / down, output sample n lies at input position
n x down / up and is one dot product of the input around it. The filter is symmetrical and looks both
ways, so the output is aligned with the input; the price is `delay`: the stream runs behind by half a
filter, 1.5 ms when one side is 8 kHz. The result does not depend on how the stream was cut.

The filter passes up to 0.85 of the lower rate's half (3.4 kHz at 8 kHz) and rejects from 1.15 of it
on, by 60 dB: aliases can fall only between 3.4 and 4 kHz, where a telephone carries nothing.

Source: J. F. Kaiser's window formulas, as in Oppenheim and Schafer, "Discrete-Time Signal
Processing", section 7.5.3.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

if TYPE_CHECKING:
    from numpy.typing import NDArray

    I16 = NDArray[np.int16]
    F64 = NDArray[np.float64]

__all__ = ["Resampler"]

LOBES = 12
"""Samples of the lower rate on either side of the filter's middle."""
KAISER_BETA = 5.65  # 60 dB of rejection


@functools.cache
def _phases(up: int, down: int) -> tuple[F64, int]:
    """The filters, (up, taps), and how many input samples they look to either side.

    Row p makes the output that lies p / up past the sample in the middle of its taps.
    """
    slower = max(up, down)
    reach = math.ceil(LOBES * slower / up)
    offsets = np.arange(-reach, reach + 1)
    position = offsets[None, :] - np.arange(up)[:, None] / up
    cutoff = up / slower
    inside = np.clip(1 - (position * cutoff / LOBES) ** 2, 0, None)
    bank = np.sinc(position * cutoff) * np.i0(KAISER_BETA * np.sqrt(inside)) * (inside > 0)
    return bank / bank.sum(axis=1, keepdims=True), reach


class Resampler:
    """Converts one stream; feed it pieces of any length, flush it once."""

    def __init__(self, source: int, target: int) -> None:
        """source, target: samples per second."""
        common = math.gcd(source, target)
        self._up, self._down = target // common, source // common
        self._bank, self._reach = _phases(self._up, self._down)
        self._held: F64 = np.zeros(self._reach)
        self._phase = 0  # position of the next output within its input sample, in 1/up
        self.delay = 0.0 if source == target else self._reach / source
        """Seconds of input that must have come after a moment before its output comes."""

    def feed(self, samples: I16) -> I16:
        """All output that is certain by now."""
        if self._up == self._down:
            return samples
        held: F64 = np.concatenate((self._held, samples.astype(np.float64)))
        ready = held.size - 2 * self._reach  # input positions with all their neighbours
        if ready <= 0:
            self._held = held
            return np.zeros(0, np.int16)
        count = -(-(ready * self._up - self._phase) // self._down)
        ticks = self._phase + np.arange(max(count, 0)) * self._down
        output = self._convolve(held, ticks)
        following = self._phase + ticks.size * self._down
        consumed = min(following // self._up, ready)
        self._phase = following - consumed * self._up
        self._held = held[consumed:]
        return output

    def flush(self) -> I16:
        """The end of the output; the stream then starts anew."""
        if self._up == self._down:
            return np.zeros(0, np.int16)
        tail = self.feed(np.zeros(self._reach, np.int16))
        self._held, self._phase = np.zeros(self._reach), 0
        return tail

    def _convolve(self, held: F64, ticks: NDArray[np.int64]) -> I16:
        windows = sliding_window_view(held, 2 * self._reach + 1)
        output = np.empty(ticks.size)
        for first in range(min(self._up, ticks.size)):
            mine = slice(first, None, self._up)  # every up-th output has the same phase
            start, phase = divmod(int(ticks[first]), self._up)
            rows = windows[start :: self._down][: output[mine].size]
            output[mine] = rows @ self._bank[phase]
        return np.clip(np.rint(output), -32768, 32767).astype(np.int16)
