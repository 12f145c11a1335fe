"""Which providers of a chain are worth asking: a memory of failures that all calls of a process share (pure).

::

    CLOSED --`failures` within `window`--> OPEN --cool-down over--> HALF OPEN --the probe succeeds--> CLOSED
                                            ^                          |
                                            '------ the probe fails ---'   the next cool-down is twice as long

Half open, one call is let through as a probe and the others are still spared. A probe that ends without a verdict (the
caller hung up first) gives its place back. Times are seconds on the loop's clock.
"""

from __future__ import annotations

import enum
from collections import deque

import attrs

from dialog_core.fields import setting

__all__ = ["Circuit", "CircuitSettings", "State"]


class State(enum.Enum):
    """What a circuit lets through: all, nothing, one probe."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half open"


@attrs.frozen
class CircuitSettings:
    """When a provider that failed is left alone, and for how long."""

    failures: int = setting(
        default=1, at_least=1, at_most=100, help="failures after which a provider is not asked"
    )
    window: float = setting(
        default=60.0, unit="s", above=0, help="time within which failures count together"
    )
    cool_down: float = setting(
        default=60.0, unit="s", above=0, help="time until one call may try it again; doubles"
    )
    longest: float = setting(
        default=300.0, unit="s", above=0, help="longest time until one call may try it again"
    )


@attrs.define
class Circuit:
    """One provider's record in this process."""

    settings: CircuitSettings = attrs.field(factory=CircuitSettings)
    _failures: deque[float] = attrs.field(init=False)
    _opened: float | None = None
    _cool_down: float = attrs.field(init=False)
    _probing: bool = False

    @_failures.default
    def _no_failures(self) -> deque[float]:
        return deque(maxlen=self.settings.failures)

    @_cool_down.default
    def _first_cool_down(self) -> float:
        return self.settings.cool_down

    def state(self, now: float) -> State:
        """What is let through at this moment."""
        if self._opened is None:
            return State.CLOSED
        return State.OPEN if now < self._opened + self._cool_down else State.HALF_OPEN

    def admit(self, now: float) -> bool:
        """Whether a call may use the provider; half open, the first who asks becomes the probe."""
        match self.state(now):
            case State.CLOSED:
                return True
            case State.OPEN:
                return False
            case State.HALF_OPEN:
                if self._probing:
                    return False
                self._probing = True
                return True

    def succeeded(self) -> None:
        """It did its work."""
        self._failures.clear()
        self._opened = None
        self._probing = False
        self._cool_down = self.settings.cool_down

    def failed(self, now: float) -> bool:
        """It did not; True if that opens the circuit, for so many seconds as :attr:`cool_down` says."""
        if self._opened is not None:
            if not self._probing and self.state(now) is State.OPEN:
                return False
            self._cool_down = min(self._cool_down * 2, self.settings.longest)
        else:
            self._failures.append(now)
            recent = sum(now - at <= self.settings.window for at in self._failures)
            if recent < self.settings.failures:
                return False
        self._opened, self._probing = now, False
        return True

    def released(self) -> None:
        """The probe ended without a verdict."""
        self._probing = False

    @property
    def cool_down(self) -> float:
        """Seconds for which the provider is left alone once it has failed."""
        return self._cool_down
