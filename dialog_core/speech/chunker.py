"""From a stream of tokens to speakable segments (pure).

The first segment leaves at the first clause, so that the caller hears something early; the others leave at sentence
ends, which sound better. Short sentences are segments like any other: "No." is an answer.

A mark such as a full stop is a *candidate*. It is judged as soon as enough is known of what follows: mostly one
character (a full stop ends a sentence only before white space, and not in "3.14"), a whole word where an abbreviation
leaves it open ("4 p.m. Please" or "4 p.m. Monday"). How the text was cut into tokens therefore does not matter, and no
number, address, link or code is cut apart::

    "It is 3." ? "14 now, and Dr." ? " Smith" | ...      ? not known yet: the text waits, at most PEEK characters
"""

from __future__ import annotations

import re

import attrs

from dialog_core.speech.abbreviations import (
    CALENDAR,
    GERMAN_MONTHS,
    Abbreviations,
    abbreviations_in,
)

__all__ = ["FIRST_CLAUSE", "LONGEST", "Chunker"]

# ruff: noqa: RUF001 - the marks of all scripts are meant
CLOSERS = "\"'”’“)\\]»›」』）】*_~`"
OTHERS = rf"|[。！？｡।॥۔؟]+[{CLOSERS}]*|[,;:—–][{CLOSERS}]*|[、，；：،؛]|\n"
CANDIDATES = re.compile(rf"[.!?…]+[{CLOSERS}]*{OTHERS}")
FRENCH_CANDIDATES = re.compile(rf"[.!?…]+[{CLOSERS}]*(?:\s»)?{OTHERS}")
STOPS, WIDE_STOPS, WIDE_CLAUSES = (
    frozenset(".!?…"),
    frozenset("。！？｡।॥۔؟"),
    frozenset("、，；：،؛"),
)
SPEAKABLE = re.compile(r"\w")
WORD_BEFORE = re.compile(r"[^\s(\[\"'“”„«¿¡*_/]*\Z")
TWO_WORDS_BEFORE = re.compile(r"([^\W\d_]+),?\s+\d{1,2}\Z")
NEXT_WORD = re.compile(r"\s*[(\[\"'“„«¿¡*_]*([^\W\d_]+)")
ITEM = re.compile(r"\s*[*_]*(?:\d{1,3}|[A-Za-z])")
LETTERS = re.compile(r"[^\W\d_](?:\.\s?[^\W\d_]{1,2})*\Z")
FIRST_CLAUSE = 12
"""Characters that the first clause needs; "Well," alone would only cost a round trip. Half as many of wide ones."""
LONGEST = 240
"""Characters after which a segment is cut at the last clause or blank, whatever it means."""
DAY_DIGITS = 2
PEEK = 16
"""Characters behind a candidate that may be needed to judge it."""


