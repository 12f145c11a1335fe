"""Moonshine tiny, an English recogniser, run by onnxruntime: an encoder, and a decoder that writes one token at a time.

::

    samples --encoder--> frames --decoder--> most likely token --+
                                     ^---------------------------+   until the end token, or the cap

What it needs, or else it invents words:

- a little silence after the phrase (`PAD_SECONDS`), and no more than some 12 s of audio;
- a cap on tokens, because it may loop (`TOKENS_PER_SECOND`);
- speech. Hum and silence become "Thank you." with a low probability, hence `floor`.

The decoder's attention mask counts samples, not encoder frames: a mask of frames works up to 9 s and then fails.

Source: Jeffries et al., "Moonshine: Speech Recognition for Live Transcription and Voice Commands" (2024).
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import onnxruntime  # type: ignore[import-untyped]  # it has no stubs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F32 = NDArray[np.float32]
    I64 = NDArray[np.int64]

__all__ = ["RATE", "Heard", "Moonshine"]

RATE = 16000
"""Samples per second that the model wants."""
PAD_SECONDS = 0.3
SHORTEST_SECONDS = 0.1
TOKENS_PER_SECOND = 6.5
START, END = 1, 2
LONG = 128
LAYERS, HEADS, HEAD_SIZE = 6, 8, 36
SPACE = "\u2581".encode()
NOTHING = np.zeros((1, HEADS, 0, HEAD_SIZE), np.float32)


@attrs.frozen
class Heard:
    """What the model makes of a phrase."""

    text: str
    log_probability: float
    """Natural logarithm, mean over the tokens; about -0.06 for clear speech, below -0.6 for noise."""

    @property
    def confidence(self) -> float:
        """Geometric mean of the tokens' probabilities, 0..1."""
        return math.exp(self.log_probability)


class Moonshine:
    """The loaded model. `transcribe` may be called from one thread at a time."""

    def __init__(self, folder: Path, *, threads: int = 1) -> None:
        """folder: holds encoder_model.ort, decoder_model_merged.ort and tokenizer.bin. threads: for each run."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._encoder = _load(folder / "encoder_model.ort", options)
        self._decoder = _load(folder / "decoder_model_merged.ort", options)
        self._tokens = read_tokens((folder / "tokenizer.bin").read_bytes())
        self._outputs = [output.name for output in self._decoder.get_outputs()]

    def transcribe(self, samples: F32) -> Heard:
        """The words of a phrase. samples: (n,) in -1..1 at 16 kHz, at most some 12 s."""
        if samples.size < SHORTEST_SECONDS * RATE:
            return Heard("", 0.0)
        padded = np.concatenate((samples, np.zeros(round(PAD_SECONDS * RATE), np.float32)))[None]
        mask = np.ones(padded.shape, np.int64)
        frames = self._encoder.run(None, {"input_values": padded, "attention_mask": mask})[0]
        most = math.ceil(samples.size / RATE * TOKENS_PER_SECOND)
        tokens, logs = self._decode(frames, mask, most=max(most, 2))
        mean = sum(logs) / len(logs) if logs else 0.0
        return Heard(self._spell(tokens), mean)

    def _decode(self, frames: F32, mask: I64, *, most: int) -> tuple[list[int], list[float]]:
        """The likeliest tokens, each given those before it, and the logarithms of their probabilities."""
        tokens: list[int] = []
        logs: list[float] = []
        cache: dict[str, Any] = _empty_cache()
        feed: dict[str, Any] = {"encoder_hidden_states": frames, "encoder_attention_mask": mask}
        last = START
        while len(tokens) < most:
            feed["input_ids"] = np.array([[last]], np.int64)
            feed["use_cache_branch"] = np.array([bool(tokens)])
            results = dict(zip(self._outputs, self._decoder.run(None, feed | cache), strict=True))
            last, log = _likeliest(results["logits"][0, -1])
            logs.append(log)
            if last == END:
                break
            tokens.append(last)
            _remember(cache, results, first=len(tokens) == 1)
        return tokens, logs

    def _spell(self, tokens: list[int]) -> str:
        text = b"".join(self._tokens[token] for token in tokens).replace(SPACE, b" ")
        return text.decode(errors="ignore").strip()


def _load(path: Path, options: onnxruntime.SessionOptions) -> Any:
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _empty_cache() -> dict[str, Any]:
    return {
        f"past_key_values.{layer}.{side}.{part}": NOTHING
        for layer in range(LAYERS)
        for side in ("decoder", "encoder")
        for part in ("key", "value")
    }


def _remember(cache: dict[str, Any], results: dict[str, Any], *, first: bool) -> None:
    """Keep what the decoder computed; its view of the encoder is computed by the first step only."""
    for name in cache:
        if first or ".decoder." in name:
            cache[name] = results[name.replace("past_key_values", "present")]


def _likeliest(logits: F32) -> tuple[int, float]:
    token = int(logits.argmax())
    top = float(logits[token])
    return token, -math.log(float(np.exp(logits - top).sum()))


def read_tokens(data: bytes) -> tuple[bytes, ...]:
    """The token table: for each token its length and its bytes.

    A length takes one byte, or two: the low seven bits with the high bit set, then the others.
    """
    tokens: list[bytes] = []
    position = 0
    while position < len(data):
        size = data[position]
        position += 1
        if size & LONG:
            size += (data[position] - 1) * LONG
            position += 1
        tokens.append(data[position : position + size])
        position += size
    return tuple(tokens)
