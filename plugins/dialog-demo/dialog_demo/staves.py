"""A call cut into rows, as music is into staves: in quiet moments, about as long as each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise

from dialog_demo.sound import Span

__all__ = ["ROW_SECONDS", "staves"]

ROW_SECONDS = 28.0
"""The longest row that is still easy to read."""


def staves(length: float, busy: Sequence[Span]) -> tuple[Span, ...]:
    """Rows that follow each other and cover the call of `length` seconds; none begins in a span of `busy`."""
    count = max(1, round(length / ROW_SECONDS + 0.4))
    quiet = quiet_moments(length, busy)
    ways = combinations(quiet, min(count - 1, len(quiet)))
    cuts = min(ways, key=lambda way: max(lengths(way, length)), default=())
    return tuple(Span(a, b) for a, b in pairwise([0.0, *cuts, length]))


def lengths(cuts: Sequence[float], length: float) -> list[float]:
    return [b - a for a, b in pairwise([0.0, *cuts, length])]


def quiet_moments(length: float, busy: Sequence[Span]) -> list[float]:
    """The middle of each gap between spans."""
    moments, free = [], 0.0
    for span in sorted(busy, key=lambda each: each.start):
        if span.start > free:
            moments.append((free + span.start) / 2)
        free = max(free, span.end)
    return [at for at in moments if 0 < at < length]
