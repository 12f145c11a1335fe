"""Numbers of all kinds in words: money, percentages, units, telephone numbers, ordinals, fractions, ranges (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from dialog_core.speech.dates import Rewriting, date_rewritings, spoken_as_year
from dialog_core.speech.locales import Locale, Noun

__all__ = ["figure_rewritings"]

# ruff: noqa: RUF001 - typographic dashes, signs and blanks are meant
GROUPED = r"\d{1,3}(?:[.,'’\u00a0\u202f]\d{3})+(?:[.,]\d+)?(?!\d)"
SPACED = r"\d{1,3}(?: \d{3})+(?:[.,]\d+)?(?!\d)"
SIMPLE = r"\d+(?:[.,]\d+)?"
SYMBOLS = {
    "$": "USD",
    "€": "EUR",
    "£": "GBP",
    "¥": "JPY",
    "₹": "INR",
    "R$": "BRL",
    "US$": "USD",
    "C$": "CAD",
    "A$": "AUD",
}
SYMBOL = r"(?:US|R|C|A)?\$|€|£|¥|₹"
BEFORE = r"(?<![\w.,:/@$€£¥₹])"
BEHIND = r"(?![\w@]|[.,:/]\d)"
PHONE = re.compile(
    r"(?<![\w.,/:@+-])(?:\+\d{1,3}[ ./-]?)?(?:\(\+?\d{1,5}\)[ ./-]?)?\d{1,8}(?:[ ./-]\d{2,8}){0,6}(?![\w@]|[.,/:-]\d)"
)
EMERGENCY = frozenset({"911", "988", "999"})
PHONE_DIGITS = range(7, 16)
LONG_DIGITS = 7
"""Digits without groups from which a number is read digit by digit, in groups."""
BIG = re.compile(r"(?:mill?i(?:ard|on)|mill[oó]n|[mb]il(?:hão|hões))\w*$")
SIGNS = {"½": 0, "¼": 1, "¾": 2, "⅓": 3, "⅔": 4, "1/2": 0, "1/4": 1, "3/4": 2, "1/3": 3, "2/3": 4}
CENT_DIGITS = 2
YEARS = range(1100, 2100)
GROUP = 3


@cache
def figure_rewritings(locale: Locale) -> tuple[Rewriting, ...]:
    """All that turns a language's figures into words, in the order in which it has to be tried."""
    return (*date_rewritings(locale), *money(locale), *counted(locale), *numbers(locale))


def number_pattern(locale: Locale) -> str:
    """How numbers are written."""
    spaced = "" if locale.numerals.primary == "en" else f"|{SPACED}"
    return f"(?:{GROUPED}{spaced}|{SIMPLE})"


def parsed(raw: str, decimal: str) -> tuple[int, str]:
    """A number's whole part, and the digits of its fraction. decimal: the locale's mark, for who could be both."""
    marks = [mark for mark in raw if mark in ".,"]
    kinds = set(marks)
    point = ""
    if len(kinds) == 2:  # noqa: PLR2004 - both marks: the last one is the decimal one
        point = marks[-1]
    elif len(marks) == 1:
        behind = len(raw) - raw.index(marks[0]) - 1
        point = marks[0] if marks[0] == decimal or behind != GROUP else ""
    whole, _, fraction = raw.rpartition(point) if point else (raw, "", "")
    return int("".join(filter(str.isdigit, whole))), fraction


def spoken_number(locale: Locale, raw: str) -> str:
    """A number with its fraction digit by digit."""
    whole, fraction = parsed(raw, locale.decimal)
    words = locale.numerals.cardinal(whole)
    return f"{words} {locale.point} {locale.numerals.digits(fraction)}" if fraction else words


def spoken_count(locale: Locale, raw: str, noun: Noun) -> str:
    """A number and what it counts."""
    whole, fraction = parsed(raw, locale.decimal)
    if fraction.strip("0"):
        return f"{spoken_number(locale, raw)} {noun.many}"
    if fraction and not fraction.strip("0"):
        raw = str(whole)
    words = locale.numerals.counting(whole, feminine=noun.feminine)
    return f"{words}{joined(locale, words, noun.one if whole == 1 else noun.many)}"


def joined(locale: Locale, words: str, noun: str) -> str:
    """The noun with what stands before it: "dos millones de euros"."""
    of = locale.of if BIG.search(words) else " "
    return (
        f" d'{noun}"
        if of == " de " and locale.numerals.primary == "fr" and noun[0] in "aeiouéè"
        else f"{of}{noun}"
    )


# --- money


