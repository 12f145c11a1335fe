"""What the network is given."""

from __future__ import annotations

import numpy as np
import pytest
from dialog_diarize.network import SEGMENT, surroundings
from dialog_diarize.voiceprint import BINS, RATE, filter_bank, voiced

NOISE = np.random.default_rng(2).normal(0, 0.1, 2 * RATE).astype(np.float32)


@pytest.mark.parametrize(
    ("samples", "frames"), [(0, 0), (399, 0), (400, 1), (560, 2), (32000, 198)]
)
def test_a_frame_comes_every_ten_milliseconds(samples: int, frames: int) -> None:
    assert filter_bank(NOISE[:samples]).shape == (frames, BINS)


def test_a_tone_sounds_in_its_band() -> None:
    time = np.arange(RATE) / RATE
    loudest = [
        int(filter_bank(np.sin(2 * np.pi * hertz * time).astype(np.float32)).mean(axis=0).argmax())
        for hertz in (200, 1000, 3000, 7000)
    ]
    mels = [1127 * np.log1p(hertz / 700) for hertz in (20, 200, 1000, 3000, 7000, 8000)]
    expected = [81 * (mel - mels[0]) / (mels[-1] - mels[0]) - 1 for mel in mels[1:-1]]
    assert loudest == pytest.approx(expected, abs=1)


def test_loudness_only_adds_a_constant() -> None:
    apart = filter_bank(NOISE) - filter_bank(NOISE * np.float32(0.5))
    assert apart == pytest.approx(2 * np.log(2), abs=1e-3)


def test_silence_is_not_voiced() -> None:
    samples = np.concatenate((NOISE[:RATE], NOISE[:RATE] * np.float32(0.001)))
    found = voiced(filter_bank(samples))
    assert found[:90].all()
    assert not found[105:].any()


@pytest.mark.parametrize("frames", [3, 199, 200, 500])
def test_surroundings_are_the_stretch_and_the_segment(frames: int) -> None:
    half = (frames + 1) // 2
    values = np.random.default_rng(4).normal(size=half).astype(np.float32)
    found = values @ surroundings(frames)
    for place in range(half):
        segment = place // SEGMENT * SEGMENT
        near = values[segment : segment + SEGMENT].mean()
        assert found[place] == pytest.approx(values.mean() + near, abs=1e-4)
