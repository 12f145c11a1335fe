"""The Silero network as a few matrix products over the whole batch.

The graph that comes with the model is made for one window: it tests its inputs with eleven nested conditions, and
its convolutions, which look at four frames at the most, are run for each window of a batch on its own. Here a
convolution over four frames is one matrix, zeros included, and the windows of a batch are its rows::

    windows (batch, w) --+--> four frames --> spectrum --> magnitude --> 4 convolutions --> LSTM --> probability
    state   (batch, s) --'                                                                   |
                                                       following state (batch, s) <----------'

``w`` is 256 samples at 8 kHz and 512 at 16 kHz. A state is the LSTM's output (128) and cell (128), and behind them the
last samples of the window before (``w / 8``), which stand in front of each window.

Weights keep their values: results differ from those of the graph by rounding, 1e-6. On one core a window at 8 kHz
costs 10 us in a batch of 32 instead of 35, and 59 alone instead of 119.

Source: the graph of ``silero_vad.onnx`` 6.2, drawn by the ``onnx`` package.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F32 = NDArray[np.float32]

__all__ = ["rewritten"]

FRAMES = 4
"""Of a window, each overlapping the next by half."""
STRIDES = (1, 2, 2, 1)
"""Of the four convolutions, each over three frames and padded by one; one frame is left."""
TAPS = 3
UNITS = 128
"""Of the LSTM."""
FIRST = "stft.forward_basis_buffer"
"""The name of a network's first weights; those of its others begin alike. There are two networks in the file."""
OPSET, IR_VERSION = 18, 9
"""Of ONNX, as every onnxruntime from 1.20 on reads them."""


def rewritten(model: bytes, rate: int) -> bytes:
    """The network for this rate (8000 or 16000 Hz) of a Silero file, as a model of its own.

    Its inputs are ``windows`` and ``state``, its outputs ``probability`` (batch,) and ``following``; all float32.
    Raises: KeyError and ValueError if the file is not of the structure known here.
    """
    return _Drawing(_weights(onnx.load_from_string(model), rate)).draw()


def _weights(model: onnx.ModelProto, rate: int) -> dict[str, F32]:
    """The weights of one of the two networks, by the ends of their names."""
    named = dict(_constants(model.graph))
    length = rate * 2 // 125
    for name, values in named.items():
        if name.endswith(FIRST) and values.shape == (length + 2, 1, length):
            begin = name.removesuffix(FIRST)
            return {
                key.removeprefix(begin): of for key, of in named.items() if key.startswith(begin)
            }
    raise KeyError(FIRST)


def _constants(graph: onnx.GraphProto) -> Iterator[tuple[str, NDArray[Any]]]:
    """All values that a graph and those within it hold."""
    for tensor in graph.initializer:
        yield tensor.name, numpy_helper.to_array(tensor)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from _constants(attribute.g)
            elif node.op_type == "Constant" and attribute.type == onnx.AttributeProto.TENSOR:
                yield node.output[0], numpy_helper.to_array(attribute.t)


