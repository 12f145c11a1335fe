from __future__ import annotations

import datetime as dt

import pytest
from dialog_local.booking.times import find_time, say_time
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "hour", "minute"),
    [
        ("Half past ten, please", 10, 30),
        ("Have passed ten, please.", 10, 30),
        ("At half a past ten, please.", 10, 30),
        ("10:30", 10, 30),
        ("at 10.30", 10, 30),
        ("9.05", 9, 5),
        ("16:00", 16, 0),
        ("1030", 10, 30),
        ("Ten thirty would be good, please.", 10, 30),
        ("ten forty five", 10, 45),
        ("nine oh five", 9, 5),
        ("Quarter to three", 14, 45),
        ("a quarter past nine", 9, 15),
        ("twenty past nine", 9, 20),
        ("3pm", 15, 0),
        ("3 p.m.", 15, 0),
        ("three in the afternoon", 15, 0),
        ("ten in the morning", 10, 0),
        ("noon", 12, 0),
        ("at 5", 17, 0),
        ("ten to eleven", 10, 50),
        ("Sorry it can we make it 11 o'clock", 11, 0),
        ("not at ten, at eleven", 11, 0),
    ],
)
def test_a_time_is_understood(text: str, hour: int, minute: int) -> None:
    moment = find_time(text)
    assert moment is not None
    assert moment.time == dt.time(hour, minute)


@pytest.mark.parametrize("text", ["ten", "I have two kids", "make it eleven"])
def test_a_bare_number_is_only_maybe_a_time(text: str) -> None:
    moment = find_time(text)
    assert moment is not None
    assert moment.plain


@pytest.mark.parametrize(
    "text",
    ["", "tomorrow", "the twenty fourth of November", "in two weeks", "one moment", "November 4"],
)
def test_what_is_no_time_is_none(text: str) -> None:
    assert find_time(text) is None


@given(st.times().map(lambda time: time.replace(second=0, microsecond=0)))
def test_a_time_is_understood_as_it_is_said(time: dt.time) -> None:
    moment = find_time(say_time(time))
    assert moment is not None
    assert moment.time == time


@given(st.text())
def test_no_text_breaks_it(text: str) -> None:
    find_time(text)
