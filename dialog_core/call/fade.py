"""Fading audio out, in the line's own encoding."""

from __future__ import annotations

import numpy as np

from dialog_core import g711
from dialog_core.audio import AudioFormat, Encoding

__all__ = ["fade_out"]


def fade_out(audio: bytes, fmt: AudioFormat) -> bytes:
    """The same audio, falling to silence over its whole length."""
    pcm = fmt.encoding is Encoding.PCM16
    samples = np.frombuffer(audio, np.int16) if pcm else g711.decode(audio, fmt.encoding)
    faded = (samples * np.linspace(1.0, 0.0, len(samples), dtype=np.float32)).astype(np.int16)
    return faded.tobytes() if pcm else g711.encode(faded, fmt.encoding)
