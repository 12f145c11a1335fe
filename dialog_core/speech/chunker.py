"""From a stream of tokens to speakable segments (pure).

The first segment leaves at the first clause, so that the caller hears something early; the others leave at sentence
ends, which sound better. A full stop ends a sentence only if white space follows and it is neither part of a number
nor of an abbreviation; so a segment waits for one more character, or for :meth:`Chunker.flush`. Short sentences are
segments like any other: "No." is an answer.
"""

from __future__ import annotations

import re

import attrs

__all__ = ["Chunker"]

ENDS = re.compile(r"[.!?…。！？]+[\"'”’)\]]*(?=\s)|\n+|[。！？]+")  # noqa: RUF001 - full-width marks are meant
STEPS = re.compile(r"[^\s。！？]*[\s。！？]|[^\s。！？]+")  # noqa: RUF001 - full-width marks are meant
"""Text up to each character that can complete a segment: looking there alone, tokens' edges do not matter."""
CLAUSES = re.compile(r"[,;:—–][\"'”’)\]]*(?=\s)")  # noqa: RUF001 - typographic dashes are meant
ABBREVIATION = re.compile(
    r"(?:^|[\s(\"'])(?:[A-Za-z]|[A-Za-z](?:\.[A-Za-z])+|Mr|Mrs|Ms|Dr|Prof|Sr|Jr|St|Ave|Rd|Blvd|vs|etc|approx|dept|ext|"
    r"No|Nos|Inc|Ltd|Co|Corp|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\.$"
)
SPEAKABLE = re.compile(r"\w")
FIRST_CLAUSE = 12
"""Characters that the first clause needs; "Well," alone would only cost a round trip."""
LONGEST = 240
"""Characters after which a segment is cut at the last clause or blank, whatever it means."""
ANSWERS = frozenset({"no.", "yes.", "ok."})


@attrs.define
class Chunker:
    """Cuts one reply's text into segments. Nothing is added, lost or reordered."""

    _text: str = ""
    _first: bool = True

    def push(self, delta: str) -> tuple[str, ...]:
        """Take more text; returns the segments that are complete now, each with its trailing blank."""
        segments = []
        for piece in STEPS.findall(delta):
            self._text += piece
            while (end := self._next_end()) is not None:
                segments.append(self._text[:end])
                self._text = self._text[end:]
                self._first = False
        return tuple(segments)

    def flush(self) -> tuple[str, ...]:
        """What is left, as a last segment; nothing if it is blank."""
        rest, self._text = self._text, ""
        self._first = self._first and not rest.strip()
        return (rest,) if rest.strip() else ()

    def _next_end(self) -> int | None:
        """Where the first complete segment ends, its blank included; None if there is none yet."""
        for match in ENDS.finditer(self._text):
            before = self._text[: match.end()]
            if match.end() <= LONGEST and SPEAKABLE.search(before) and not is_abbreviation(before):
                return past_blank(self._text, self._clause_before(match.end()) or match.end())
        clause = self._clause_before(len(self._text))
        if clause is not None:
            return past_blank(self._text, clause)
        if len(self._text) > LONGEST:
            cut = self._text.rfind(" ", 0, LONGEST) + 1
            return cut if self._text[:cut].strip() else LONGEST
        return None

    def _clause_before(self, end: int) -> int | None:
        """Where a segment may end within a sentence: the first one early, the others only if it is too long."""
        if not self._first and end <= LONGEST:
            return None
        shortest = FIRST_CLAUSE if self._first else LONGEST // 2
        clauses = (match.end() for match in CLAUSES.finditer(self._text, 0, min(end, LONGEST) + 1))
        return next((clause for clause in clauses if shortest <= clause < end), None)


def is_abbreviation(text: str) -> bool:
    """True if the full stop at the end belongs to a word, as in "Dr."."""
    return text.strip().lower() not in ANSWERS and ABBREVIATION.search(text) is not None


def past_blank(text: str, end: int) -> int:
    """The position after the blank that follows `end`, if one does."""
    return end + (end < len(text) and text[end].isspace())
