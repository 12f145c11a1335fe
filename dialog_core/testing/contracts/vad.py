"""What every voice detector must do."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pytest

import dialog_core
from dialog_core import g711
from dialog_core.audio import Encoding
from dialog_core.protocols import SpeechModel
from dialog_core.resample import Resampler
from dialog_core.testing.contracts.component import choose
from dialog_core.testing.contracts.contract import Contract, not_claimed, proves
from dialog_core.testing.contracts.policy_kit import VadAbility, VadKit
from dialog_core.testing.contracts.quiet import QUIET

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F32 = NDArray[np.float32]

__all__ = ["VadContract"]

SPEECH = Path(dialog_core.__file__).parent / "cascade" / "sorry.ulaw"
"""A voice on a telephone line, which every installation has."""
LEVEL = 0.2
LOUD = 0.05
"""Root mean square of a window, its loudest being about 0.3, above which it surely holds a voice."""
PROBABLE, IMPROBABLE = 0.6, 0.35
"""Where speech begins and ends in the default settings of a call's gate."""
BATCH = 32
SEED = 20


@cache
def speech(rate: int) -> F32:
    """The voice, between two seconds of silence, with the noise of a quiet line."""
    samples = g711.decode(SPEECH.read_bytes(), Encoding.MULAW)
    resampled = Resampler(8000, rate).feed(samples).astype(np.float32) / np.float32(32768)
    silence = np.zeros(rate, np.float32)
    return with_noise(np.concatenate((silence, resampled, silence)))


def with_noise(samples: F32, level: float = 0.0005) -> F32:
    """Samples with white noise."""
    noise = np.random.default_rng(SEED).normal(0, level, len(samples))
    return np.clip(samples + noise.astype(np.float32), -1, 1).astype(np.float32)


