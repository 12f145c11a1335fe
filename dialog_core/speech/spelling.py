"""What a voice is given for what an agent wrote: :func:`spelling_of` (pure).

::

    written   **Total:** $24.99, see [the list](https://shop.example/list).
    spoken    Total: twenty-four dollars and ninety-nine cents, see the list.

Markup, addresses and emoji are dealt with in every language. Numbers become words in the languages of
:mod:`~dialog_core.speech.locales`, and are left to the voice in others. It works on whole segments, which end in no
number, address or link; see :mod:`~dialog_core.speech.chunker`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from dialog_core.speech.figures import figure_rewritings
from dialog_core.speech.locales import locale_of
from dialog_core.speech.numerals import load
from dialog_core.speech.plain import PLAIN_TEXT, symbols_in, to_plain
from dialog_core.speech.written import Draft, Written

__all__ = ["Spelling", "as_written", "prepare", "spelling_of"]

Spelling = Callable[[str], tuple[str, Written | None]]
"""From a segment as written to the spoken form, and the way back; None if they are the same."""

FIGURES = re.compile(r"[\d½¼¾⅓⅔]")


def as_written(text: str) -> tuple[str, Written | None]:
    """Leave all to the voice."""
    return text, None


def prepare(language: str) -> None:
    """Load what a language needs, before the first call. language: BCP-47."""
    locale = locale_of(language)
    if locale is not None:
        load()
        figure_rewritings(locale)


def spelling_of(language: str, *, numbers: bool = True) -> Spelling:
    """For a language. language: BCP-47. numbers: put numbers into words, where the language is known."""
    symbols, locale = symbols_in(language), locale_of(language)
    rewritings = figure_rewritings(locale) if locale is not None and numbers else ()

    def spell(text: str) -> tuple[str, Written | None]:
        if PLAIN_TEXT.match(text):
            return text, None
        draft = Draft(text)
        to_plain(draft, symbols)
        if FIGURES.search(draft.text):
            for pattern, spoken in rewritings:
                draft.rewrite(pattern, spoken)
        return draft.text, draft.finished()

    return spell
