"""The way from what we play to what we hear: found by correlation, and taken out by a short filter (pure).

An echo is our own audio again, later, softer and a little coloured. Where it came from is the lag at which what is
heard correlates best with what was played; both are pre-emphasised first, since the low harmonics of any two voices
correlate. How much of what is heard it explains is what a least-squares filter of 4 ms at that lag leaves over.

Two voices never explain each other for long, and an echo explains nearly all. What is between is doubted: the same lag
again a moment later is no accident.

Source: C. Knapp, G. Carter, "The generalized correlation method for estimation of time delay", IEEE Transactions on
Acoustics, Speech, and Signal Processing 24(4), 1976.
"""

from __future__ import annotations

import attrs
import numpy as np

from dialog_core.echo.sounds import F32

__all__ = ["TAPS", "EchoPath", "find", "refit", "ringing", "share"]

EMPHASIS = 0.9
"""First-order pre-emphasis, 0..1."""
BEFORE, AFTER = 8, 23
"""Samples by which the filter reaches to either side of the best lag."""
TAPS = BEFORE + AFTER + 1
LOUDEST = 0.5
"""Power of an echo in terms of what was played (-3 dB): what is louder is no echo, whatever it resembles."""
FAINT = 1e-3
"""Power, in terms of the loudest stretch played, below which a stretch is silence and explains nothing."""
SILENCE = 1e-9
"""Energy below which nothing was played."""
RIDGE = 1e-4
"""Regularisation of the filter, in terms of the power of what was played."""

BLOCK = 256
RINGING = np.float32(0.5) ** np.array([6, 5, 4, 3, 2, 1, 0, 0], np.float32)
DIAGONAL = np.diag_indices(TAPS)


@attrs.frozen(eq=False)
class EchoPath:
    """Where an echo comes from."""

    at: int
    """Sample of what was played that sounds at the first sample of what is heard."""
    taps: F32 = attrs.field(repr=False)
    alike: float
    """Squared correlation after pre-emphasis, 0..1."""
    share: float
    """Part of the power heard that it explains, 0..1."""
    power: float
    """Of the echo, in terms of what was played."""


def find(heard: F32, played: F32, least: float = 0.0) -> EchoPath | None:
    """The best path; None if nothing was played, or it would be less alike or louder than an echo can be.

    heard: (n,). played: (n + lags,); that heard[i] is the echo of played[i + lags] means no delay.
    least: squared correlation, 0..1, below which a path is not worth working out.
    """
    count = heard.size
    sharp, sharper = emphasised(heard), emphasised(played)
    powers = np.concatenate(([0.0], np.cumsum(np.square(sharper, dtype=np.float64))))
    powers = powers[count:] - powers[:-count]
    heard_power = float(sharp @ sharp)
    floor = FAINT * float(powers.max())
    if heard_power <= 0 or floor <= SILENCE:
        return None
    size = fast_length(played.size)
    spectrum = np.fft.rfft(sharper, size) * np.conj(np.fft.rfft(sharp, size))
    products = np.fft.irfft(spectrum, size)[: powers.size]
    alike = np.square(products) / (np.maximum(powers, floor) * heard_power)
    best = int(alike.argmax())
    if alike[best] < least:
        return None
    return refit(heard, played, best, float(alike[best]))


def refit(heard: F32, played: F32, at: int, alike: float) -> EchoPath | None:
    """The path at a lag; see :func:`find`."""
    count = heard.size
    at = min(max(at, AFTER), played.size - count - BEFORE)
    source = played[at - AFTER : at + BEFORE + count]
    rows = np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(source, TAPS))
    normal = rows.T @ rows
    power = float(normal[AFTER, AFTER])
    if power <= 0:
        return None
    normal[DIAGONAL] += RIDGE * power
    taps = np.linalg.solve(normal, heard @ rows)[::-1]
    echo = np.convolve(source, taps, "valid")
    loss = float(echo @ echo) / power
    if loss > LOUDEST:
        return None
    return EchoPath(at, taps, alike, explained(heard, echo), loss)


def share(heard: F32, played: F32, path: EchoPath, last: int) -> float:
    """Part of the power of the last so many samples heard that a known path explains, 0..1."""
    end = path.at + BEFORE + heard.size
    echo = np.convolve(played[end - last - TAPS + 1 : end], path.taps, "valid")
    return explained(heard[-last:], echo)


def ringing(played: F32, path: EchoPath, count: int) -> float:
    """Power of what was played, at the path's lag, that may still sound in a room at the end of what is heard.

    count: samples heard. The latest 64 ms count whole, what is older by half for each 32 ms.
    """
    end = path.at + count
    start = end % BLOCK
    blocks = played[start:end].reshape(-1, BLOCK)[-RINGING.size :]
    powers = np.einsum("ij,ij->i", blocks, blocks)
    return float(powers @ RINGING[-powers.size :]) / (2 * BLOCK)


def explained(heard: F32, echo: F32) -> float:
    """What part of the power the echo takes away, 0..1."""
    rest = heard - echo
    power = float(heard @ heard)
    return max(0.0, 1.0 - float(rest @ rest) / power) if power > 0 else 0.0


def emphasised(samples: F32) -> F32:
    """Without the tilt of speech."""
    sharp = samples.copy()
    sharp[1:] -= np.float32(EMPHASIS) * samples[:-1]
    return sharp


def fast_length(count: int) -> int:
    """A length, not below `count`, that is quick to transform."""
    size = 1 << (count - 1).bit_length()
    return (
        size * 5 // 8
        if size * 5 // 8 >= count
        else size * 3 // 4
        if size * 3 // 4 >= count
        else size
    )
