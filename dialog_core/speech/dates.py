"""Dates and times of day in words (pure)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from dialog_core.speech.locales import Locale

# ruff: noqa: RUF001 - typographic dashes are meant
__all__ = ["Rewriting", "date_rewritings"]

Rewriting = tuple[re.Pattern[str], Callable[[re.Match[str]], str | None]]
"""What to look for, and what to make of it; None leaves it as it is."""

CENTURY = 2000
TWO_DIGITS = 100
HOURS, MINUTES, DAYS, MONTHS = 24, 60, 31, 12
NOON = 12
YEARS = range(1900, 2000)
SHORT = {
    "en": {"sept": 9},
    "de": {"sept": 9, "mrz": 3},
    "fr": {"janv": 1, "févr": 2, "avr": 4, "juil": 7, "sept": 9, "déc": 12},
    "es": {"sept": 9},
    "nl": {"mrt": 3},
}
"""Abbreviations besides the first three letters."""
ARTICLES = r"(?:\b(der|die|das|am|vom|zum|dem|den|des|beim|im|seit|ab|bis)\s+)?"


def date_rewritings(locale: Locale) -> Iterator[Rewriting]:
    """For dates and times, in the order in which they have to be tried."""
    language = locale.numerals.primary
    names = month_names(locale)
    month = "|".join(sorted((re.escape(name) for name in names), key=len, reverse=True))
    flags = re.NOFLAG if language in {"en", "de"} else re.IGNORECASE
    article = ARTICLES if language == "de" else r"()"

    def numeric(year: str, first: str, second: str, *, lead: str | None = None) -> str | None:
        one, other = int(first), int(second)
        day, number = (other, one) if locale.month_first else (one, other)
        if number > MONTHS:
            day, number = number, day
        return spoken_date(locale, day, number, year, lead)

    def named(match: re.Match[str]) -> str | None:
        number = names.get(match["month"].lower().rstrip("."))
        return None if number is None else spoken_date(
            locale, int(match["day"]), number, match["year"] or "", match[1]
        )  # fmt: skip

    yield (
        re.compile(rf"{article}(?<![\w/.-])(\d{{4}})-(\d\d)-(\d\d)(?![\w/-])"),
        lambda m: spoken_date(locale, int(m[4]), int(m[3]), m[2], m[1]),
    )
    mark = {"de": r"\.", "nl": "[-/.]"}.get(language, r"[/.]" if not locale.month_first else "/")
    yield (
        re.compile(
            rf"{article}(?<![\w/.,-])(\d\d?)({mark})(\d\d?)\3(\d{{4}}|\d\d)(?![\w/-]|[.,]\d)"
        ),
        lambda m: numeric(m[5], m[2], m[4], lead=m[1]),
    )
    year = r"(?:,?\s+(?P<year>\d{4})(?![\w:%]|[.,]\d))?"
    if language == "en":
        yield (
            re.compile(
                rf"()\b(?P<month>{month})\.?\s+(?P<day>\d\d?)(?:st|nd|rd|th)?(?![\w:]|[.,/–-]\d){year}"
            ),
            named,
        )
        yield (
            re.compile(
                rf"()\b(?:[Tt]he\s+)?(?P<day>\d\d?)(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<month>{month})\b\.?{year}"
            ),
            named,
        )
    else:
        link = r"(?:\s+d[eo]l?\b)?" if language in {"es", "pt"} else ""
        year = rf"(?:{link}\s+(?P<year>\d{{4}})(?![\w:%]|[.,]\d))?"
        stop = r"\." if language == "de" else r"(?:\.|er|º|°|\.º)?"
        yield (
            re.compile(
                rf"{article}(?<![\w/.,-])(?P<day>\d\d?){stop}{link}\s*(?P<month>{month})\b(?:(?<!\w\w\w\w\w)\.)?{year}",
                flags,
            ),
            named,
        )
    yield from times(locale)


def month_names(locale: Locale) -> dict[str, int]:
    """Number of each month, by its names in lower case; as they are written where capitals matter."""
    names: dict[str, int] = {}
    for number, name in enumerate(locale.months, 1):
        names[name] = names[name[:3]] = number
    names |= {name.capitalize(): n for name, n in SHORT.get(locale.numerals.primary, {}).items()}
    lower = {name.lower(): number for name, number in names.items()}
    return CaseNames(names | lower) if locale.numerals.primary in {"en", "de"} else lower


class CaseNames(dict[str, int]):
    """Month names of a language that writes them with a capital: those in lower case are found, but not offered."""

    def __iter__(self) -> Iterator[str]:
        return (name for name in super().__iter__() if name[0].isupper())


def spoken_date(locale: Locale, day: int, month: int, year: str, lead: str | None) -> str | None:
    """A date in words; None if there is no such day. lead: a German article before it, which decides the ending."""
    if not (1 <= day <= DAYS and 1 <= month <= MONTHS):
        return None
    numerals, name = locale.numerals, locale.months[month - 1]
    number = int(year) if year else 0
    number += CENTURY if 0 < number < TWO_DIGITS or year == "00" else 0
    spoken_year = spoken_as_year(locale, number) if number else ""
    language = numerals.primary
    if language == "en" and locale.month_first:
        return f"{name} {numerals.ordinal(day)}" + (f", {spoken_year}" if number else "")
    if language == "en":
        return f"the {numerals.ordinal(day)} of {name} {spoken_year}".rstrip()
    if language == "de":
        article = (lead or "").lower()
        ending = "r" if not article else "" if article in {"der", "die", "das"} else "n"
        return " ".join(filter(None, (lead, numerals.ordinal(day) + ending, name, spoken_year)))
    first = {"fr": "premier", "it": "primo", "pt": "primeiro"}.get(language)
    spoken_day = first if day == 1 and first else numerals.cardinal(day)
    parts = (spoken_day, name, spoken_year)
    return (" de " if language in {"es", "pt"} else " ").join(filter(None, parts))


def spoken_as_year(locale: Locale, number: int) -> str:
    """A year in words."""
    language = locale.numerals.primary
    reads_pairs = language in {"en", "nl"} or (language == "de" and number in YEARS)
    return locale.numerals.year(number) if reads_pairs else locale.numerals.cardinal(number)


# --- times of day


def times(locale: Locale) -> Iterator[Rewriting]:
    """For times of day."""
    language = locale.numerals.primary
    begin, end = r"(?<![\w:.,])(\d\d?)", r"(?![\w:]|[.,]\d)"
    until = f" {locale.to} "
    yield re.compile(r"(?<=:\d\d)\s?[-–]\s?(?=\d\d?:\d\d)"), lambda _m: until
    if language == "en":
        yield (
            re.compile(r"(?<=[\dmM.])\s?[-–]\s?(?=\d\d?(?::\d\d)?\s?[AaPp]\.?[Mm])"),
            lambda _m: until,
        )
        half = r"\s?([AaPp])\.?\s?[Mm]\b\.?"
        yield (
            re.compile(rf"{begin}:(\d\d)(?::\d\d)?(?:{half}|{end})"),
            lambda m: english_time(locale, m),
        )
        yield re.compile(rf"{begin}(){half}"), lambda m: english_time(locale, m)
        return
    behind = {
        "de": r"\s*Uhr\b", "nl": r"\s*uur\b", "fr": r"\s*(?:heures|h)\b", "es": r"\s*(?:horas|hrs?|h)\b\.?",
        "it": r"\s*(?:ore|h)\b", "pt": r"\s*(?:horas|hrs?|h)\b",
    }[language]  # fmt: skip
    mark = "[:.]" if language in {"de", "nl", "it"} else ":"
    if language in {"fr", "pt", "es"}:
        yield (
            re.compile(rf"{begin}\s?[hH]\s?(\d\d)?(?:min)?{end}"),
            lambda m: spoken_time(locale, m[1], m[2]),
        )
    yield re.compile(rf"{begin}{mark}(\d\d){behind}"), lambda m: spoken_time(locale, m[1], m[2])
    yield re.compile(rf"{begin}:(\d\d)(?::\d\d)?{end}"), lambda m: spoken_time(locale, m[1], m[2])
    if language in {"de", "nl", "fr"}:
        yield re.compile(rf"{begin}(){behind}"), lambda m: spoken_time(locale, m[1], m[2])


def english_time(locale: Locale, match: re.Match[str]) -> str | None:
    """``4:30 p.m.``: the stop behind it is kept."""
    hour, minute, half = int(match[1]), int(match[2] or 0), (match[3] or "").lower()
    if hour >= HOURS or minute >= MINUTES:
        return None
    if not half and (hour > NOON or hour == 0):
        half = "p" if hour >= NOON else "a"
    numerals = locale.numerals
    words = numerals.cardinal((hour - 1) % NOON + 1)
    if minute:
        words += f" {'oh ' if minute < 10 else ''}{numerals.cardinal(minute)}"  # noqa: PLR2004 - one digit
    elif not half:
        words += " o'clock"
    return f"{words} {half}.m." if half else words


def spoken_time(locale: Locale, hours: str, minutes: str | None) -> str | None:
    """On the clock of 24 hours."""
    hour, minute = int(hours), int(minutes or 0)
    if hour > HOURS or minute >= MINUTES:
        return None
    numerals = locale.numerals
    language = numerals.primary
    words = numerals.counting(hour, feminine=language != "de")
    spoken_minute = numerals.cardinal(minute) if minute else ""
    match language:
        case "de":
            return f"{words} Uhr {spoken_minute}".rstrip()
        case "nl":
            return f"{numerals.cardinal(hour)} uur {spoken_minute}".rstrip()
        case "fr":
            return f"{words} heure{'s' if hour > 1 else ''} {spoken_minute}".rstrip()
        case "es":
            return f"{words} y {spoken_minute}" if minute else words
        case "it":
            return f"{words} e {spoken_minute}" if minute else words
        case _:
            hours_word = "hora" if hour == 1 else "horas"
            return f"{words} {hours_word} e {spoken_minute}" if minute else f"{words} {hours_word}"
