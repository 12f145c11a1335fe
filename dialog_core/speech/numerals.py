"""Whole numbers in words, by the library num2words, which is imported when the first number is met."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import attrs

__all__ = ["Numerals"]

TOO_LONG = 15
"""Digits from which a number is read digit by digit."""
MASCULINE = {
    "es": ((r"veintiuno$", "veintiún"), (r"uno$", "un")),
    "it": ((r"^uno$", "un"),),
    "de": ((r"^eins$", "ein"),),
}
FEMININE = {
    "de": ((r"^eins$", "eine"),),
    "es": ((r"uno$", "una"), (r"cientos\b", "cientas")),
    "fr": ((r"\bun$", "une"),),
    "it": ((r"^uno$", "una"),),
    "pt": ((r"\bum$", "uma"), (r"\bdois$", "duas"), (r"entos\b", "entas")),
}


@lru_cache(maxsize=4096)
def convert(number: int, language: str, kind: str) -> str:
    """A number in words, without the commas that would be pauses."""
    from num2words import num2words  # type: ignore[import-untyped] # noqa: PLC0415 - it loads all its languages

    library: Any = num2words
    return str(library(number, lang=language, to=kind)).replace(",", "")


@attrs.frozen
class Numerals:
    """Numbers in one language's words."""

    language: str
    """As num2words calls it, such as ``pt_BR``."""
    brief: bool = False
    """Without "and", as Americans say it."""

    @property
    def primary(self) -> str:
        """ISO 639-1 code."""
        return self.language[:2]

    def cardinal(self, number: int) -> str:
        """In words: "minus" is not its business."""
        if number >= 10**TOO_LONG:
            return self.digits(str(number))
        return self._shortened(convert(number, self.language, "cardinal"))

    def ordinal(self, number: int) -> str:
        """Masculine where there is a choice."""
        return self._shortened(convert(number, self.language, "ordinal"))

    def year(self, number: int) -> str:
        """As years are read."""
        return self._shortened(convert(number, self.language, "year"))

    def digits(self, text: str) -> str:
        """One after the other; what is no digit is left out."""
        return " ".join(
            convert(int(digit), self.language, "cardinal") for digit in text if digit.isdigit()
        )

    def counting(self, number: int, *, feminine: bool = False) -> str:
        """In words that stand before a noun: "ein Euro", "una libra"."""
        words = self.cardinal(number)
        for pattern, instead in (FEMININE if feminine else MASCULINE).get(self.primary, ()):
            words = re.sub(pattern, instead, words)
        return words

    def _shortened(self, words: str) -> str:
        return words.replace(" and ", " ") if self.brief else words
