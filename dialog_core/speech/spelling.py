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
from functools import cache

import attrs

from dialog_core.fields import setting
from dialog_core.speech.figures import figure_rewritings
from dialog_core.speech.locales import locale_of
from dialog_core.speech.numerals import load
from dialog_core.speech.plain import PLAIN_TEXT, symbols_in, to_plain
from dialog_core.speech.written import Wording, Written

__all__ = ["Spelling", "TextSettings", "as_written", "spelling_of"]

Spelling = Callable[[str], tuple[str, Written | None]]
"""From a segment as written to the spoken form, and the way back; None if they are the same."""

FIGURES = re.compile(r"[\d½¼¾⅓⅔]")


def as_written(text: str) -> tuple[str, Written | None]:
    """Leave all to the voice."""
    return text, None


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


@attrs.frozen
class TextSettings:
    """What a voice is given for what the agent writes; the history keeps what was written."""

    markdown: bool = setting(
        default=True,
        help="leave out markdown, tags and emoji, and read web and e-mail addresses aloud",
    )
    numbers: str | None = setting(
        default=None,
        one_of=("words", "voice"),
        help="who puts numbers, amounts, dates and times into words: dialog (words), as far as it knows the language, "
        "or the text-to-speech (voice); words unless set, or unless the text-to-speech says that it does it",
    )

    def spelling(self, language: str, session: object = None) -> Spelling:
        """For a language and a session of a text-to-speech, which may have an attribute ``reads_numbers``."""
        numbers = self.numbers or ("voice" if getattr(session, "reads_numbers", False) else "words")
        return spelling_of(language, markdown=self.markdown, numbers=numbers == "words")

    def prepare(self, language: str) -> None:
        """Load what the language needs, before the first call. language: BCP-47."""
        if self.numbers != "voice" and locale_of(language) is not None:
            load()
            self.spelling(language)
