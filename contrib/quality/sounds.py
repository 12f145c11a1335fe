"""What is no speech: noise behind the caller, and sounds that are none of the caller's words.

No package carries recordings of coughs, laughs or doors, so these are made: bursts of filtered noise with the length,
colour and attack of what they stand for. Music and babble are recordings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from contrib.quality.recordings import RATE

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    F32 = NDArray[np.float32]

__all__ = ["BURSTS", "active_level", "babble", "burst", "levelled", "mixed", "white"]

BLOCK = RATE // 100
"""Samples of 10 ms, the unit of all levels and labels."""
LAST_KEY = 0.9
"""Seconds of typing."""
ACTIVE_DB = 30.0
"""Blocks this far below the loud ones are no part of the speech whose level is measured."""


def blocks(samples: F32) -> F32:
    """(n,) level of each 10 ms, in dB of full scale."""
    whole = samples[: samples.size // BLOCK * BLOCK].reshape(-1, BLOCK).astype(np.float64)
    found: F32 = (10 * np.log10((whole**2).mean(axis=1) + 1e-12)).astype(np.float32)
    return found


def active_level(samples: F32) -> float:
    """Level of the speech alone, in dB of full scale, pauses left out."""
    levels = blocks(samples)
    loud = levels[levels > np.percentile(levels, 95) - ACTIVE_DB]
    return float(10 * np.log10((10 ** (loud.astype(np.float64) / 10)).mean()))


def levelled(samples: F32, level: float) -> F32:
    """With its speech at that level."""
    factor = 10 ** ((level - active_level(samples)) / 20)
    found: F32 = np.clip(samples * np.float32(factor), -1, 1)
    return found


def mixed(speech: F32, noise: F32, level: float) -> F32:
    """Speech with noise of that level in dB behind it. noise: repeated as needed."""
    times = -(-speech.size // noise.size)
    behind = np.tile(noise, times)[: speech.size]
    power = float((behind.astype(np.float64) ** 2).mean()) + 1e-12
    factor = 10 ** (level / 20) / np.sqrt(power)
    return np.clip(speech + behind * np.float32(factor), -1, 1)


def white(random: Generator, seconds: float) -> F32:
    """Noise without a colour."""
    return random.standard_normal(round(seconds * RATE)).astype(np.float32) * np.float32(0.1)


def babble(voices: list[F32], random: Generator, seconds: float, talkers: int = 6) -> F32:
    """Several voices at once."""
    size = round(seconds * RATE)
    total = np.zeros(size, np.float32)
    for _ in range(talkers):
        chosen = [levelled(voices[int(each)], -25) for each in random.permutation(len(voices))]
        joined = np.concatenate(chosen)
        total += np.tile(joined, -(-size // joined.size))[:size]
    return total


# --- bursts


def shaped(random: Generator, seconds: float, low: float, high: float) -> F32:
    """Noise between two frequencies."""
    size = round(seconds * RATE)
    spectrum = np.fft.rfft(random.standard_normal(size))
    hertz = np.fft.rfftfreq(size, 1 / RATE)
    spectrum *= 1 / (1 + (low / np.maximum(hertz, 1)) ** 4) / (1 + (hertz / high) ** 4)
    return np.fft.irfft(spectrum, size).astype(np.float32)


def decaying(random: Generator, seconds: float, low: float, high: float, attack: float) -> F32:
    """A burst that rises quickly and dies away."""
    noise = shaped(random, seconds, low, high)
    at = np.arange(noise.size) / RATE
    envelope = np.minimum(at / attack, 1) * np.exp(-4 * at / seconds)
    found: F32 = (noise * envelope).astype(np.float32)
    return found


def cough(random: Generator) -> F32:
    """One to three explosive bursts with a voiced tail: 0.3 to 1.1 s (coughs last some 0.3 to 0.5 s each)."""
    parts = []
    for _ in range(int(random.integers(1, 4))):
        length = float(random.uniform(0.22, 0.38))
        part = decaying(random, length, 300, 2500, 0.01)
        at = np.arange(part.size) / RATE
        voice = np.sign(np.sin(2 * np.pi * random.uniform(140, 280) * at)) * np.exp(
            -9 * at / length
        )
        part += np.float32(0.1 * np.abs(part).max()) * voice.astype(np.float32)
        parts += [part, np.zeros(round(float(random.uniform(0.03, 0.12)) * RATE), np.float32)]
    return np.concatenate(parts)


def throat(random: Generator) -> F32:
    """A cleared throat: a rough buzz of 0.3 to 0.7 s."""
    seconds = float(random.uniform(0.3, 0.7))
    noise = shaped(random, seconds, 150, 1500)
    at = np.arange(noise.size) / RATE
    rough = 1 + np.sign(np.sin(2 * np.pi * random.uniform(45, 90) * at))
    envelope = np.sin(np.pi * np.minimum(at / seconds, 1)) ** 0.5
    found: F32 = (noise * rough * envelope).astype(np.float32)
    return found


def laugh(random: Generator) -> F32:
    """Short breathy bursts, five a second, 0.6 to 1.2 s."""
    parts = []
    for _ in range(int(random.integers(3, 6))):
        part = decaying(random, 0.12, 400, 2200, 0.02)
        at = np.arange(part.size) / RATE
        tone = np.sin(2 * np.pi * random.uniform(220, 380) * at) * np.hanning(part.size)
        part += np.float32(0.5 * np.abs(part).max()) * tone.astype(np.float32)
        parts += [part, np.zeros(round(0.08 * RATE), np.float32)]
    return np.concatenate(parts)


def door(random: Generator) -> F32:
    """A slam: low, loud at once, gone in a third of a second."""
    return decaying(random, float(random.uniform(0.2, 0.4)), 60, 500, 0.004)


def keys(random: Generator) -> F32:
    """Typing: clicks of a few milliseconds for a second."""
    total = np.zeros(RATE, np.float32)
    at = 0.0
    while at < LAST_KEY:
        click = decaying(random, 0.02, 1000, 3500, 0.001)
        start = round(at * RATE)
        total[start : start + click.size] += click[: total.size - start]
        at += float(random.uniform(0.07, 0.2))
    return total


def breath(random: Generator) -> F32:
    """Blown into the microphone: 0.4 to 0.9 s."""
    noise = shaped(random, float(random.uniform(0.4, 0.9)), 80, 1200)
    return (noise * np.hanning(noise.size)).astype(np.float32)


BURSTS = {
    "cough": cough,
    "throat": throat,
    "laugh": laugh,
    "door": door,
    "keys": keys,
    "breath": breath,
}


def burst(kind: str, random: Generator) -> F32:
    """A sound of that kind."""
    return BURSTS[kind](random)
