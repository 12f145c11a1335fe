"""Days in what a caller said: "tomorrow", "next Tuesday", "the twenty fourth of November". Pure."""

from __future__ import annotations

import datetime as dt

from dialog_local.booking.vocabulary import (
    MONTHS,
    ORDINALS,
    WEEKDAYS,
    negated,
    number_at,
    ordinal_at,
    words,
)

__all__ = ["find_day", "say_day"]

LONGEST_MONTH = 31
WEEK = 7


def find_day(text: str, today: dt.date) -> dt.date | None:
    """The day that was said, the next of that name; the last one said wins: "not Monday, Tuesday"."""
    said = words(text)
    found = [
        (at, day)
        for at in range(len(said))
        if not negated(said, at)
        and (day := relative_day(said, at, today) or dated_day(said, at, today)) is not None
    ]
    return max(found, key=lambda each: each[0])[1] if found else None


def relative_day(said: list[str], at: int, today: dt.date) -> dt.date | None:
    """Today, tomorrow, a weekday, "in three days"."""
    word, rest = said[at].removesuffix("'s"), said[at + 1 :]
    if word in {"today", "tonight"}:
        return today
    if word == "tomorrow":
        return today + dt.timedelta(2 if said[max(at - 2, 0) : at] == ["day", "after"] else 1)
    name = word[:-1] if word.endswith("days") else word
    if name in WEEKDAYS:
        return weekday(said, at, WEEKDAYS.index(name), today)
    if word == "in" and (number := number_at(said, at + 1)):
        unit = "".join(rest[number[1] : number[1] + 1]).rstrip("s")
        return (
            today + dt.timedelta(number[0] * {"day": 1, "week": WEEK}[unit])
            if unit in {"day", "week"}
            else None
        )
    return None


def weekday(said: list[str], at: int, number: int, today: dt.date) -> dt.date:
    """The coming day of this name; with "next week" beside it, the one of the next calendar week."""
    nearby = " ".join(said[max(at - 3, 0) : at + 3])
    if "next week" in nearby:
        monday = today + dt.timedelta(WEEK - today.weekday())
        return monday + dt.timedelta(number)
    return today + dt.timedelta((number - today.weekday() - 1) % WEEK + 1)


def dated_day(said: list[str], at: int, today: dt.date) -> dt.date | None:
    """As in "November 24th", "24 November", "the twenty fourth of November", "the 24th"."""
    if said[at] in MONTHS:
        return month_first(said, at, today)
    day = ordinal_at(said, at)
    if day is None or not 1 <= day <= LONGEST_MONTH:
        return None
    after = [word for word in said[at + 1 : at + 4] if word != "of" and word not in ORDINALS][:1]
    if after and after[0] in MONTHS:
        return coming(day, MONTHS.index(after[0]) + 1, today)
    if at and said[at - 1] in MONTHS:
        return None  # found from the month already
    return coming(day, None, today)


def month_first(said: list[str], at: int, today: dt.date) -> dt.date | None:
    """A month's name and a number beside it; "may" alone is a verb."""
    month = MONTHS.index(said[at]) + 1
    after = [word for word in said[at + 1 : at + 4] if word != "the"]
    if after and (day := ordinal_at(after, 0)):
        return coming(day, month, today)
    if after and (number := number_at(after, 0)):
        return coming(number[0], month, today)
    if at and said[at - 1].isdigit():
        return coming(int(said[at - 1]), month, today)
    return None


def coming(day: int, month: int | None, today: dt.date) -> dt.date | None:
    """The next date with this day, and month if given, from today on; None if no month has it."""
    for ahead in range(13):
        year, index = divmod(today.month - 1 + ahead, 12)
        if month not in {None, index + 1}:
            continue
        try:
            date = dt.date(today.year + year, index + 1, day)
        except ValueError:
            continue
        if date >= today:
            return date
    return None


def say_day(day: dt.date) -> str:
    """As in "Tuesday, November 24th": short enough to be spoken."""
    return f"{WEEKDAYS[day.weekday()].capitalize()}, {MONTHS[day.month - 1].capitalize()} {nth(day.day)}"


def nth(number: int) -> str:
    """As in "1st", "22nd", "13th"."""
    last = 0 if 10 < number % 100 < 14 else number % 10  # noqa: PLR2004
    return f"{number}{({1: 'st', 2: 'nd', 3: 'rd'}).get(last, 'th')}"
