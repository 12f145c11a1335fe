"""Two voices for tests of echoes: a man's and a woman's, both synthetic, through mu-law at 8 kHz."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dialog_core import g711, wav
from dialog_core.audio import Encoding
from dialog_core.cascade.ready_made import recorded

__all__ = ["agents_voice", "callers_voice", "decoded", "encoded"]

F32 = NDArray[np.float32]
LINES = Path(__file__).parents[2] / "contrib/examples/local/caller"
LEVEL = -22.0
"""Active level of both voices, in dBFS."""
AUDIBLE = -45.0
"""Level in dBFS from which a frame can be heard."""
FRAME = 160


def decoded(audio: bytes) -> F32:
    """Samples in -1..1."""
    return g711.decode_floats(audio, Encoding.MULAW)


def encoded(samples: NDArray[np.floating]) -> bytes:
    """Samples in -1..1 as mu-law."""
    loud = np.rint(np.clip(samples, -1, 1) * 32767).astype(np.int16)
    return g711.encode(loud, Encoding.MULAW)


def levelled(audio: bytes) -> bytes:
    """The same speech at LEVEL."""
    samples = decoded(audio)
    frames = samples[: samples.size // FRAME * FRAME].reshape(-1, FRAME)
    powers = np.square(frames).mean(axis=1)
    active = powers[powers > powers.max() * 1e-3].mean()
    return encoded(samples * 10 ** (LEVEL / 20) / np.sqrt(active))


@cache
def agents_voice() -> bytes:
    """25 seconds of a man."""
    files = sorted(LINES.glob("*.wav"))
    return levelled(b"".join(wav.parse(file.read_bytes()).data for file in files))


@cache
def callers_voice() -> bytes:
    """1.5 seconds of a woman, from her first audible frame on."""
    audio = levelled(recorded().audio)
    frames = range(0, len(audio), FRAME)
    first = next(
        start
        for start in frames
        if g711.level(audio[start : start + FRAME], Encoding.MULAW) > AUDIBLE
    )
    return audio[first : first + 12000]
