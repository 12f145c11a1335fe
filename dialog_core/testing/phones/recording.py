from __future__ import annotations

import io
import wave

import numpy as np

from dialog_core.audio import Encoding
from dialog_core.g711 import decode

__all__ = ["stereo_wav"]


def stereo_wav(caller: bytes, agent: bytes) -> bytes:
    """Two mu-law tracks of one length as a 16-bit WAV file: the caller left, the agent right."""
    tracks = [decode(track, Encoding.MULAW) for track in (caller, agent)]
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(2)
        writer.setsampwidth(2)
        writer.setframerate(8000)
        writer.writeframes(np.stack(tracks, axis=1).astype("<i2").tobytes())
    return file.getvalue()