@attrs.define
class Chunker:
    """Cuts one reply's text into segments. Nothing is added, lost or reordered."""

    language: str = ""
    """BCP-47 tag; its abbreviations are known, see :mod:`~dialog_core.speech.abbreviations`."""
    _is_french: bool = attrs.field(init=False)
    _text: str = ""
    _judged: int = 0
    """Candidates before this are no ends."""
    _first: bool = True
    _line: bool = True
    """The text begins a line."""

    def __attrs_post_init__(self) -> None:
        self._is_french = self.language[:2].lower() == "fr"

    def push(self, delta: str) -> tuple[str, ...]:
        """Take more text; returns the segments that are complete now, each with its trailing blank."""
        text = self._text = self._text + delta
        if len(text) <= LONGEST and CANDIDATES.search(text, self._judged) is None:  # per token
            self._judged = len(text)
            return ()
        return tuple(self._cut(final=False))

    def flush(self) -> tuple[str, ...]:
        """All that is left, whether or not it ends a sentence; nothing if it is blank."""
        segments = self._cut(final=True)
        rest, self._text, self._judged = self._text, "", 0
        if rest.strip():
            segments.append(rest)
            self._first = False
        self._line = True
        return tuple(segments)

    def _cut(self, *, final: bool) -> list[str]:
        segments = []
        while (end := self._next_end(final=final)) is not None:
            segment, self._text = self._text[:end], self._text[end:]
            segments.append(segment)
            self._judged, self._first, self._line = 0, False, segment.endswith("\n")
        return segments

    def _next_end(self, *, final: bool) -> int | None:
        """Where the first complete segment ends, its blank included; None if there is none yet."""
        text, size = self._text, len(self._text)
        candidates = FRENCH_CANDIDATES if self._is_french else CANDIDATES
        for match in candidates.finditer(text, self._judged):
            start, end = match.span()
            if end > LONGEST:
                return self._forced_end()
            ends = self._judge(start, end, final=final)
            if ends is None:
                self._judged = start
                return None
            if ends:
                return end if text[start] == "\n" else past_blank(text, end)
        self._judged = size
        if size > LONGEST + PEEK or (final and size > LONGEST):
            return self._forced_end()
        return None

    def _judge(self, start: int, end: int, *, final: bool) -> bool | None:
        """Whether a segment ends with this candidate; None if more text has to come first."""
        text, mark = self._text, self._text[start]
        if mark == "\n":
            return SPEAKABLE.search(text, 0, start) is not None
        if end == len(text):
            return False if final else None
        if SPEAKABLE.search(text, 0, start) is None:
            return False
        if mark in STOPS:
            if not text[end].isspace():
                return False
            ends = self._ends_sentence(start, end, final=final)
            return ends and not is_open(text, end)
        if mark in WIDE_STOPS:
            return not is_open(text, end)
        return self._is_first_clause(start, end, final=final)

    def _is_first_clause(self, start: int, end: int, *, final: bool) -> bool | None:
        text = self._text
        if not self._first:
            return False
        if text[start] in WIDE_CLAUSES:
            return 2 * end >= FIRST_CLAUSE and not is_open(text, end)
        if end < FIRST_CLAUSE or not text[end].isspace():
            return False
        if text[start - 1].isdigit():  # "Nov. 21, 2026"
            if end + 1 == len(text):
                return False if final else None
            if text[end + 1].isdigit():
                return False
        return not is_open(text, end)

    def _ends_sentence(self, start: int, end: int, *, final: bool) -> bool | None:
        """Whether a stop before white space ends a sentence."""
        text = self._text
        if self._is_french and end + 1 == len(text):  # "Venez ! »"
            return False if final else None
        if text[start:end] != ".":
            pause = (
                text[start] == "…" or text.startswith("..", start) or is_quoted(text, start, end)
            )
            return self._no_lower_follows(end, final=final) if pause else True
        known = abbreviations_in(self.language)
        found = WORD_BEFORE.search(text, 0, start)
        word = text[found.start() if found else start : start]
        if self._is_item(start):
            return False
        if word.isdigit():
            return (
                not known.ordinals
                or len(word) > DAY_DIGITS
                or self._ends_in_number(known, end, final=final)
            )
        lower = word.lower()
        if lower in known.tails:
            return self._sentence_follows(end, final=final)
        if lower in known.numbered and len(word) > 1:
            return self._no_digit_follows(end, final=final)
        if lower in known.titles:
            return False
        if len(word) == 1 and word.islower():
            return self._sentence_follows(end, final=final)
        if lower == "st" or LETTERS.match(word):
            return self._sentence_follows(end, final=final, starters=known.starters)
        return True

    def _is_item(self, start: int) -> bool:
        """True for the stop behind the number of a list's item."""
        line = self._text.rfind("\n", 0, start) + 1
        return (line > 0 or self._line) and ITEM.fullmatch(self._text, line, start) is not None

    def _ends_in_number(self, known: Abbreviations, end: int, *, final: bool) -> bool | None:
        """Whether "3." is the end of a sentence, where it can be "third"."""
        before = TWO_WORDS_BEFORE.search(self._text, 0, end - 1)
        if before and before[1].lower() in known.before_ordinals:
            return False
        following = self._next_word(end, final=final)
        return None if following is None else not following.lower().startswith(GERMAN_MONTHS)

    def _no_digit_follows(self, end: int, *, final: bool) -> bool | None:
        following = self._next_character(end, final=final)
        return None if following is None else not following.isdigit()

    def _no_lower_follows(self, end: int, *, final: bool) -> bool | None:
        following = self._next_character(end, final=final)
        return None if following is None else not following.islower()

    def _sentence_follows(
        self, end: int, *, final: bool, starters: frozenset[str] | None = None
    ) -> bool | None:
        """Whether the next word begins a sentence; None if it is not known yet. starters: only these words do."""
        word = self._next_word(end, final=final)
        if word is None:
            return None
        begins = word.lower() not in CALENDAR if starters is None else word.lower() in starters
        return begins and word[:1].isupper()

    def _next_character(self, end: int, *, final: bool) -> str | None:
        """What follows the blanks, empty if nothing does; None while it may come."""
        following = self._text[end : end + PEEK].lstrip()[:1]
        return None if not (following or final or len(self._text) >= end + PEEK) else following

    def _next_word(self, end: int, *, final: bool) -> str | None:
        """The word behind the candidate, as far as `PEEK` reaches; None while more of it may come."""
        found = NEXT_WORD.match(self._text, end, end + PEEK)
        edge = min(end + PEEK, len(self._text))
        if not final and len(self._text) < end + PEEK:
            if not self._text[end:].strip() or (found is not None and found.end() == edge):
                return None
            if found is None and NOTHING_YET.match(self._text, end):
                return None
        return found[1] if found else ""

    def _forced_end(self) -> int:
        """Where a segment ends that became too long: at a clause of its second half, or between words."""
        text = self._text
        for match in CANDIDATES.finditer(text, LONGEST // 2, LONGEST):
            end = match.end()
            if text[end : end + 1].isspace() and not is_digit_group(text, end) and end < LONGEST:
                return end + 1
        cut = LONGEST
        while (cut := text.rfind(" ", 0, cut)) > 0:
            if not is_digit_group(text, cut):
                break
        cut += 1
        return cut if text[:cut].strip() else LONGEST


NOTHING_YET = re.compile(r"\s*[(\[\"'“„«¿¡*_]*\Z")


def is_quoted(text: str, start: int, end: int) -> bool:
    """True if a quotation ends with the stop: the sentence around it may go on."""
    return any(closer in "\"'”’“»›)]" for closer in text[start:end])


def is_digit_group(text: str, blank: int) -> bool:
    """True if the blank stands within a number, such as "1 250" or "555 0123"."""
    return text[blank - 1].isdigit() and text[blank + 1 : blank + 2].isdigit()


def is_open(text: str, end: int) -> bool:
    """True inside of a link or of inline code, where no segment may end."""
    if "[" in text and text.rfind("[", 0, end) > text.rfind("]", 0, end):
        return True
    if "](" in text and text.rfind("](", 0, end) > text.rfind(")", 0, end):
        return True
    return "`" in text and text.count("`", 0, end) % 2 == 1


def past_blank(text: str, end: int) -> int:
    """The position after the blank that follows `end`, if one does."""
    return end + (end < len(text) and text[end].isspace())
