"""Times of day in what a caller said, as people say them and as a recogniser writes them. Pure.

"Half past ten", "10:30", "ten thirty" and the mishearing "have passed ten" are the same time.
"""

from __future__ import annotations

import datetime as dt

import attrs

from dialog_local.booking.vocabulary import MONTHS, ORDINALS, negated, number_at, several, words

__all__ = ["Moment", "find_time", "say_time"]

NOON = 12
HOURS = 24
MINUTES = 60
FIRST_OFFICE_HOUR = 7
"""An hour without "am" or "pm" below this is in the afternoon."""
COUNTED = frozenset(
    several("day days week weeks hour hours minute minutes moment second seconds of people")
)
"""A number before one of these is no time."""
AT = (["at"], ["around"], ["about"])


@attrs.frozen
class Moment:
    """A time of day that was said, and how surely it was meant as one."""

    time: dt.time
    plain: bool
    """True for a bare number: only a time if a time was asked for."""


def find_time(text: str) -> Moment | None:
    """The time of day that was said; the last one wins, and a sure one wins over a bare number."""
    said = words(text)
    found: list[tuple[bool, int, Moment]] = []
    at = 0
    while at < len(said):
        match = past_time(said, at) or clock_time(said, at) or named_time(said, at)
        if match is None:
            at += 1
            continue
        moment, length = match
        if not negated(said, at):
            found.append((not moment.plain, at, moment))
        at += length
    return max(found, key=lambda each: each[:2])[2] if found else None


def named_time(said: list[str], at: int) -> tuple[Moment, int] | None:
    return (Moment(dt.time(NOON), plain=False), 1) if said[at] in {"noon", "midday"} else None


def past_time(said: list[str], at: int) -> tuple[Moment, int] | None:
    """As in "Half past ten", "a quarter to three", "twenty past nine", also misheard as "have passed ten"."""
    minutes, length = {"half": (30, 1), "have": (30, 1), "quarter": (15, 1)}.get(
        said[at], (None, 0)
    )
    if minutes is None:
        number = number_at(said, at)
        if number is None or number[0] >= MINUTES:
            return None
        minutes, length = number
    if said[at + length : at + length + 1] == ["a"]:
        length += 1
    sign = {"past": 1, "passed": 1, "after": 1, "to": -1, "before": -1}.get(
        "".join(said[at + length : at + length + 1])
    )
    hour = number_at(said, at + length + 1)
    if (
        sign is None
        or hour is None
        or not 1 <= hour[0] <= NOON
        or (said[at] == "have" and sign < 0)
    ):
        return None
    end = at + length + 1 + hour[1]
    total = on_the_day(hour[0], said, end) * MINUTES + sign * minutes
    return Moment(from_minutes(total), plain=False), end - at


def clock_time(said: list[str], at: int) -> tuple[Moment, int] | None:
    """As in "10:30", "ten thirty", "1030", "ten o'clock", "3 pm", "at ten", or a bare "ten"."""
    number = number_at(said, at)
    if number is None:
        return None
    hour, length = number
    minute = 0
    if said[at].isdigit() and len(said[at]) in {3, 4}:
        hour, minute = divmod(hour, 100)
    elif (more := minutes_at(said, at + length)) is not None:
        minute, extra = more
        length += extra
    if hour >= HOURS or minute >= MINUTES:
        return None
    end = at + length
    if is_something_else(said, at, end):
        return None
    marked = said[end : end + 1] in (["am"], ["pm"], ["oclock"])
    sure = marked or minute or part_of_day(said, end) or said[max(at - 1, 0) : at] in AT
    total = on_the_day(hour, said, end) * MINUTES + minute
    return Moment(from_minutes(total), plain=not sure), length + marked


def is_something_else(said: list[str], at: int, end: int) -> bool:
    """Whether a number is part of a date, or counts something: "the twenty fourth", "in two weeks", "one moment"."""
    before, after = said[max(at - 1, 0) : at], said[end : end + 1]
    if after and (after[0] in COUNTED or after[0] in MONTHS or after[0] in ORDINALS):
        return True
    return bool(before) and before[0] in MONTHS


def minutes_at(said: list[str], at: int) -> tuple[int, int] | None:
    """Minutes after an hour: "thirty", "45", "oh five"."""
    number = number_at(said, at)
    if number is None:
        return None
    if len(said[at]) == 2 and said[at].isdigit() and number[0] < MINUTES:  # noqa: PLR2004
        return number
    if number[0] == 0 and (digit := number_at(said, at + 1)) and digit[0] < 10:  # noqa: PLR2004
        return digit[0], number[1] + digit[1]
    return number if 10 <= number[0] < MINUTES else None  # noqa: PLR2004


def on_the_day(hour: int, said: list[str], after: int) -> int:
    """The hour of 24, from what is said behind it, or the likeliest of office hours."""
    match part_of_day(said, after):
        case "pm":
            return hour % NOON + NOON
        case "am":
            return hour % NOON
    return hour + NOON if 0 < hour < FIRST_OFFICE_HOUR else hour


def part_of_day(said: list[str], after: int) -> str:
    """As in "am", "pm" or nothing, from the next few words."""
    rest = {*said[after : after + 4]}
    if rest & {"pm", "afternoon", "evening"}:
        return "pm"
    return "am" if rest & {"am", "morning"} else ""


def from_minutes(total: int) -> dt.time:
    hour, minute = divmod(total % (HOURS * MINUTES), MINUTES)
    return dt.time(hour, minute)


def say_time(time: dt.time) -> str:
    """As in "10:30 AM", "3 PM"."""
    hour = (time.hour - 1) % NOON + 1
    minute = f":{time.minute:02}" if time.minute else ""
    return f"{hour}{minute} {'PM' if time.hour >= NOON else 'AM'}"