def money(locale: Locale) -> Iterator[Rewriting]:
    """For amounts with a symbol, a code or a name."""
    codes = [
        code for code in locale.nouns if code.isupper() and len(code) == GROUP and code.isascii()
    ]
    names = {
        name: code for code in codes for name in (locale.nouns[code].one, locale.nouns[code].many)
    }
    number, code = number_pattern(locale), "|".join(codes)
    scale = "|".join(sorted(map(re.escape, locale.scales), key=len, reverse=True))
    named = "|".join(sorted(map(re.escape, names), key=len, reverse=True))

    def amount(match: re.Match[str]) -> str | None:
        symbol = match["currency"]
        noun = locale.nouns.get(names.get(symbol, SYMBOLS.get(symbol, symbol)))
        if noun is None:
            return None
        words = spoken_amount(
            locale, match["number"], locale.scales.get(match["scale"] or ""), noun
        )
        if match["low"]:
            words = f"{spoken_number(locale, match['low'])} {locale.to} {words}"
        return f"{locale.minus} {words}" if match["sign"] else words

    low = rf"(?:(?P<low>{SIMPLE})\s?[-–]\s?)?"
    yield re.compile(rf"(?<=\d)\s?[-–]\s?(?=(?:{SYMBOL})\d)"), lambda _m: f" {locale.to} "
    yield (
        re.compile(
            rf"(?<![\w.,:/@-])(?P<sign>[-−])?(?P<currency>{SYMBOL}|{code})\s?{low}(?P<number>{number})"
            rf"(?:\s?(?P<scale>{scale})\b)?{BEHIND}"
        ),
        amount,
    )
    yield (
        re.compile(
            rf"(?<![\w.,:/@-])(?P<sign>[-−])?{low}(?P<number>{number})(?:\s?(?P<scale>{scale}))?\s?"
            rf"(?:d'|de |di )?(?P<currency>(?:{SYMBOL})(?!\w)|(?:{code}|{named})\b)"
        ),
        amount,
    )


def spoken_amount(locale: Locale, raw: str, scale: str | None, noun: Noun) -> str:
    """An amount of money."""
    whole, fraction = parsed(raw, locale.decimal)
    if scale is not None:
        words = f"{spoken_number(locale, raw)} {scale}"
        return f"{words}{joined(locale, words, noun.many)}"
    minor = locale.nouns.get(noun.minor)
    if minor is None or len(fraction) > CENT_DIGITS:
        return spoken_count(locale, raw, noun)
    cents = int(fraction.ljust(CENT_DIGITS, "0")) if fraction else 0
    major = spoken_count(locale, str(whole), noun)
    if not cents:
        return major
    small = spoken_count(locale, str(cents), minor)
    return f"{major} {locale.joint} {small}" if whole else small


# --- what is counted


def counted(locale: Locale) -> Iterator[Rewriting]:
    """For percentages and units."""
    units = {symbol: noun for symbol, noun in locale.nouns.items() if not is_currency(symbol)}
    symbols = "|".join(sorted(map(re.escape, units), key=len, reverse=True))

    def count(match: re.Match[str]) -> str:
        words = spoken_count(locale, match["number"], units[match["unit"]])
        if match["low"]:
            words = f"{spoken_number(locale, match['low'])} {locale.to} {words}"
        return f"{locale.minus} {words}" if match["sign"] else words

    number = number_pattern(locale)
    yield (
        re.compile(
            rf"{BEFORE}(?P<sign>(?<!\d)[-−])?(?:(?P<low>{SIMPLE})\s?[-–]\s?)?(?P<number>{number})"
            rf"[ \u00a0\u202f]?(?P<unit>{symbols})(?!\w)"
        ),
        count,
    )


def is_currency(symbol: str) -> bool:
    """True for ISO codes, and for the names of cents."""
    return (symbol.isupper() and len(symbol) == GROUP) or (len(symbol) > GROUP and symbol.isalpha())


# --- bare numbers


def numbers(locale: Locale) -> Iterator[Rewriting]:
    """For telephone numbers, ordinals, fractions, ranges, and all that is left."""
    numerals, number = locale.numerals, number_pattern(locale)
    yield PHONE, lambda m: spoken_phone(locale, m[0])
    yield (
        re.compile(r"(?:#|\b(?:[Nn]o|[Nn]r|[Nn]úm)\.|\b[Nn][°º])\s?(?=\d)"),
        lambda _m: f"{locale.number} ",
    )
    yield from ordinals(locale)
    yield (
        re.compile(
            rf"(?:{BEFORE}(?P<whole>\d+)\s?)?(?P<sign>[½¼¾⅓⅔]|{BEFORE}(?:1/2|[13]/4|[12]/3){BEHIND})"
        ),
        lambda m: spoken_fraction(locale, m["whole"], m["sign"]),
    )
    yield (
        re.compile(r"(?<![\w.,:/@-])(\d+)[-–](?=\d+(?![\w@-]|[.,:/]\d))"),
        lambda m: f"{m[1]} {locale.to} ",
    )
    yield re.compile(r"(?<=\d) – (?=\d)"), lambda _m: f" {locale.to} "
    yield re.compile(r"(?<![^\s(])[-−](?=\d)"), lambda _m: f"{locale.minus} "

    def plain(match: re.Match[str]) -> str | None:
        raw = match[0]
        if not raw.isdigit():
            return spoken_number(locale, raw)
        if raw in EMERGENCY and numerals.primary == "en":
            return numerals.digits(raw)
        if len(raw) >= LONG_DIGITS or (raw[0] == "0" and len(raw) > 1):
            return in_groups(locale, raw)
        if len(raw) == 4 and int(raw) in YEARS and not match.string.startswith("-", match.end()):  # noqa: PLR2004
            return spoken_as_year(locale, int(raw))
        return numerals.cardinal(int(raw))

    yield re.compile(rf"{BEFORE}{number}{BEHIND}"), plain