class _Drawing:
    """A graph under construction: each step adds a node and returns the name of what it puts out."""

    def __init__(self, weights: Mapping[str, F32]) -> None:
        self._weights = weights
        self._basis = weights[FIRST][:, 0]
        self._hop = self._basis.shape[1] // 2
        self._window = FRAMES * self._hop
        self._context = self._hop // 2
        self._kept: list[onnx.TensorProto] = []
        self._nodes: list[onnx.NodeProto] = []

    def draw(self) -> bytes:
        """The whole model."""
        output, cell, before = self._parts("state", (UNITS, UNITS, self._context))
        samples = self._node("Concat", before, "windows", axis=1)
        features = self._encoded(self._spectrum(samples))
        output, cell = self._recurrent(features, output, cell)
        sure = self._node("Sigmoid", self._gemm(self._node("Relu", output), *self._decoder()))
        self._add("Squeeze", [sure, self._keep(np.array([1]))], ["probability"])
        last = self._between("windows", self._window - self._context, self._window)
        self._add("Concat", [output, cell, last], ["following"], axis=1)
        state = 2 * UNITS + self._context
        graph = helper.make_graph(
            self._nodes,
            "silero",
            [_floats("windows", self._window), _floats("state", state)],
            [_floats("probability"), _floats("following", state)],
            initializer=self._kept,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = IR_VERSION
        drawn: bytes = model.SerializeToString()
        return drawn

    def _spectrum(self, samples: str) -> str:
        """The magnitudes of four frames; the last reaches beyond the samples, which are mirrored there."""
        end = self._window + self._context
        bins = self._hop + 1
        powers = []
        for frame in range(FRAMES):
            reached = np.arange(frame * self._hop, (frame + 2) * self._hop)
            places = np.where(reached < end, reached, 2 * (end - 1) - reached)
            first, over = int(places.min()), int(places.max()) + 1
            basis = np.zeros((over - first, 2 * bins), np.float32)
            np.add.at(basis, places - first, self._basis.T)
            waves = self._node("MatMul", self._between(samples, first, over), self._keep(basis))
            squares = self._parts(self._node("Mul", waves, waves), (bins, bins))
            powers.append(self._node("Add", *squares))
        return self._node("Sqrt", self._node("Concat", *powers, axis=1))

    def _encoded(self, features: str) -> str:
        """What the four convolutions make of (batch, 4 frames x bins)."""
        frames = FRAMES
        for number, stride in enumerate(STRIDES):
            name = f"encoder.{number}.reparam_conv"
            matrix = _as_matrix(self._weights[f"{name}.weight"], frames, stride)
            frames = (frames - 1) // stride + 1
            bias = np.tile(self._weights[f"{name}.bias"], frames)
            features = self._node("Relu", self._gemm(features, matrix, bias))
        return features

    def _recurrent(self, features: str, output: str, cell: str) -> tuple[str, str]:
        """One step of the LSTM; its gates stand in the order in, forget, out, cell."""
        order = np.r_[0 : 2 * UNITS, 3 * UNITS : 4 * UNITS, 2 * UNITS : 3 * UNITS]
        own = [self._weights[f"decoder.rnn.weight_{of}"] for of in ("ih", "hh")]
        bias = self._weights["decoder.rnn.bias_ih"] + self._weights["decoder.rnn.bias_hh"]
        known = self._node("Concat", features, output, axis=1)
        gates = self._gemm(known, np.concatenate(own, axis=1).T[:, order], bias[order])
        open_, new = self._parts(gates, (3 * UNITS, UNITS))
        take, keep, show = self._parts(self._node("Sigmoid", open_), (UNITS,) * 3)
        kept = self._node("Mul", keep, cell)
        cell = self._node("Add", kept, self._node("Mul", take, self._node("Tanh", new)))
        return self._node("Mul", show, self._node("Tanh", cell)), cell

    def _decoder(self) -> tuple[F32, F32]:
        weight, bias = (self._weights[f"decoder.decoder.2.{of}"] for of in ("weight", "bias"))
        return weight[0], bias

    def _gemm(self, rows: str, matrix: F32, bias: F32) -> str:
        return self._node("Gemm", rows, self._keep(matrix), self._keep(bias))

    def _between(self, rows: str, first: int, over: int) -> str:
        """Some columns."""
        bounds = [self._keep(np.array([value])) for value in (first, over, 1)]
        return self._node("Slice", rows, *bounds)

    def _parts(self, rows: str, sizes: Sequence[int]) -> list[str]:
        """All columns, in groups of these sizes."""
        names = [f"{rows}.{len(self._nodes)}.{number}" for number in range(len(sizes))]
        self._add("Split", [rows, self._keep(np.array(sizes))], names, axis=1)
        return names

    def _node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"{kind}.{len(self._nodes)}"
        self._add(kind, inputs, [name], **attributes)
        return name

    def _add(
        self, kind: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any
    ) -> None:
        self._nodes.append(helper.make_node(kind, inputs, outputs, **attributes))

    def _keep(self, values: NDArray[Any]) -> str:
        name = f"value.{len(self._kept)}"
        self._kept.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name


def _as_matrix(kernel: F32, frames: int, stride: int) -> F32:
    """A convolution over this many frames, padded by one, for features that stand frame after frame.

    kernel: (out, in, 3). Returns (frames * in, frames left * out).
    """
    out, into, taps = kernel.shape
    if taps != TAPS:
        raise ValueError(taps)
    left = (frames - 1) // stride + 1
    matrix = np.zeros((frames, into, left, out), np.float32)
    for place in range(left):
        for tap in range(TAPS):
            frame = place * stride + tap - 1
            if 0 <= frame < frames:
                matrix[frame, :, place] = kernel[:, :, tap].T
    return matrix.reshape(frames * into, left * out)


def _floats(name: str, *shape: int) -> onnx.ValueInfoProto:
    """An input or output for batches."""
    return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", *shape])
