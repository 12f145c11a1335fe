"""The real model on a caller's lines, at a telephone's quality. Skipped only if the file is not there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import numpy as np
import pytest
from dialog_smart_turn import dialog_endpointer
from dialog_smart_turn.endpointer import SmartTurn
from dialog_smart_turn.model import RATE, SAMPLES, SmartTurnModel, features, open_judge, to_model
from dialog_smart_turn.settings import SmartTurnSettings

from dialog_core import g711, wav
from dialog_core.agent.call import Call
from dialog_core.audio import TELEPHONE, AudioFormat, Encoding, Sound
from dialog_core.errors import PluginError
from dialog_core.factory import Services
from dialog_core.messages import Utterance
from dialog_core.observe.observations import Observation, Trouble
from dialog_core.resample import Resampler
from dialog_core.testing.calls import in_call, new_policy
from dialog_core.testing.line import FakeLine
from dialog_core.testing.pytest_plugin import real_loop
from dialog_core.turns.records import TurnComplete

pytestmark = pytest.mark.models
CALLER = Path(__file__).parents[3] / "contrib/examples/local/caller"
WIDE = AudioFormat(Encoding.PCM16, RATE)
AUDIBLE = 0.015


def lines() -> list[bytes]:
    """Each of the caller's lines in mu-law, without the silence at its ends."""
    found = []
    for path in sorted(CALLER.glob("*.wav")):
        data = wav.parse(path.read_bytes()).data
        loud = np.flatnonzero(np.abs(g711.decode_floats(data, Encoding.MULAW)) > AUDIBLE)
        found.append(data[int(loud[0]) : int(loud[-1]) + 160])
    return found


def paused(data: bytes, *, share: float = 1.0) -> Sound:
    """A part of a line and the silence after it."""
    part = data[: round(len(data) * share)]
    return Sound(0.0, part + TELEPHONE.silence(0.2), TELEPHONE)


@pytest.fixture(scope="module")
def model() -> SmartTurnModel:
    from dialog_smart_turn.files import FILE, SMART_TURN  # noqa: PLC0415 - with its skip

    from dialog_core.models import default_folder, missing  # noqa: PLC0415 - as above

    folder = default_folder() / SMART_TURN.name
    if missing(SMART_TURN, folder):
        pytest.skip("the model files are missing; run: dialogctl models fetch")
    return SmartTurnModel(folder / FILE, threads=1)


def test_most_finished_lines_are_heard_as_finished_and_most_halves_are_not(
    model: SmartTurnModel,
) -> None:
    whole = [model.probability(paused(line)) >= 0.5 for line in lines()]
    halves = [model.probability(paused(line, share=0.5)) >= 0.5 for line in lines()]
    assert sum(whole) >= 6
    assert sum(halves) <= 3


def test_a_hesitation_is_not_an_end(model: SmartTurnModel) -> None:
    line = lines()[1]  # with a pause after "I would like to come on"
    assert model.probability(paused(line, share=0.5)) < 0.1


def test_only_the_last_eight_seconds_count(model: SmartTurnModel) -> None:
    line, other = lines()[0], b"".join(lines()[2:5])
    quiet = TELEPHONE.silence(8)
    apart, joined = paused(quiet + line), paused(other + quiet + line)
    assert model.probability(apart) == model.probability(joined)


def test_short_audio_has_silence_before_it(model: SmartTurnModel) -> None:
    short = paused(lines()[4])
    padded = Sound(0.0, TELEPHONE.silence(3) + short.data, TELEPHONE)
    assert model.probability(short) == pytest.approx(model.probability(padded), abs=0.02)


def test_any_line_format_will_do(model: SmartTurnModel) -> None:
    narrow = paused(lines()[0])
    resampler = Resampler(8000, RATE)
    decoded = g711.decode(narrow.data, Encoding.MULAW)
    samples = np.concatenate((resampler.feed(decoded), resampler.flush()))
    wide = Sound(0.0, g711.encode(samples, Encoding.PCM16), WIDE)
    assert model.probability(wide) == pytest.approx(model.probability(narrow), abs=0.02)


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.1, 20.0])
def test_any_length_will_do(model: SmartTurnModel, seconds: float) -> None:
    sound = Sound(0.0, TELEPHONE.silence(seconds), TELEPHONE)
    assert to_model(sound).shape == (SAMPLES,)
    assert features(to_model(sound)).shape == (80, 800)
    assert 0 <= model.probability(sound) <= 1


def test_loudness_does_not_count() -> None:
    samples = to_model(paused(lines()[0]))
    assert features(samples * np.float32(0.1)) == pytest.approx(features(samples), abs=0.01)


@real_loop
@pytest.mark.anyio
async def test_calls_at_once_get_what_each_gets_alone(model: SmartTurnModel, file: Path) -> None:
    sounds = [paused(line) for line in lines()]
    found = dict[int, float]()
    async with open_judge(file, threads=1, at_once=2) as judge, anyio.create_task_group() as tasks:

        async def call(number: int) -> None:
            found[number] = await judge.probability(sounds[number])

        for number in range(len(sounds)):
            tasks.start_soon(call, number)
    assert [found[number] for number in range(len(sounds))] == [
        model.probability(sound) for sound in sounds
    ]


@real_loop
@pytest.mark.anyio
async def test_a_file_that_is_no_model_is_told(tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"this is no model")
    with pytest.raises(PluginError, match=r"cannot read model '.*bad\.onnx'"):
        async with open_judge(tmp_path / "bad.onnx", threads=1, at_once=1):
            raise AssertionError


class Echo:
    """Answers everything."""

    async def reply(self, turn: Utterance, _call: Call) -> AsyncIterator[str]:
        yield f"You said {turn.text}"


@real_loop
@pytest.mark.anyio
@pytest.mark.usefixtures("file")
async def test_a_whole_call_is_judged_by_it(
    services: Services, observed: list[Observation]
) -> None:
    (factory,) = dialog_endpointer()
    settings = SmartTurnSettings(deadline=2.0)
    await factory.warm(settings, services)
    endpointer = factory.build(settings, services)
    assert isinstance(endpointer, SmartTurn)
    line = FakeLine()
    async with in_call(line, Echo(), policy=new_policy(endpointer=endpointer)) as call:
        await line.say("Yes, please.")
        await line.listen(quiet=0.1)
        (turn,) = [record for record in call.records if isinstance(record, TurnComplete)]
    assert turn.utterance.text == "Yes, please."
    assert endpointer._judged is not None
    assert not [seen for seen in (*observed, *call.observed) if isinstance(seen, Trouble)]
