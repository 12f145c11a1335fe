from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dialog_core.resample import Resampler

pytestmark = pytest.mark.requirement("B.4")
RATES = [
    (source, target)
    for source in (8000, 16000, 24000)
    for target in (8000, 16000, 24000)
    if source != target
]
PAIRS = pytest.mark.parametrize(("source", "target"), [*RATES, (44100, 8000), (48000, 24000)])


def tone(hertz: float, rate: int, seconds: float = 0.2) -> NDArray[np.int16]:
    time = np.arange(int(rate * seconds)) / rate
    wave: NDArray[np.float64] = np.rint(10000 * np.sin(2 * np.pi * hertz * time))
    return wave.astype(np.int16)


def resample(samples: NDArray[np.int16], source: int, target: int) -> NDArray[np.int16]:
    resampler = Resampler(source, target)
    return np.concatenate((resampler.feed(samples), resampler.flush()))


def decibels(samples: NDArray[np.int16]) -> float:
    """Level against that of :func:`tone`, edges left out."""
    middle = samples[samples.size // 4 : -samples.size // 4].astype(float)
    return 20 * math.log10(max(float(np.sqrt(np.mean(middle**2))), 1e-3) / (10000 / math.sqrt(2)))


@PAIRS
@pytest.mark.parametrize("hertz", [300, 1000, 3200])
def test_speech_passes_unchanged_and_in_time(source: int, target: int, hertz: float) -> None:
    output = resample(tone(hertz, source), source, target)
    expected = tone(hertz, target)
    middle = slice(expected.size // 4, -expected.size // 4)
    assert np.abs(output[middle].astype(int) - expected[middle]).max() < 80


@pytest.mark.parametrize(("source", "hertz"), [(16000, 4700), (16000, 7000), (24000, 5000)])
def test_what_the_lower_rate_cannot_carry_is_rejected(source: int, hertz: float) -> None:
    assert decibels(resample(tone(hertz, source), source, 8000)) < -55


@pytest.mark.parametrize("target", [16000, 24000])
def test_no_image_appears_above_the_telephone_band(target: int) -> None:
    output = resample(tone(1000, 8000), 8000, target).astype(float)
    spectrum = np.abs(np.fft.rfft(output * np.hanning(output.size)))
    hertz = np.fft.rfftfreq(output.size, 1 / target)
    assert spectrum[hertz > 4600].max() < spectrum.max() / 500


@PAIRS
@given(length=st.integers(0, 500))
def test_as_much_comes_out_as_went_in(source: int, target: int, length: int) -> None:
    output = resample(np.ones(length, np.int16), source, target)
    assert output.size == -(-length * target // source)


@PAIRS
@given(data=st.data())
def test_the_cut_of_the_stream_does_not_matter(
    source: int, target: int, data: st.DataObject
) -> None:
    samples = tone(440, source, 0.03)
    cuts = sorted(data.draw(st.lists(st.integers(0, samples.size), max_size=10)))
    resampler = Resampler(source, target)
    outputs = [resampler.feed(piece) for piece in np.split(samples, cuts)]
    together = np.concatenate((*outputs, resampler.flush()))
    assert np.abs(together - resample(samples, source, target)).max() <= 1


@PAIRS
def test_output_comes_after_the_stated_delay(source: int, target: int) -> None:
    resampler = Resampler(source, target)
    fed = source // 10
    behind = 0.1 - resampler.feed(np.ones(fed, np.int16)).size / target
    assert behind <= resampler.delay + 1 / target
    assert resampler.delay < 0.0016


def test_the_same_rate_is_left_alone() -> None:
    samples = tone(440, 8000)
    assert (resample(samples, 8000, 8000) == samples).all()
    assert Resampler(8000, 8000).delay == 0


def test_a_flushed_stream_starts_anew() -> None:
    resampler = Resampler(8000, 16000)
    first = np.concatenate((resampler.feed(tone(300, 8000)), resampler.flush()))
    again = np.concatenate((resampler.feed(tone(300, 8000)), resampler.flush()))
    assert (first == again).all()


def test_loud_input_is_clipped_and_does_not_wrap() -> None:
    square = np.where(np.arange(400) // 20 % 2, 32767, -32768).astype(np.int16)
    output = resample(square, 8000, 24000).astype(int)
    assert np.abs(np.diff(output)).max() < 50000
