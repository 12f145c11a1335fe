"""Which voice is which, by prints alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from dialog_diarize.settings import DiarizeSettings
from dialog_diarize.voices import Likeness, Voices
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F32 = NDArray[np.float32]

LIKENESS = Likeness(same=0.55, different=0.45)
ANGLES = st.floats(0, 2 * math.pi)
STRETCHES = st.lists(st.tuples(ANGLES, st.floats(0.3, 10)), max_size=40)


def voice(angle: float) -> F32:
    """A print; two of them are as alike as the cosine of their angle."""
    return np.array([math.cos(angle), math.sin(angle)], np.float32)


def voices(*, most: int = 4, enough: float = 1.5) -> Voices:
    return Voices(LIKENESS, most, enough)


def test_voices_are_numbered_as_they_are_first_heard() -> None:
    call = voices()
    heard = [call.number(voice(angle), 3.0) for angle in (0.0, 2.0, 0.1, 2.1, 0.0)]
    assert heard == [0, 1, 0, 1, 0]


def test_a_voice_in_doubt_is_not_labelled_and_changes_nothing() -> None:
    call, doubt = voices(), math.acos(0.5)
    assert call.number(voice(0.0), 3.0) == 0
    assert [call.number(voice(doubt), 3.0) for _ in range(5)] == [None] * 5
    assert call.number(voice(-math.acos(0.56)), 3.0) == 0


def test_a_short_stretch_makes_no_new_voice_but_may_be_a_known_one() -> None:
    call = voices()
    assert call.number(voice(0.0), 1.0) is None
    assert call.number(voice(0.0), 1.5) == 0
    assert call.number(voice(0.1), 0.5) == 0
    assert call.number(voice(3.0), 1.0) is None


def test_one_voice_too_many_cannot_be_told() -> None:
    call = voices(most=2)
    assert [call.number(voice(angle), 3.0) for angle in (0.0, 2.0, 4.0, 2.0)] == [0, 1, None, 1]


def test_a_voice_that_changes_slowly_stays_one() -> None:
    call = voices()
    assert {call.number(voice(step * 0.05), 5.0) for step in range(100)} == {0}


@given(STRETCHES)
def test_numbers_have_no_gaps_and_never_pass_the_bound(
    stretches: list[tuple[float, float]],
) -> None:
    call, known = voices(most=3), 0
    for angle, seconds in stretches:
        number = call.number(voice(angle), seconds)
        if number is not None:
            assert number <= known
            known = max(known, number + 1)
    assert known <= 3


@given(STRETCHES, ANGLES)
def test_who_was_just_heard_is_heard_again(
    stretches: list[tuple[float, float]], angle: float
) -> None:
    call = voices()
    for before, seconds in stretches:
        call.number(voice(before), seconds)
    number = call.number(voice(angle), 4.0)
    assert number is None or call.number(voice(angle), 4.0) == number


def test_a_new_voice_may_not_be_more_alike_than_the_same() -> None:
    with pytest.raises(ValueError, match="must be at most same"):
        DiarizeSettings(same=0.4, different=0.5)
