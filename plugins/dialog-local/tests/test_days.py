from __future__ import annotations

import datetime as dt

import pytest
from dialog_local.booking.days import find_day, say_day
from hypothesis import given
from hypothesis import strategies as st

SATURDAY = dt.date(2026, 11, 21)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("next Tuesday at ten thirty", (2026, 11, 24)),
        ("I would like to come on. Tuesday morning, please.", (2026, 11, 24)),
        ("Tuesdays are good", (2026, 11, 24)),
        ("on Saturday", (2026, 11, 28)),
        ("November 24th at 10.30", (2026, 11, 24)),
        ("november twenty fourth", (2026, 11, 24)),
        ("the twenty fourth of November", (2026, 11, 24)),
        ("24 November at 3 p.m.", (2026, 11, 24)),
        ("the 3rd", (2026, 12, 3)),
        ("on the thirty first", (2026, 12, 31)),
        ("May I come on May 5th?", (2027, 5, 5)),
        ("today", (2026, 11, 21)),
        ("Tomorrow's fine", (2026, 11, 22)),
        ("the day after tomorrow", (2026, 11, 23)),
        ("in two weeks", (2026, 12, 5)),
        ("in 3 days", (2026, 11, 24)),
        ("not Monday, Tuesday", (2026, 11, 24)),
        ("not on Monday but on Wednesday", (2026, 11, 25)),
    ],
)
def test_a_day_is_understood(text: str, day: tuple[int, int, int]) -> None:
    assert find_day(text, SATURDAY) == dt.date(*day)


@pytest.mark.parametrize(
    "text", ["", "I may be late", "february thirtieth", "not Monday", "half past ten", "in a hurry"]
)
def test_what_is_no_day_is_none(text: str) -> None:
    assert find_day(text, SATURDAY) is None


def test_next_week_is_the_next_calendar_week() -> None:
    monday = dt.date(2026, 11, 23)
    assert find_day("Tuesday next week", monday) == dt.date(2026, 12, 1)
    assert find_day("Tuesday", monday) == dt.date(2026, 11, 24)


@given(st.dates(dt.date(2024, 1, 1), dt.date(2030, 1, 1)), st.integers(1, 300))
def test_a_day_is_understood_as_it_is_said(today: dt.date, ahead: int) -> None:
    day = today + dt.timedelta(ahead)
    _, date = say_day(day).split(", ")
    assert find_day(date, today) == day


@given(st.text(), st.dates(dt.date(2024, 1, 1), dt.date(2030, 1, 1)))
def test_no_text_breaks_it(text: str, today: dt.date) -> None:
    day = find_day(text, today)
    assert day is None or day >= today
