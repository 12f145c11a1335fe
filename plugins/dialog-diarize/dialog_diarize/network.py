"""CAM++: a network that makes a vector of how a voice sounds, whatever it says. Built here from its weights.

::

    (80, T) filter bank -> head: small 2-D convolutions, frequency / 8 -> (320, T)
        -> time / 2 -> three blocks, in which every layer sees all before it, and weighs its channels by what the
           whole stretch and its surrounding 2 s sound like -> mean and deviation over time -> (192,)

The surroundings are averaged by a matrix (T/2, T/2) that comes in from outside, so that any length will do. Batch
normalisation that follows a convolution is folded into it.

Source: "CAM++: A Fast and Efficient Network for Speaker Verification Using Context-Aware Masking" (2023), and the
repository modelscope/3D-Speaker, ``speakerlab/models/campplus``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F32 = NDArray[np.float32]

__all__ = ["SEGMENT", "build_network", "surroundings"]

BLOCKS = ((12, 1), (24, 2), (16, 2))
"""Layers and dilation of each block."""
SEGMENT = 100
"""Frames of 20 ms over which surroundings are averaged."""
OPSET, IR = 17, 8
EPSILON = 1e-5


def build_network(weights: Mapping[str, F32]) -> bytes:
    """The network as an ONNX file. Raises: KeyError, ValueError if the weights are those of another network."""
    graph = Graph(weights)
    found = graph.body(graph.head("features"))
    pooled = graph.deviation(found)
    folded = graph.conv(pooled, "xvector.dense.linear", "xvector.dense.nonlinear.batchnorm")
    graph.node("Flatten", folded, name="embedding")
    return graph.serialised()


def surroundings(frames: int) -> F32:
    """(n, n) for n = half the frames: column i averages all of them, and adds the average of i's segment."""
    count = (frames + 1) // 2
    segment = np.arange(count) // SEGMENT
    same = segment[:, None] == segment[None, :]
    found: F32 = (same / same.sum(axis=0) + 1 / count).astype(np.float32)
    return found


