"""A text and the way it is spoken, with the way back (pure).

A voice is given the spoken form, the history keeps the written one. When so many words of the spoken form have been
heard, the history needs the prefix of the written form that they stand for::

    written   It costs **$24.99** now.
    spoken    It costs twenty-four dollars and ninety-nine cents now.
    needs     1  2     7                                          8       spoken words until the written word is heard

A written word is heard when all spoken words that come of it are, so half an amount is none. What is not spoken at all,
such as a bullet, goes with the word before it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import accumulate

import attrs

__all__ = ["Spelling", "Wording", "Written", "as_written"]

WORD = re.compile(r"\S+")
TOKEN = re.compile(r"\s*\S+\s*")


@attrs.frozen
class Written:
    """A segment as the agent wrote it."""

    text: str
    needs: tuple[int, ...]
    """For each of its words: how many words of the spoken form have to be heard for it."""

    def upto(self, words: int) -> str:
        """What has been heard of the text after so many words of the spoken form; whole words, blanks kept."""
        if words <= 0:
            return ""
        end = 0
        for token, need in zip(TOKEN.finditer(self.text), self.needs, strict=True):
            if need > words:
                break
            end = token.end()
        return self.text[:end]


@attrs.define
class Wording:
    """A text that is being rewritten, and where each of its characters comes from."""

    written: str
    text: str = ""
    starts: list[int] | None = None
    """For each character, where in `written` that begins which it stands for; None while nothing was changed."""
    ends: list[int] | None = None

    def __attrs_post_init__(self) -> None:
        self.text = self.text or self.written

    def rewrite(
        self, pattern: re.Pattern[str], spoken: Callable[[re.Match[str]], str | None]
    ) -> None:
        """Replace what the pattern finds by what `spoken` makes of it; None leaves it as it is."""
        text = self.text
        pieces: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        done = 0
        for match in pattern.finditer(text):
            new = spoken(match)
            if new is None:
                continue
            if self.starts is None or self.ends is None:
                self.starts, self.ends = list(range(len(text))), list(range(1, len(text) + 1))
            first, last = match.span()
            pieces += (text[done:first], new)
            starts += self.starts[done:first]
            ends += self.ends[done:first]
            if new and last > first:
                starts += [self.starts[first]] * len(new)
                ends += [self.ends[last - 1]] * len(new)
            elif new:  # something put between: it belongs to what stands before it
                starts += [starts[-1] if starts else 0] * len(new)
                ends += [ends[-1] if ends else 0] * len(new)
            done = last
        if self.starts is None or self.ends is None or (not pieces and done == 0):
            return
        self.text = "".join((*pieces, text[done:]))
        self.starts = starts + self.starts[done:]
        self.ends = ends + self.ends[done:]

    def drop(self, pattern: re.Pattern[str]) -> None:
        """Remove what the pattern finds."""
        self.rewrite(pattern, lambda _match: "")

    def finished(self) -> Written | None:
        """The way back; None if the text is spoken as it is written."""
        if self.text == self.written or self.starts is None or self.ends is None:
            return None
        needed = [0] * len(self.written)
        for number, word in enumerate(WORD.finditer(self.text), 1):
            for place in range(*word.span()):
                for origin in range(self.starts[place], self.ends[place]):
                    needed[origin] = number
        words = WORD.finditer(self.written)
        needs = accumulate((max(needed[slice(*word.span())]) for word in words), max)
        return Written(self.written, tuple(needs))


Spelling = Callable[[str], tuple[str, Written | None]]
"""From a segment as written to the spoken form, and the way back; None if they are the same."""


def as_written(text: str) -> tuple[str, Written | None]:
    """Leave all to the voice."""
    return text, None
