"""Whether what the recogniser understood is what the agent was saying (pure).

Recognisers hear an echo too. Its words are a run of the agent's own, in their order and at their time; as the
recogniser hears them twice removed, one in four may be wrong, and spelling may differ.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from difflib import SequenceMatcher

import attrs

from dialog_core.policies.lexicon import plain_words

__all__ = ["Said", "is_run", "runs_at_ends"]

SEGMENTS = 32
"""Segments that are remembered; a long reply has a dozen."""
WITHIN = 1.0
"""Seconds by which the time of a word, reckoned from its place in the text, may be wrong."""
CHARACTERS_PER_SECOND = 15.0
"""How fast speech is taken to be while its length is not known yet."""
WRONG = 4
"""One in so many words may be wrong."""
SIMILAR = 0.75
"""How much of two words must be the same letters, 0..1; for words of four letters and more."""
LONG_WORD = 4
SHORTEST_END = 2
"""Words at an end of what was understood that are an echo; one alone may be chance."""


@attrs.define
class Segment:
    """Words and when they sounded, as far as is known."""

    key: tuple[int, int]
    text: str
    start: float
    ends: float
    whole: bool
    """It sounded from its beginning, so that a word's place tells its time."""
    _words: Sequence[str] | None = None
    """Parted when they are first asked for; few are."""

    def between(self, start: float, end: float) -> Sequence[str]:
        """Words that may have sounded from one time to another."""
        if self.ends < start - WITHIN or self.start > end + WITHIN:
            return ()
        words = self._words = plain_words(self.text) if self._words is None else self._words
        if not self.whole:
            return words
        characters = sum(map(len, words)) + len(words)
        seconds = max(self.ends - self.start, characters / CHARACTERS_PER_SECOND)
        found, passed = [], 0
        for word in words:
            at = self.start + seconds * passed / characters
            passed += len(word) + 1
            if start - WITHIN <= at <= end + WITHIN:
                found.append(word)
        return found


@attrs.define
class Said:
    """What the agent said of late."""

    _segments: deque[Segment] = attrs.field(factory=lambda: deque[Segment](maxlen=SEGMENTS))

    def note(self, key: tuple[int, int], text: str, start: float, ends: float) -> None:
        """Audio of a segment was handed over that sounds from one time to another."""
        last = self._segments[-1] if self._segments else None
        if last is not None and last.key == key and abs(last.ends - start) < WITHIN / 10:
            last.ends = ends
            return
        again = any(segment.key == key for segment in self._segments)
        self._segments.append(Segment(key, text, start, ends, not again))

    def between(self, start: float, end: float) -> list[str]:
        """Words that may have sounded from one time to another, in order."""
        return [word for segment in self._segments for word in segment.between(start, end)]


def is_run(words: Sequence[str], said: Sequence[str]) -> bool:
    """Whether some words are a run of what was said, but for a few."""
    if not words or not said:
        return False
    wrong = len(words) // WRONG
    return not are_strange(words, said, wrong) and differences(words, said) <= wrong


def are_strange(words: Sequence[str], said: Sequence[str], few: int) -> bool:
    """Whether more than a few words are like nothing that was said: most callers' words are, and that is soon seen."""
    known, strange = frozenset(said), 0
    for word in words:
        if word not in known and not any(
            other[0] == word[0] and is_same(word, other) for other in known
        ):
            strange += 1
            if strange > few:
                return True
    return False


def runs_at_ends(words: Sequence[str], said: Sequence[str]) -> tuple[int, int]:
    """How many words at the beginning, and how many at the end, are runs of what was said."""
    first = longest(words, said)
    rest = words[first:]
    return first, longest(rest[::-1], said[::-1])


def longest(words: Sequence[str], said: Sequence[str]) -> int:
    """Length of the longest beginning that is a run of what was said, word for word; 0 if too short."""
    best = 0
    for start in range(len(said)):
        count = 0
        for one, other in zip(words, said[start:], strict=False):
            if not is_same(one, other):
                break
            count += 1
        best = max(best, count)
    return best if best >= SHORTEST_END else 0


def differences(words: Sequence[str], said: Sequence[str]) -> int:
    """The fewest words to add, drop or change to make a run of what was said."""
    above = [0] * (len(said) + 1)
    for count, word in enumerate(words, 1):
        row = [count]
        for place, other in enumerate(said):
            changed = above[place] + (not is_same(word, other))
            row.append(min(changed, above[place + 1] + 1, row[place] + 1))
        above = row
    return min(above)


def is_same(one: str, other: str) -> bool:
    """Whether two words are the same, but for how they were understood."""
    if one == other:
        return True
    if min(len(one), len(other)) < LONG_WORD or one[0] != other[0]:
        return False
    return SequenceMatcher(None, one, other).ratio() >= SIMILAR
