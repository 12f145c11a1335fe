from __future__ import annotations

from collections.abc import Callable

import attrs

__all__ = ["Backoff"]

MANY = 64
"""Doublings after which every schedule has reached its cap; keeps powers finite."""


@attrs.frozen
class Backoff:
    """How long to wait before each new attempt: longer each time, and never the same for two calls.

    Without the jitter, all calls that lost one vendor would come back to it at the same moment.
    """

    first: float = attrs.field(default=0.1, validator=attrs.validators.gt(0))
    """Seconds before the first new attempt, at least."""
    factor: float = attrs.field(default=2.0, validator=attrs.validators.ge(1))
    cap: float = attrs.field(default=5.0, validator=attrs.validators.gt(0))
    """Seconds that no wait exceeds."""
    jitter: float = attrs.field(default=0.25, validator=attrs.validators.ge(0))
    """Share of the wait that chance may add."""

    def wait(self, attempt: int, random: Callable[[], float]) -> float:
        """Seconds to wait before new attempt number `attempt`, counted from 0.

        random: gives numbers in 0..1, such as :func:`random.random`.
        """
        steady = self.first * self.factor ** min(attempt, MANY)
        return min(steady, self.cap / (1 + self.jitter)) * (1 + self.jitter * random())