@attrs.define
class Graph:
    """A graph that grows; each method adds nodes and returns the name of what they give."""

    weights: Mapping[str, F32]
    nodes: list[onnx.NodeProto] = attrs.field(factory=list)
    constants: list[onnx.TensorProto] = attrs.field(factory=list)

    def node(self, kind: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """One operation."""
        name = name or f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, values: F32) -> str:
        """Numbers that are part of the network."""
        name = f"constant{len(self.constants)}"
        dense = np.ascontiguousarray(values, np.float32)
        self.constants.append(numpy_helper.from_array(dense, name))
        return name

    def norm(self, name: str) -> tuple[F32, F32]:
        """Batch normalisation as factor and addend; it may be without weights of its own."""
        get = self.weights.get
        factor = 1 / np.sqrt(self.weights[f"{name}.running_var"] + EPSILON)
        own = get(f"{name}.weight")
        factor = factor if own is None else factor * own
        addend = -self.weights[f"{name}.running_mean"] * factor
        bias = get(f"{name}.bias")
        return factor, addend if bias is None else addend + bias

    def conv(self, x: str, name: str, norm: str = "", **attributes: Any) -> str:
        """A convolution, and the normalisation after it."""
        kernel = self.weights[f"{name}.weight"]
        bias = self.weights.get(f"{name}.bias")
        if norm:
            factor, addend = self.norm(norm)
            kernel = kernel * factor.reshape(-1, *[1] * (kernel.ndim - 1))
            bias = addend if bias is None else addend + bias * factor
        inputs = [x, self.constant(kernel), *([] if bias is None else [self.constant(bias)])]
        return self.node("Conv", *inputs, **attributes)

    def norm_relu(self, x: str, name: str) -> str:
        """A normalisation before which there is no convolution to fold it into."""
        factor, addend = (self.constant(part[:, None]) for part in self.norm(name))
        return self.node("Relu", self.node("Add", self.node("Mul", x, factor), addend))

    # --- the parts

    def head(self, x: str) -> str:
        """(1, 80, T) -> (1, 320, T)."""
        x = self.node("Unsqueeze", x, self.axes(1))
        x = self.flat(x, "head.conv1", "head.bn1")
        for layer in ("head.layer1", "head.layer2"):
            x = self.residual(self.residual(x, f"{layer}.0", stride=2), f"{layer}.1", stride=1)
        x = self.flat(x, "head.conv2", "head.bn2", stride=2)
        shape = numpy_helper.from_array(np.array([1, 320, -1], np.int64), "flat_shape")
        self.constants.append(shape)
        return self.node("Reshape", x, "flat_shape")

    def flat(self, x: str, name: str, norm: str, *, stride: int = 1) -> str:
        """A 2-D convolution that keeps the time, normalised, without its negative part."""
        options: dict[str, Any] = {"strides": [stride, 1], "pads": [1, 1, 1, 1]}
        return self.node("Relu", self.conv(x, name, norm, **options))

    def residual(self, x: str, name: str, *, stride: int) -> str:
        """Two convolutions and a way around them."""
        y = self.flat(x, f"{name}.conv1", f"{name}.bn1", stride=stride)
        y = self.conv(y, f"{name}.conv2", f"{name}.bn2", pads=[1, 1, 1, 1])
        if f"{name}.shortcut.0.weight" in self.weights:
            x = self.conv(x, f"{name}.shortcut.0", f"{name}.shortcut.1", strides=[stride, 1])
        return self.node("Relu", self.node("Add", y, x))

    def body(self, x: str) -> str:
        """(1, 320, T) -> (1, 512, T/2)."""
        name = "xvector.tdnn"
        options: dict[str, Any] = {"strides": [2], "pads": [2, 2]}
        x = self.node(
            "Relu", self.conv(x, f"{name}.linear", f"{name}.nonlinear.batchnorm", **options)
        )
        for block, (layers, dilation) in enumerate(BLOCKS, 1):
            for layer in range(1, layers + 1):
                added = self.dense(x, f"xvector.block{block}.tdnnd{layer}", dilation)
                x = self.node("Concat", x, added, axis=1)
            name = f"xvector.transit{block}"
            x = self.conv(self.norm_relu(x, f"{name}.nonlinear.batchnorm"), f"{name}.linear")
        return self.norm_relu(x, "xvector.out_nonlinear.batchnorm")

    def dense(self, x: str, name: str, dilation: int) -> str:
        """A layer that adds 32 channels, each weighed by the surroundings."""
        x = self.norm_relu(x, f"{name}.nonlinear1.batchnorm")
        x = self.node("Relu", self.conv(x, f"{name}.linear1", f"{name}.nonlinear2.batchnorm"))
        options: dict[str, Any] = {"dilations": [dilation], "pads": [dilation, dilation]}
        local = self.conv(x, f"{name}.cam_layer.linear_local", **options)
        context = self.node("MatMul", x, "surroundings")
        context = self.node("Relu", self.conv(context, f"{name}.cam_layer.linear1"))
        mask = self.node("Sigmoid", self.conv(context, f"{name}.cam_layer.linear2"))
        return self.node("Mul", local, mask)

    def deviation(self, x: str) -> str:
        """(1, 512, T/2) -> (1, 1024, 1): mean and standard deviation over time."""
        mean = self.node("ReduceMean", x, axes=[2], keepdims=1)
        apart = self.node("Sub", x, mean)
        square = self.node("ReduceMean", self.node("Mul", apart, apart), axes=[2], keepdims=1)
        deviation = self.node("Sqrt", self.node("Mul", square, "unbiased"))
        return self.node("Concat", mean, deviation, axis=1)

    def axes(self, *axes: int) -> str:
        """Numbers of axes, as a constant."""
        name = f"axes{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(axes, np.int64), name))
        return name

    def serialised(self) -> bytes:
        """The bytes of an ONNX file."""
        floats = TensorProto.FLOAT
        inputs = [
            helper.make_tensor_value_info("features", floats, [1, 80, "frames"]),
            helper.make_tensor_value_info("surroundings", floats, ["half", "half"]),
            helper.make_tensor_value_info("unbiased", floats, [1]),
        ]
        outputs = [helper.make_tensor_value_info("embedding", floats, [1, 192])]
        graph = helper.make_graph(self.nodes, "campplus", inputs, outputs, self.constants)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR
        )
        return bytes(model.SerializeToString())