def spoken_fraction(locale: Locale, whole: str | None, sign: str) -> str:
    """``2 1/2``."""
    part = locale.fractions[SIGNS[sign]]
    if whole is None:
        return part
    joint = (
        "and"
        if locale.numerals.primary == "en"
        else {"es": "y"}.get(locale.numerals.primary, locale.joint)
    )
    part = "a half" if part == "one half" else part
    return f"{locale.numerals.cardinal(int(whole))} {joint} {part}"


def ordinals(locale: Locale) -> Iterator[Rewriting]:
    """For ordinals."""
    numerals = locale.numerals

    def german(match: re.Match[str]) -> str:
        ending = "" if match[1].lower() in {"der", "die", "das"} else "n"
        return f"{match[1]} {numerals.ordinal(int(match[2]))}{ending} "

    def french(match: re.Match[str]) -> str:
        first = {"re": "première", "ère": "première", "nd": "second", "nde": "seconde"}
        return first.get(match[2]) or numerals.ordinal(int(match[1]))

    def romance(match: re.Match[str]) -> str:
        words = numerals.ordinal(int(match[1]))
        return re.sub(r"o(?=\s|$)", "a", words) if match[2] == "ª" else words

    match numerals.primary:
        case "en":
            yield (
                re.compile(rf"{BEFORE}(\d[\d,]*)(?:st|nd|rd|th)\b"),
                lambda m: numerals.ordinal(int(m[1].replace(",", ""))),
            )
        case "de":
            yield (
                re.compile(
                    r"\b([Dd]er|[Dd]ie|[Dd]as|[Aa]m|[Vv]om|[Zz]um|[Dd]em|[Dd]en|[Dd]es|[Bb]eim|[Ii]m)\s+(\d{1,3})\.\s+"
                    r"(?=[A-ZÄÖÜ]\w)"
                ),
                german,
            )
        case "fr":
            yield re.compile(rf"{BEFORE}(\d+)(ers?|ère|re|ème|nde?|e)\b"), french
        case "nl":
            yield re.compile(rf"{BEFORE}(\d+)(?:ste|de|e)\b"), lambda m: numerals.ordinal(int(m[1]))
        case _:
            yield re.compile(rf"{BEFORE}(\d+)\.?([ºª])"), romance


def spoken_phone(locale: Locale, raw: str) -> str | None:
    """A telephone number in groups of digits; None for what is none."""
    groups = re.findall(r"\d+", raw)
    digits = sum(map(len, groups))
    if digits not in PHONE_DIGITS or not is_phone(raw, groups):
        return None
    numerals, start = locale.numerals, ["plus"] if raw.startswith("+") else []
    if numerals.primary == "fr" and all(len(group) <= CENT_DIGITS for group in groups[1:]):
        spoken = ", ".join(in_pairs(locale, group) for group in groups)
    else:
        spoken = ", ".join(in_groups(locale, group) for group in groups)
    return " ".join((*start, spoken))


def is_phone(raw: str, groups: list[str]) -> bool:
    """Whether it looks like a telephone number, rather than a large number, a date or a range."""
    if raw[0] in "+(" or "(" in raw:
        return True
    if len(groups) == 1 or ("/" in raw and (raw[0] != "0" or raw.count("/") > 1)):
        return False
    thousands = all(len(group) == GROUP for group in groups[1:]) and len(groups[0]) <= GROUP
    if raw[0] == "0":
        return True
    if len(groups) == 2:  # noqa: PLR2004 - "555-0123"
        return (len(groups[0]), len(groups[1])) == (3, 4) and raw[3] in "- "
    return not thousands or "-" in raw


def in_groups(locale: Locale, digits: str) -> str:
    """Digit by digit, with a pause after each three, or four at the end."""
    groups: list[str] = []
    while len(digits) > GROUP + 1:
        groups.append(digits[:GROUP])
        digits = digits[GROUP:]
    return ", ".join(locale.numerals.digits(group) for group in (*groups, digits))


def in_pairs(locale: Locale, group: str) -> str:
    """As French numbers are read: "zéro un, vingt-trois"."""
    numerals = locale.numerals
    return numerals.digits(group) if group[0] == "0" else numerals.cardinal(int(group))
