from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dialog_core.policies.vad import ENERGY, EnergyModel, EnergySettings

F32 = NDArray[np.float32]
MODEL = EnergyModel()
RANDOM = np.random.default_rng(7)


def noise(dbfs: float, windows: int) -> F32:
    samples = RANDOM.standard_normal((windows, MODEL.window)) * 10 ** (dbfs / 20)
    return samples.astype(np.float32)


def judge(windows: F32, model: EnergyModel = MODEL) -> list[float]:
    state = np.zeros((1, *model.state), np.float32)
    answers = []
    for window in windows:
        probability, state = model.probabilities(window[None], state)
        answers.append(float(probability[0]))
    return answers


@pytest.mark.parametrize("floor", [-70, -55, -45])
def test_what_stands_above_the_lines_noise_is_speech(floor: float) -> None:
    answers = judge(np.concatenate((noise(floor, 60), noise(-20, 15), noise(floor, 30))))
    assert max(answers[:60]) < 0.35
    assert min(answers[60:75]) > 0.6
    assert max(answers[75:]) < 0.35


def test_a_stream_may_begin_with_speech() -> None:
    assert min(judge(noise(-20, 20))) > 0.6


def test_digital_silence_makes_line_noise_no_speech() -> None:
    answers = judge(np.concatenate((np.zeros((100, 256), np.float32), noise(-60, 50))))
    assert max(answers) == 0


def test_a_steady_sound_becomes_part_of_the_noise() -> None:
    answers = judge(noise(-35, 400))
    assert max(answers[-50:]) < 0.35


def test_the_margin_is_the_level_above_noise_that_is_half_certain() -> None:
    model = EnergyModel(EnergySettings(margin=20))
    windows = np.concatenate((noise(-48, 100), noise(-34, 3)))
    assert max(judge(windows, model)[-3:]) < 0.35
    assert min(judge(windows)[-3:]) > 0.55


@given(seed=st.integers(0, 1000), rows=st.integers(1, 9))
def test_rows_of_a_batch_do_not_affect_each_other(seed: int, rows: int) -> None:
    random = np.random.default_rng(seed)
    windows = (random.standard_normal((rows, 256)) * 0.1).astype(np.float32)
    state = (random.random((rows, 1)) * 80).astype(np.float32)
    together = MODEL.probabilities(windows, state)
    for row in range(rows):
        alone = MODEL.probabilities(windows[row : row + 1], state[row : row + 1])
        assert together[0][row] == pytest.approx(float(alone[0][0]), abs=1e-6)
        assert together[1][row] == pytest.approx(alone[1][0], abs=1e-5)


def test_it_is_offered_as_energy() -> None:
    assert (ENERGY.name, ENERGY.settings) == ("energy", EnergySettings)
