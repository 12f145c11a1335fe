from __future__ import annotations

import numpy as np
import pytest
from dialog_demo.sound import (
    Span,
    envelope,
    first_sound,
    last_sound,
    loudness,
    pause_in,
    sounds,
)
from hypothesis import given
from hypothesis import strategies as st

from dialog_core.audio import Encoding
from dialog_core.g711 import encode


def track(samples: int, *spans: tuple[int, int]) -> bytes:
    loud = np.zeros(samples, np.int16)
    for start, end in spans:
        loud[start:end] = 8000
    return encode(loud, Encoding.MULAW)


@given(
    start=st.integers(min_value=0, max_value=7000), length=st.integers(min_value=1, max_value=999)
)
def test_a_sound_is_found_to_the_sample(start: int, length: int) -> None:
    audio = track(8000, (start, start + length))
    assert sounds(audio) == (Span(start / 8000, (start + length) / 8000),)
    assert first_sound(audio, 0.0, 1.0) == start / 8000
    assert last_sound(audio, 0.0, 1.0) == (start + length) / 8000


def test_short_gaps_belong_to_a_word_and_long_ones_part_sounds() -> None:
    audio = track(16000, (0, 800), (1600, 2400), (8000, 8800))
    assert sounds(audio) == (Span(0.0, 0.3), Span(1.0, 1.1))


def test_a_window_hides_what_is_outside_of_it() -> None:
    audio = track(16000, (800, 1600), (8000, 8800))
    assert first_sound(audio, 0.3, 2.0) == 1.0
    assert last_sound(audio, 0.0, 0.9) == 0.2
    assert first_sound(audio, 0.3, 0.9) is None
    assert last_sound(audio, 1.2, 9.0) is None


def test_a_pause_is_the_longest_silence_between_sounds() -> None:
    audio = track(32000, (8000, 9000), (11000, 12000), (20000, 21000))
    assert pause_in(audio, 0.5) == Span(1.5, 2.5)
    assert pause_in(audio, 1.1) is None


def test_silence_has_no_sounds_and_no_loudness() -> None:
    assert sounds(b"\xff" * 800) == ()
    assert loudness(b"\xff" * 800) == -100.0


def test_loudness_is_of_what_sounds() -> None:
    short, long = track(8000, (0, 400)), track(80000, (0, 400))
    assert loudness(short) == loudness(long) == pytest.approx(20 * np.log10(8000 / 32768), abs=0.3)


def test_an_envelope_has_the_peaks_in_order() -> None:
    assert [peak > 0.2 for peak in envelope(track(8000, (4000, 5000)), 4)] == [
        False,
        False,
        True,
        False,
    ]
    assert envelope(b"", 3).tolist() == [0.0, 0.0, 0.0]
