"""The smart-turn model: the caller's last eight seconds in, the probability that they have finished out.

::

    line audio -> 16 kHz -> last 8 s, silence before it -> zero mean, unit variance -> log-mel (80, 800) -> ONNX

It hears how a voice ends: pitch, pace, hesitation. It knows no words and no grammar. The features are those of Whisper;
the model's own scores change if any step of them does.

Source: the repository pipecat-ai/smart-turn, ``inference.py`` and README, of version 3.2; Whisper's feature extractor.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import attrs
import numpy as np
from anyio import CapacityLimiter, to_thread

from dialog_core import g711
from dialog_core.audio import TELEPHONE, Sound
from dialog_core.errors import PluginError
from dialog_core.resample import Resampler

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F32 = NDArray[np.float32]
    F64 = NDArray[np.float64]

    class Session(Protocol):
        """What we use of onnxruntime's session, which has no types."""

        def run(self, outputs: None, inputs: Mapping[str, F32], /) -> tuple[F32]: ...


__all__ = ["RATE", "SECONDS", "Judge", "SmartTurnModel", "features", "open_judge", "to_model"]

RATE = 16000
SECONDS = 8.0
"""What the model hears at most; shorter audio has silence put before it."""
SAMPLES = 128_000
FFT, HOP, MELS, BLOCK = 400, 160, 80, 16
FLOOR = 1e-10
RANGE = 8.0
"""Powers of ten below the loudest that still count."""
LINEAR_HERTZ, LINEAR_MELS = 1000.0, 15.0
STEP = np.log(6.4) / 27
"""Of Slaney's mel scale above 1 kHz: 27 mels for a factor of 6.4."""


class SmartTurnModel:
    """The loaded model. `probability` may be called from several threads."""

    def __init__(self, file: Path, *, threads: int) -> None:
        """threads: for each judgement. Raises: PluginError if the file is no such model."""
        self._session = load(file, threads)

    def probability(self, sound: Sound) -> float:
        """That the caller has finished, 0..1. Takes some 40 ms of a processor core."""
        found = self._session.run(None, {"input_features": features(to_model(sound))[None]})
        return float(found[0].reshape(-1)[0])


@attrs.frozen
class Judge:
    """The process's model, and how many judgements may be made at once."""

    model: SmartTurnModel
    limiter: CapacityLimiter

    async def probability(self, sound: Sound) -> float:
        """See :meth:`SmartTurnModel.probability`; off the loop, after waiting for a turn."""
        return await to_thread.run_sync(self.model.probability, sound, limiter=self.limiter)


@asynccontextmanager
async def open_judge(file: Path, *, threads: int, at_once: int) -> AsyncIterator[Judge]:
    """Load the model and run it once, so that the first caller does not pay for it. Raises: PluginError."""

    def warmed() -> SmartTurnModel:
        model = SmartTurnModel(file, threads=threads)
        model.probability(NOTHING)
        return model

    yield Judge(await to_thread.run_sync(warmed), CapacityLimiter(at_once))


def load(file: Path, threads: int) -> Session:
    """A session on the CPU. Raises: PluginError."""
    import onnxruntime  # type: ignore[import-untyped]  # noqa: PLC0415 - it has no stubs; only who runs it pays

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Threads that spin while they wait would take the cores from the calls.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session: Any = onnxruntime.InferenceSession(
            str(file), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # the runtime's errors have no common type
        raise PluginError("smart-turn", f"cannot read model '{file}': {error}") from error
    found: Session = session
    return found


# --- features -------------------------------------------------------------------------------------------------------


def to_model(sound: Sound) -> F32:
    """(128000,), -1..1 at 16 kHz: the end of the sound, with silence before it if it is short."""
    resampler = Resampler(sound.fmt.rate, RATE)
    newest = sound.data[-sound.fmt.nbytes(SECONDS) :]
    joined = np.concatenate(
        (resampler.feed(g711.decode(newest, sound.fmt.encoding)), resampler.flush())
    )
    samples = joined[-SAMPLES:].astype(np.float32) / np.float32(32768)
    return np.pad(samples, (SAMPLES - samples.size, 0))


def features(samples: F32) -> F32:
    """(80, 800) log-mel features of (128000,) samples, loudness taken out."""
    even = (samples - samples.mean()) / np.sqrt(samples.var() + np.float32(1e-7))
    padded = np.pad(even, FFT // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT)[:-HOP:HOP]
    power = np.abs(np.fft.rfft(frames * WINDOW)) ** 2
    # In blocks so small that numpy's linear algebra stays in this thread: its others would spin on the calls' cores.
    mels = (power.reshape(-1, BLOCK, FFT // 2 + 1) @ MEL).reshape(-1, MELS)
    logs = np.log10(np.maximum(mels, FLOOR)).T
    found: F32 = ((np.maximum(logs, logs.max() - RANGE) + 4) / 4).astype(np.float32)
    return found


def to_mels(hertz: float) -> float:
    """Slaney's scale: linear below 1 kHz, logarithmic above."""
    if hertz < LINEAR_HERTZ:
        return hertz * LINEAR_MELS / LINEAR_HERTZ
    return float(LINEAR_MELS + np.log(hertz / LINEAR_HERTZ) / STEP)


def to_hertz(mels: F64) -> F64:
    """The inverse of `to_mels`."""
    linear = mels * LINEAR_HERTZ / LINEAR_MELS
    return np.where(mels < LINEAR_MELS, linear, LINEAR_HERTZ * np.exp(STEP * (mels - LINEAR_MELS)))


def mel_filters() -> F32:
    """(201, 80): triangles of equal area, evenly spaced in mels from 0 Hz to 8 kHz."""
    edges = to_hertz(np.linspace(0.0, to_mels(RATE / 2), MELS + 2))
    bins = np.linspace(0.0, RATE / 2, FFT // 2 + 1)[:, None]
    widths = np.diff(edges)
    rising = (bins - edges[:-2]) / widths[:-1]
    falling = (edges[2:] - bins) / widths[1:]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return (triangles * 2 / (edges[2:] - edges[:-2])).astype(np.float32)


NOTHING = Sound(0.0, b"", TELEPHONE)
WINDOW = np.hanning(FFT + 1)[:-1].astype(np.float32)
MEL = mel_filters()
