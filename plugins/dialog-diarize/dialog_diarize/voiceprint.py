"""How a voice sounds, as a vector: line audio -> filter bank -> network -> 192 numbers of length 1.

The filter bank is Kaldi's, as the network was trained with: 25 ms every 10 ms, 80 triangles on the mel scale, and their
logarithms. The mean over time is taken out, so that neither loudness nor the line's own colour counts.

Source: Kaldi's documentation, "Feature extraction"; the repository modelscope/3D-Speaker, ``processor.py``.
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
from dialog_core.audio import AudioFormat, Encoding, Sound
from dialog_core.errors import PluginError
from dialog_core.resample import Resampler
from dialog_diarize.network import build_network, surroundings
from dialog_diarize.weights import read_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F32 = NDArray[np.float32]

    class Session(Protocol):
        """What we use of onnxruntime's session, which has no types."""

        def run(self, outputs: None, inputs: Mapping[str, F32], /) -> tuple[F32]: ...


__all__ = ["RATE", "Voice", "VoiceModel", "Voiceprints", "filter_bank", "open_voiceprints"]

RATE = 16000
FRAME, HOP, FFT, BINS = 400, 160, 512, 80
HOP_SECONDS = HOP / RATE
PRE_EMPHASIS = 0.97
FLOOR = float(np.finfo(np.float32).eps)
LOWEST_HERTZ = 20.0
VOICED_DB = 30.0
"""Frames this far below the louder ones hold no voice."""
SILENT_DB = -20.0
"""Frames with less energy than this hold no voice, whatever is around them: a voice at -50 dBFS has -5."""
FEWEST = 5
"""Frames without which there is no deviation to speak of."""
BLOCK = 10
"""Frames multiplied at once; see :func:`filter_bank`."""


@attrs.frozen(eq=False)
class Voice:
    """What a stretch of audio tells of a voice."""

    print: F32
    """(192,), of length 1; the product of two is their likeness, -1..1."""
    seconds: float
    """How much of the stretch was voiced."""


class VoiceModel:
    """The loaded network. `hear` may be called from several threads."""

    def __init__(self, file: Path, *, threads: int) -> None:
        """threads: for each stretch. Raises: PluginError if the file holds other weights."""
        weights = read_weights(file)
        try:
            network = build_network(weights)
        except (LookupError, ValueError) as error:
            raise PluginError("diarize", f"'{file}' holds other weights: {error!r}") from error
        self._session = load(network, threads)

    def hear(self, sound: Sound, *, shortest: float) -> Voice | None:
        """The voice of a stretch, None if less than `shortest` seconds of it are voiced."""
        features = filter_bank(samples_of(sound))
        loud = np.flatnonzero(voiced(features))
        seconds = loud.size * HOP_SECONDS
        if loud.size < FEWEST or seconds < shortest:
            return None
        features = features[
            loud[0] : loud[-1] + 1
        ]  # pauses inside stay: without them the network does worse
        features = features - features.mean(axis=0)
        half = (len(features) + 1) // 2
        found = self._session.run(
            None,
            {
                "features": np.ascontiguousarray(features.T[None]),
                "surroundings": surroundings(len(features)),
                "unbiased": np.array([half / (half - 1)], np.float32),
            },
        )[0][0]
        return Voice(found / np.linalg.norm(found), seconds)


@attrs.frozen
class Voiceprints:
    """The process's network, and how many stretches may be heard at once."""

    model: VoiceModel
    limiter: CapacityLimiter

    async def hear(self, sound: Sound, *, shortest: float) -> Voice | None:
        """See :meth:`VoiceModel.hear`; off the loop, after waiting for a turn."""
        return await to_thread.run_sync(
            lambda: self.model.hear(sound, shortest=shortest), limiter=self.limiter
        )


@asynccontextmanager
async def open_voiceprints(file: Path, *, threads: int, at_once: int) -> AsyncIterator[Voiceprints]:
    """Build the network and run it once, so that the first call does not pay for it. Raises: PluginError."""

    def warmed() -> VoiceModel:
        model = VoiceModel(file, threads=threads)
        noise = np.random.default_rng(1).integers(-3000, 3000, RATE).astype("<i2").tobytes()
        model.hear(Sound(0.0, noise, AudioFormat(Encoding.PCM16, RATE)), shortest=0.0)
        return model

    yield Voiceprints(await to_thread.run_sync(warmed), CapacityLimiter(at_once))


def load(network: bytes, threads: int) -> Session:
    """A session on the CPU."""
    import onnxruntime  # type: ignore[import-untyped]  # noqa: PLC0415 - it has no stubs; only who runs it pays

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Threads that spin while they wait would take the cores from the calls.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session: Any = onnxruntime.InferenceSession(
        network, options, providers=["CPUExecutionProvider"]
    )
    found: Session = session
    return found


# --- features -------------------------------------------------------------------------------------------------------


def samples_of(sound: Sound) -> F32:
    """(n,), -1..1 at 16 kHz."""
    resampler = Resampler(sound.fmt.rate, RATE)
    decoded = g711.decode(sound.data, sound.fmt.encoding)
    joined = np.concatenate((resampler.feed(decoded), resampler.flush()))
    return joined.astype(np.float32) / np.float32(32768)


def filter_bank(samples: F32) -> F32:
    """(frames, 80) logarithms of energy; no frames if the samples do not fill one."""
    if samples.size < FRAME:
        return np.zeros((0, BINS), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::HOP]
    level = frames - frames.mean(axis=1, keepdims=True)
    before = np.concatenate((level[:, :1], level[:, :-1]), axis=1)
    power = np.abs(np.fft.rfft((level - PRE_EMPHASIS * before) * WINDOW, FFT)) ** 2
    # In blocks so small that numpy's linear algebra stays in this thread: its others would spin on the calls' cores.
    padded = np.pad(power, ((0, -len(power) % BLOCK), (0, 0)))
    energies = (padded.reshape(-1, BLOCK, FFT // 2 + 1) @ MEL).reshape(-1, BINS)[: len(power)]
    found: F32 = np.log(np.maximum(energies, FLOOR)).astype(np.float32)
    return found


def voiced(features: F32) -> NDArray[np.bool_]:
    """(frames,): those that are not much softer than the louder ones."""
    if not len(features):
        return np.zeros(0, bool)
    loudness = np.log10(np.exp(features).sum(axis=1)) * 10
    border = max(float(np.percentile(loudness, 95)) - VOICED_DB, SILENT_DB)
    found: NDArray[np.bool_] = loudness > border
    return found


def mel_filters() -> F32:
    """(257, 80): triangles, evenly spaced on Kaldi's mel scale from 20 Hz to 8 kHz."""
    low, high = 1127 * np.log1p(np.array([LOWEST_HERTZ, RATE / 2]) / 700)
    edges = np.linspace(low, high, BINS + 2)
    bins = 1127 * np.log1p(np.arange(FFT // 2 + 1) * (RATE / FFT) / 700)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    found: F32 = np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)
    return found


WINDOW = (np.hanning(FRAME) ** 0.85).astype(np.float32)
MEL = mel_filters()
