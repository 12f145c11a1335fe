"""The process's one Hibari voice, and how its output becomes line audio: trimmed, levelled, at the line's rate.

Hibari begins each sentence with 0.3 s of silence and ends it with half a second. Cutting that is worth more to a caller
than any faster model; the rhythm between sentences is put back by the `pause` setting.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import numpy as np
from anyio import to_thread
from hibari import SAMPLE_RATE, Hibari  # type: ignore[import-untyped]  # it has no stubs

from dialog_core import g711
from dialog_core.audio import AudioFormat
from dialog_core.errors import SettingsError, SettingsProblem
from dialog_core.resample import Resampler
from dialog_local.desk import Desk
from dialog_local.settings import TtsSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F32 = NDArray[np.float32]

__all__ = ["Synthesiser", "level", "open_synthesiser", "to_line", "trim", "voice_file"]

INSTALLED = "heart"
AUDIBLE = 0.004
"""A sample louder than this, of 1, is sound."""
LEAD_SECONDS = 0.04
"""Silence kept before the first sound, so that no consonant is clipped, and below after the last."""
TAIL_SECONDS = 0.1
LOUDEST = 0.95


@attrs.frozen
class Synthesiser:
    """A loaded voice and the desk before it."""

    voice: Hibari
    desk: Desk

    async def sentences(self, text: str, *, urgent: bool) -> tuple[str, ...]:
        """The phonemes of each sentence; none if there is nothing to pronounce."""

        def prepare() -> Callable[[], tuple[str, ...]]:
            return lambda: self.pronounce(text)

        return await self.desk.do(prepare, urgent=urgent) or ()

    async def say(
        self, phonemes: str, settings: TtsSettings, fmt: AudioFormat, *, urgent: bool
    ) -> bytes:
        """Line audio of a sentence."""

        def prepare() -> Callable[[], bytes]:
            return lambda: self.synthesise(phonemes, settings, fmt)

        return await self.desk.do(prepare, urgent=urgent) or b""

    def pronounce(self, text: str) -> tuple[str, ...]:
        """See :meth:`sentences`, in this thread."""
        if not any(character.isalnum() for character in text):
            return ()
        return tuple(self.voice.phonemize(text))

    def synthesise(self, phonemes: str, settings: TtsSettings, fmt: AudioFormat) -> bytes:
        """See :meth:`say`, in this thread."""
        samples = self.voice.from_phonemes(phonemes, speed=settings.speed, seed=settings.seed)
        return to_line(level(trim(samples), settings.gain), fmt)


def trim(samples: F32) -> F32:
    """Without most of the silence at both ends; empty if there is nothing else. samples: at 24 kHz."""
    loud = np.flatnonzero(np.abs(samples) > AUDIBLE)
    if not loud.size:
        return samples[:0]
    first = max(int(loud[0]) - round(LEAD_SECONDS * SAMPLE_RATE), 0)
    return samples[first : int(loud[-1]) + round(TAIL_SECONDS * SAMPLE_RATE)]


def level(samples: F32, gain: float) -> F32:
    """Louder by `gain` dB, or by as much as fits without clipping."""
    if not samples.size:
        return samples
    factor = min(10 ** (gain / 20), LOUDEST / float(np.abs(samples).max()))
    return samples * np.float32(factor)


def to_line(samples: F32, fmt: AudioFormat) -> bytes:
    """Line audio of samples at 24 kHz in -1..1."""
    resampler = Resampler(SAMPLE_RATE, fmt.rate)
    whole = np.rint(samples * 32767).astype(np.int16)
    joined = np.concatenate((resampler.feed(whole), resampler.flush()))
    return g711.encode(joined, fmt.encoding)


def voice_file(settings: TtsSettings) -> str | None:
    """The ONNX file to load, None for the installed one. Raises: SettingsError."""
    if settings.file:
        path = Path(settings.file).expanduser()
        if not path.is_file():
            raise SettingsError(SettingsProblem("tts.file", f"there is no file '{path}'"))
        return str(path)
    if settings.voice != INSTALLED:
        message = f"name the ONNX file of voice {settings.voice!r}; only {INSTALLED!r} is installed"
        raise SettingsError(SettingsProblem("tts.file", message))
    return None


@asynccontextmanager
async def open_synthesiser(
    name: str, file: str | None, *, threads: int
) -> AsyncIterator[Synthesiser]:
    """Load the voice and its dictionary, and speak a word unheard, so that the first caller does not pay for it."""

    def load() -> Hibari:
        voice = Hibari(voice=name, model=file, threads=threads)
        voice("Ready.")
        return voice

    yield Synthesiser(await to_thread.run_sync(load), Desk())