class VadContract(Contract):
    """Subclass it with a kit to test a voice detector."""

    kit: ClassVar[VadKit]

    @pytest.fixture
    def model(self) -> SpeechModel:
        """The detector; one is enough for all tests, since it keeps nothing."""
        return built(self.kit)

    # --- shapes

    def test_it_says_what_it_wants(self, model: SpeechModel) -> None:
        assert model.rate in {8000, 16000}
        assert 0 < model.window <= model.rate
        assert all(isinstance(size, int) for size in model.state)
        assert isinstance(model.heavy, bool)

    @pytest.mark.parametrize("batch", [1, 2, 31, 32, 33])
    def test_each_window_gets_a_probability_and_a_state(
        self, model: SpeechModel, batch: int
    ) -> None:
        probabilities, state = model.probabilities(some_windows(model, batch), empty(model, batch))
        assert probabilities.shape == (batch,)
        assert state.shape == (batch, *model.state)
        assert ((probabilities >= 0) & (probabilities <= 1)).all()
        assert np.isfinite(state).all()

    def test_what_it_is_given_stays_as_it_was(self, model: SpeechModel) -> None:
        windows, state = some_windows(model, 4), empty(model, 4)
        before = windows.copy(), state.copy()
        model.probabilities(windows, state)
        assert np.array_equal(windows, before[0])
        assert np.array_equal(state, before[1])

    @pytest.mark.parametrize("level", [0.0, 1.0, -1.0, 1e-30])
    def test_any_level_is_judged(self, model: SpeechModel, level: float) -> None:
        windows = np.full((2, model.window), level, np.float32)
        probabilities, state = model.probabilities(windows, empty(model, 2))
        assert np.isfinite(probabilities).all()
        assert np.isfinite(state).all()

    # --- batches

    def test_a_batch_is_judged_like_its_windows_alone(self, model: SpeechModel) -> None:
        rows = shifted(model, 7)
        together = judged(model, rows)
        alone = np.concatenate([judged(model, rows[index : index + 1]) for index in range(7)])
        assert np.abs(together - alone).max() <= self.kit.tolerance

    def test_the_order_of_a_batch_does_not_matter(self, model: SpeechModel) -> None:
        rows = shifted(model, 7)
        order = np.random.default_rng(SEED).permutation(7)
        difference = judged(model, rows)[order] - judged(model, rows[order])
        assert np.abs(difference).max() <= self.kit.tolerance

    def test_another_call_in_a_batch_changes_nothing(self, model: SpeechModel) -> None:
        rows = shifted(model, 4)
        noisy = rows.copy()
        noisy[3] = np.random.default_rng(SEED).uniform(-1, 1, noisy[3].shape)
        difference = judged(model, rows)[:3] - judged(model, noisy)[:3]
        assert np.abs(difference).max() <= self.kit.tolerance

    def test_the_same_audio_is_judged_the_same_again(self, model: SpeechModel) -> None:
        rows = shifted(model, 2)
        other: SpeechModel = choose(self.kit).build(QUIET)
        assert np.array_equal(judged(model, rows), judged(model, rows))
        assert np.array_equal(judged(model, rows), judged(other, rows))

    # --- hearing

    def test_silence_is_improbable(self, model: SpeechModel) -> None:
        quiet = with_noise(np.zeros(3 * model.rate, np.float32))
        for silence in (np.zeros_like(quiet), quiet):
            assert judged(model, rows_of(silence, model)).max() < IMPROBABLE

    def test_speech_is_probable(self, model: SpeechModel) -> None:
        rows = rows_of(speech(model.rate), model)
        loud = np.sqrt((rows[0] ** 2).mean(axis=1)) > LOUD
        probabilities = judged(model, rows)[0]
        assert loud.any()
        assert (probabilities[loud] > PROBABLE).mean() > 0.7  # noqa: PLR2004 - most of it
        assert probabilities[:5].max() < IMPROBABLE

    @proves(VadAbility.NOISE)
    def test_loud_noise_is_improbable(self, model: SpeechModel) -> None:
        if not self.claims(VadAbility.NOISE):
            not_claimed(VadAbility.NOISE)
        noise = with_noise(np.zeros(3 * model.rate, np.float32), LEVEL)
        assert np.median(judged(model, rows_of(noise, model))) < IMPROBABLE

    # --- budget

    def test_a_second_of_audio_costs_little(self, model: SpeechModel) -> None:
        rows = shifted(model, BATCH)
        count = rows.shape[1]
        judged(model, rows[:, :2])
        began = time.process_time()
        judged(model, rows)
        spent = time.process_time() - began
        seconds = BATCH * count * model.window / model.rate
        assert spent / seconds * 1000 < self.kit.milliseconds


@cache
def built(kit: VadKit) -> SpeechModel:
    """The detector of a kit."""
    found: SpeechModel = choose(kit).build(QUIET)
    return found


def empty(model: SpeechModel, batch: int) -> F32:
    """The states of new streams."""
    return np.zeros((batch, *model.state), np.float32)


def some_windows(model: SpeechModel, batch: int) -> F32:
    """Different windows of speech: (batch, window)."""
    rows = rows_of(speech(model.rate), model)[0]
    chosen: F32 = rows[np.arange(batch) * 3 % len(rows)]
    return chosen


def rows_of(samples: F32, model: SpeechModel) -> F32:
    """One stream as windows: (1, windows, samples)."""
    count = len(samples) // model.window
    rows: F32 = samples[: count * model.window].reshape(1, count, model.window)
    return rows


def shifted(model: SpeechModel, streams: int) -> F32:
    """Streams that speak at different times: (streams, windows, samples)."""
    samples = speech(model.rate)
    rows = [
        rows_of(np.roll(samples, index * model.window * 5 // 2), model) for index in range(streams)
    ]
    return np.concatenate(rows)


def judged(model: SpeechModel, rows: F32) -> F32:
    """The probabilities of streams: (streams, windows)."""
    state = empty(model, len(rows))
    answers = []
    for index in range(rows.shape[1]):
        probabilities, state = model.probabilities(rows[:, index], state)
        answers.append(probabilities)
    return np.stack(answers, axis=1)
