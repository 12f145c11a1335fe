"""How long this caller pauses within a turn: a statistic of two numbers, kept in the machine's state (pure).

A mean and a mean deviation, each moved by a quarter of what a new pause differs by, as TCP estimates round trips. Only
pauses after which the caller went on count: those that we took for the end of a turn are seen only where the reply
could be taken back, so the statistic may make a wait longer and never shorter.

Source: V. Jacobson, "Congestion Avoidance and Control", SIGCOMM 1988, appendix A.
"""

from __future__ import annotations

import attrs

__all__ = ["UNKNOWN", "Rhythm"]

GAIN = 0.25
"""A call has tens of pauses, not thousands."""
LONGEST = 3.0
"""Seconds; a longer pause tells of a caller who looks something up, not of how they speak."""


@attrs.frozen
class Rhythm:
    """The pauses of one caller so far."""

    count: int = 0
    mean: float = 0.0
    """Seconds."""
    deviation: float = 0.0
    """Seconds."""

    def with_pause(self, seconds: float) -> Rhythm:
        """The rhythm after one more pause that was none of the ends of a turn."""
        seconds = min(max(seconds, 0.0), LONGEST)
        if not self.count:
            return Rhythm(1, seconds, seconds / 2)
        error = seconds - self.mean
        return Rhythm(
            self.count + 1,
            self.mean + GAIN * error,
            self.deviation + GAIN * (abs(error) - self.deviation),
        )

    def longest(self, spread: float) -> float:
        """The longest pause to be expected: so many deviations above the mean."""
        return self.mean + spread * self.deviation


UNKNOWN = Rhythm()
"""Of a caller who has not paused yet."""
