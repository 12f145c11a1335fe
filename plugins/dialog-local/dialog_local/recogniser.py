"""The process's one Moonshine, and what of its output may be believed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import attrs
import numpy as np
from anyio import to_thread

from dialog_core import g711
from dialog_core.audio import AudioFormat
from dialog_core.resample import Resampler
from dialog_local.desk import Desk
from dialog_local.moonshine import RATE, Heard, Moonshine

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F32 = NDArray[np.float32]

__all__ = ["Recogniser", "believable", "open_recogniser", "spread"]

PHANTOMS = frozenset({"you", "thank you for watching", "thanks for watching"})
"""What the model says when there is nothing to hear; its probability does not always give it away."""
STEADY_DB = 8.0
"""Sound whose level varies less is no speech: noise 1 dB, hum 0, rumble 6, phrases on the telephone 20 and more."""
BLOCK_SECONDS = 0.03
INAUDIBLE = 1e-7
MUSIC = "\u266a\u266b "


class Model(Protocol):
    """What the recogniser needs of a model."""

    def transcribe(self, samples: F32) -> Heard:
        """The words of a phrase. samples: (n,) in -1..1 at 16 kHz."""
        ...


@attrs.frozen
class Recogniser:
    """A loaded model and the desk before it."""

    model: Model
    desk: Desk

    async def recognise(
        self, audio: Callable[[], bytes | None], fmt: AudioFormat, *, floor: float, urgent: bool
    ) -> Heard | None:
        """What was said, with empty text for what is no speech; None if `audio` gives None when its turn has come."""

        def prepare() -> Callable[[], Heard] | None:
            data = audio()
            return None if data is None else lambda: self.transcribe(data, fmt, floor=floor)

        return await self.desk.do(prepare, urgent=urgent)

    def transcribe(self, data: bytes, fmt: AudioFormat, *, floor: float) -> Heard:
        """Recognise line audio, in this thread."""
        samples = to_model(data, fmt)
        if spread(samples) < STEADY_DB:
            return Heard("", 0.0)
        return believable(self.model.transcribe(samples), floor=floor)


def to_model(data: bytes, fmt: AudioFormat) -> F32:
    """Line audio as the model wants it: 16 kHz, -1..1."""
    resampler = Resampler(fmt.rate, RATE)
    samples = resampler.feed(g711.decode(data, fmt.encoding))
    joined = np.concatenate((samples, resampler.flush()))
    return joined.astype(np.float32) / np.float32(32768)


def spread(samples: F32) -> float:
    """How much the level varies, in dB: from the softest tenth to the loudest twentieth. samples: at 16 kHz."""
    size = round(BLOCK_SECONDS * RATE)
    blocks = samples[: samples.size // size * size].reshape(-1, size)
    if not len(blocks):
        return 0.0
    levels = 10 * np.log10((blocks**2).mean(axis=1) + INAUDIBLE)
    low, high = np.percentile(levels, (10, 95))
    return float(high - low)


def believable(heard: Heard, *, floor: float) -> Heard:
    """The same, or without text if it is what the model invents for noise."""
    text = heard.text.strip(MUSIC)
    spoken = any(character.isalnum() for character in text)
    if not spoken or heard.log_probability < floor or text.strip(".!? ").lower() in PHANTOMS:
        return Heard("", heard.log_probability)
    return attrs.evolve(heard, text=text)


@asynccontextmanager
async def open_recogniser(folder: Path, *, threads: int) -> AsyncIterator[Recogniser]:
    """Load the model and run it once, so that the first caller does not pay for it."""

    def load() -> Moonshine:
        model = Moonshine(folder, threads=threads)
        model.transcribe(np.zeros(RATE, np.float32))
        return model

    yield Recogniser(await to_thread.run_sync(load), Desk())
