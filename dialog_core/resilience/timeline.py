"""From a connection's time to the call's.

A recogniser counts seconds of audio since the connection began; the framework counts seconds since the call began. They
differ by where the connection started, by audio that was dropped, and by silence that we invented. So what is sent is
noted as stretches::

    connection  0 ------- 2.0 -- 2.5 --------- 4.0
    call       10 ------ 12.0   12.0 -------- 13.5        0.5 s of invented silence stands still
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque

import attrs

__all__ = ["Timeline"]

SLACK = 0.005
"""Seconds by which a frame may be early or late without counting as a gap."""
MOST_STRETCHES = 64


@attrs.define
class Stretch:
    """Audio without a gap: from `sent` on the connection and `at` in the call, for `seconds`."""

    sent: float
    at: float
    seconds: float
    real: bool
    """False for silence of our own, during which the call's time stands still."""

    def when(self, sent: float) -> float:
        """The call's time of a moment of this stretch; moments outside are moved to its edges."""
        inside = min(max(sent - self.sent, 0.0), self.seconds)
        return self.at + inside if self.real else self.at


@attrs.define
class Timeline:
    """What one connection was sent. Keeps the latest stretches only; older moments move to their edge."""

    _stretches: deque[Stretch] = attrs.field(factory=lambda: deque(maxlen=MOST_STRETCHES))

    @property
    def sent(self) -> float:
        """Seconds of audio sent, invented silence included."""
        last = self._stretches[-1] if self._stretches else None
        return last.sent + last.seconds if last else 0.0

    @property
    def end(self) -> float:
        """The call's time up to which audio was sent; 0 before any."""
        return self._stretches[-1].when(self.sent) if self._stretches else 0.0

    def add(self, at: float, seconds: float) -> None:
        """Note that the call's audio from `at` on was sent."""
        last = self._stretches[-1] if self._stretches else None
        if last is not None and last.real and abs(last.at + last.seconds - at) <= SLACK:
            last.seconds += seconds
        else:
            self._stretches.append(Stretch(self.sent, at, seconds, real=True))

    def add_silence(self, seconds: float, *, at: float) -> None:
        """Note that invented silence was sent; `at` is the call's time where it stands."""
        last = self._stretches[-1] if self._stretches else None
        if last is not None and not last.real and last.at == at:
            last.seconds += seconds
        else:
            self._stretches.append(Stretch(self.sent, at, seconds, real=False))

    def when(self, sent: float) -> float:
        """The call's time of a moment of the connection; what was never sent counts as its nearest end."""
        if not self._stretches:
            return 0.0
        last = self._stretches[-1]
        if sent >= last.sent:
            return last.when(sent)
        index = bisect_right(self._stretches, sent, key=lambda stretch: stretch.sent) - 1
        return self._stretches[max(index, 0)].when(sent)
