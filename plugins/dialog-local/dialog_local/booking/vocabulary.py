"""The words that days, times and numbers are said with, and how to find a number among them. Pure."""

from __future__ import annotations

import re

__all__ = [
    "MONTHS",
    "NUMBERS",
    "ORDINALS",
    "TENS",
    "WEEKDAYS",
    "negated",
    "number_at",
    "ordinal_at",
    "several",
    "words",
]

WORD = re.compile(r"\d+(?:st|nd|rd|th)\b|\d+|[a-z]+(?:'[a-z]+)?")
MERIDIEM = re.compile(r"\b([ap])\.?\s?m\b\.?")


def several(text: str) -> tuple[str, ...]:
    """The words of a list that is written as a sentence."""
    return tuple(text.split())


UNITS = several(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50}
NUMBERS = {word: number for number, word in enumerate(UNITS)} | TENS | {"oh": 0}
ORDINAL_UNITS = several(
    "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth "
    "thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
)
ORDINALS = {word: number for number, word in enumerate(ORDINAL_UNITS)} | {"thirtieth": 30}
WEEKDAYS = several("monday tuesday wednesday thursday friday saturday sunday")
MONTHS = several(
    "january february march april may june july august september october november december"
)


def words(text: str) -> list[str]:
    """The text's words and numbers, in lower case; "p.m." becomes "pm"."""
    lowered = MERIDIEM.sub(r"\1m", text.lower().replace("\u2019", "'"))
    lowered = re.sub(r"(\d)(am|pm)\b", r"\1 \2", lowered)
    return WORD.findall(lowered.replace("o'clock", "oclock").replace("o clock", "oclock"))


def number_at(said: list[str], at: int) -> tuple[int, int] | None:
    """The number that begins at a word, 0 to 59 in words or any digits, and how many words it takes."""
    if at >= len(said):
        return None
    word = said[at]
    if word.isdigit():
        return int(word), 1
    if word not in NUMBERS:
        return None
    if word in TENS and at + 1 < len(said) and 0 < NUMBERS.get(said[at + 1], 0) < 10:  # noqa: PLR2004
        return NUMBERS[word] + NUMBERS[said[at + 1]], 2
    return NUMBERS[word], 1


def ordinal_at(said: list[str], at: int) -> int | None:
    """The day of a month that begins at a word: "24th", "fourth", "twenty fourth"."""
    word = said[at]
    if at and said[at - 1] in TENS and ORDINALS.get(word, 10) < 10:  # noqa: PLR2004 - a unit
        return None  # found from the tens already
    if re.fullmatch(r"\d+(st|nd|rd|th)", word):
        return int(word[:-2])
    if word in ORDINALS:
        return ORDINALS[word]
    if word in TENS and at + 1 < len(said) and 0 < ORDINALS.get(said[at + 1], 0) < 10:  # noqa: PLR2004
        return NUMBERS[word] + ORDINALS[said[at + 1]]
    return None


def negated(said: list[str], at: int) -> bool:
    """Whether "not" stands just before: "not Monday", "not at ten"."""
    before = said[max(at - 2, 0) : at]
    return before[-1:] == ["not"] or before in (["not", "on"], ["not", "at"])
