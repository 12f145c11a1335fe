from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialog_core import g711
from dialog_core.audio import TELEPHONE, AudioFormat, AudioFrame, Encoding
from dialog_core.engine.windows import Cutter, RateConverter, Window

SECOND = 1 / 8000
PCM = AudioFormat(Encoding.PCM16, 16000)


@st.composite
def streams(draw: st.DrawFn) -> tuple[bytes, list[AudioFrame]]:
    data = draw(st.binary(min_size=1, max_size=2000))
    start = draw(st.floats(0, 1000))
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=10)))
    edges = [0, *cuts, len(data)]
    jitter = st.floats(-0.01, 0.01)
    frames = [
        AudioFrame(start + a * SECOND + (draw(jitter) if a else 0), data[a:b])
        for a, b in pairwise(edges)
    ]
    return data, frames


@given(stream=streams())
def test_windows_are_the_same_however_the_audio_is_cut(
    stream: tuple[bytes, list[AudioFrame]],
) -> None:
    data, frames = stream
    cutter = Cutter(TELEPHONE, 256)
    windows = [window for frame in frames for window in cutter.cut(frame)]
    start = frames[0].at
    assert windows == [
        Window(start + n * SECOND, data[n : n + 256]) for n in range(0, len(data) - 255, 256)
    ]


def test_after_a_gap_a_new_window_begins_at_the_new_time() -> None:
    cutter = Cutter(TELEPHONE, 256)
    assert cutter.cut(AudioFrame(1.0, b"a" * 200)) == ()
    assert cutter.cut(AudioFrame(3.0, b"b" * 300)) == (Window(3.0, b"b" * 256),)
    assert cutter.cut(AudioFrame(3.0375, b"c" * 212)) == (
        Window(3.0 + 256 * SECOND, b"b" * 44 + b"c" * 212),
    )


def test_a_frame_that_claims_to_be_too_early_follows_the_one_before() -> None:
    cutter = Cutter(TELEPHONE, 256)
    cutter.cut(AudioFrame(1.0, b"a" * 200))
    (window,) = cutter.cut(AudioFrame(0.5, b"b" * 56))
    assert window == Window(1.0, b"a" * 200 + b"b" * 56)


@pytest.mark.requirement("B.4", "B.6")
@pytest.mark.parametrize("cut", [320, 641, 77])
def test_another_rate_is_brought_to_the_models_with_its_times(cut: int) -> None:
    time = np.arange(16000) / 16000
    tone = np.rint(8000 * np.sin(2 * np.pi * 440 * time)).astype(np.int16)
    data = g711.encode(tone, Encoding.PCM16)
    convert = RateConverter(PCM, 8000).convert
    frames = [
        convert(AudioFrame(5 + start / 32000, data[start : start + cut]))
        for start in range(0, len(data), cut)
    ]
    ends = [frame.at + len(frame.data) / 16000 for frame in frames]
    assert [frame.at for frame in frames[1:]] == pytest.approx(ends[:-1])
    assert frames[0].at == 5
    assert ends[-1] == pytest.approx(6, abs=0.002)
    converted = g711.decode(b"".join(frame.data for frame in frames), Encoding.PCM16)
    assert np.abs(converted[100:7000].astype(int) - tone[::2][100:7000]).max() < 40


def test_a_gap_starts_the_conversion_anew() -> None:
    convert = RateConverter(PCM, 8000).convert
    convert(AudioFrame(0.0, bytes(641)))
    late = convert(AudioFrame(2.0, bytes(640)))
    assert late.at == 2.0
