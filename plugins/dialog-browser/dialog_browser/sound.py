"""What a page sends and plays, as the line's samples and back (pure)."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from dialog_browser.protocol import PCM16, broken
from dialog_core.audio import AudioFormat
from dialog_core.resample import Resampler

__all__ = ["Codec", "Microphone", "Plain"]

FLOAT = np.dtype("<f4")
FULL_SCALE = 32_768


class Microphone:
    """Turns a page's float samples into the line's 16-bit ones, at the line's rate."""

    def __init__(self, source: int, target: int) -> None:
        """source, target: samples per second."""
        self._resampler = Resampler(source, target)

    def take(self, data: bytes) -> bytes:  # per frame
        """Line audio; runs behind by a few milliseconds. Raises: ProviderProtocolError."""
        if len(data) % FLOAT.itemsize:
            raise broken("a piece of audio is not whole 32-bit samples")
        floats = np.nan_to_num(np.frombuffer(data, FLOAT), nan=0.0, posinf=1.0, neginf=-1.0)
        scaled = np.clip(np.rint(floats * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1)
        samples = scaled.astype(np.int16)
        return self._resampler.feed(samples).astype("<i2", copy=False).tobytes()


class Codec(Protocol):
    """How speech is sent to a page. One object a call."""

    @property
    def name(self) -> str:
        """As the protocol calls it."""
        ...

    def encode(self, audio: bytes) -> list[bytes]:
        """Binary messages for line audio; a codec with frames may keep the rest for later."""
        ...

    def finish(self) -> list[bytes]:
        """What was kept, filled up with silence."""
        ...

    def forget(self) -> None:
        """Drop what was kept: the page throws away what came before."""
        ...


class Plain:
    """Samples as they are."""

    name = PCM16

    def __init__(self, fmt: AudioFormat) -> None:
        self._fmt = fmt

    def encode(self, audio: bytes) -> list[bytes]:
        return [audio] if audio else []

    def finish(self) -> list[bytes]:
        return []

    def forget(self) -> None:
        return
