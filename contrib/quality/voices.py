"""Callers who are synthesised: Hibari's one voice, at several paces, and made higher or lower."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import attrs
import numpy as np
from dialog_local.synthesiser import trim
from hibari import SAMPLE_RATE, Hibari  # type: ignore[import-untyped]  # it has no stubs

from contrib.quality.recordings import narrow

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    F32 = NDArray[np.float32]

__all__ = ["Manner", "manner", "say"]


@attrs.frozen
class Manner:
    """How somebody speaks."""

    speed: float = 1.0
    pitch: float = 1.0
    """Pitch and formants times this: 0.85 is a larger person."""
    seed: int = 0


def manner(random: Generator) -> Manner:
    """A caller of chance."""
    return Manner(
        round(float(random.uniform(0.85, 1.15)), 2),
        round(float(random.uniform(0.84, 1.12)), 2),
        int(random.integers(1000)),
    )


@functools.cache
def voice() -> Hibari:
    """The model, loaded once."""
    return Hibari(voice="heart", threads=1)


@functools.lru_cache(maxsize=4096)
def say(text: str, how: Manner) -> F32:
    """The text spoken, at the telephone's rate, without silence at its ends."""
    speaker = voice()
    parts = [
        trim(speaker.from_phonemes(each, speed=how.speed / how.pitch, seed=how.seed))
        for each in speaker.phonemize(text)
    ]
    whole = np.rint(np.concatenate(parts) * 32767).astype(np.int16)
    # Played faster or slower, as a tape is: the pace was set against it above.
    rate = int(round(SAMPLE_RATE * how.pitch / 100) * 100)
    return narrow(whole, rate)
