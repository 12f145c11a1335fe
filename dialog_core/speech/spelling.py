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
from functools import cache

from dialog_core.speech.figures import figure_rewritings
from dialog_core.speech.locales import locale_of
from dialog_core.speech.plain import PLAIN_TEXT, symbols_in, to_plain
from dialog_core.speech.written import Spelling, Wording, Written, as_written

__all__ = ["spelling_of"]

FIGURES = re.compile(r"[\d½¼¾⅓⅔]")


@cache
def spelling_of(language: str, *, markdown: bool = True, numbers: bool = True) -> Spelling:
    """For a language. language: BCP-47. numbers: put numbers into words, where the language is known."""
    symbols, locale = symbols_in(language), locale_of(language)
    rewritings = figure_rewritings(locale) if locale is not None and numbers else ()
    if not markdown and not rewritings:
        return as_written

    def spell(text: str) -> tuple[str, Written | None]:
        if PLAIN_TEXT.match(text):
            return text, None
        wording = Wording(text)
        if markdown:
            to_plain(wording, symbols)
        if FIGURES.search(wording.text):
            for pattern, spoken in rewritings:
                wording.rewrite(pattern, spoken)
        return wording.text, wording.finished()

    return spell
