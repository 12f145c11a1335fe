"""How many frames of a caller are read at once: more, the more callers there are.

A frame that is read when it comes costs a wake-up, and finds the processor's caches full of other things. So from 20
callers on nothing wakes us for a frame. A clock does, and half of the callers are read one after another at each tick::

    callers   frames at once   ticks
    0..19     1                none: each frame as it comes
    20..39    2                each 20 ms
    40..59    3                each 30 ms
    ...
    100..     6                each 60 ms
"""

from __future__ import annotations

import asyncio
import sys
from typing import Protocol

__all__ = ["CALLERS_A_FRAME", "Pace"]

CALLERS_A_FRAME = 20
"""For so many callers, one frame more is read at once."""
FRAME_SECONDS = 0.02
CAN_HOLD = sys.platform == "linux"
"""Whether the system can be told not to wake us for so few bytes."""


class Paced(Protocol):
    """A socket that can be read at a tick."""

    loop: asyncio.AbstractEventLoop

    def hold(self) -> None:
        """Be woken for what comes no more."""
        ...

    def let_go(self) -> None:
        """Be woken again."""
        ...

    def read_now(self) -> None:
        """Read what has come."""
        ...


class Pace:
    """The clock of one server's callers."""

    def __init__(self, most: int, *, frame: float = FRAME_SECONDS) -> None:
        """most: frames that are read at once at the most. frame: seconds of one."""
        self.together = 1
        """Frames that are read at once now."""
        self._most = most if CAN_HOLD else 1
        self._frame = frame
        self._next: dict[Paced, None] = {}
        """The half that is read at the next tick."""
        self._other: dict[Paced, None] = {}
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def join(self, paced: Paced) -> None:
        """Count a socket, from now on. Again is harmless."""
        if self._most == 1 or paced in self._next or paced in self._other:
            return
        half = self._next if len(self._next) < len(self._other) else self._other
        half[paced] = None
        held = self._timer is not None
        self._count(paced.loop)
        if held:
            paced.hold()

    def leave(self, paced: Paced) -> None:
        """Forget a socket. Again is harmless."""
        self._next.pop(paced, None)
        self._other.pop(paced, None)
        self._count(paced.loop)

    def tick(self) -> None:
        """Read the half whose turn it is."""
        due = tuple(self._next)
        self._next, self._other = self._other, self._next
        for paced in due:
            paced.read_now()

    def _count(self, loop: asyncio.AbstractEventLoop) -> None:
        callers = len(self._next) + len(self._other)
        self.together = min(self._most, 1 + callers // CALLERS_A_FRAME)
        if self.together > 1 and self._timer is None:
            self._due = loop.time()
            self._wind(loop)
            for paced in (*self._next, *self._other):
                paced.hold()
        elif self.together == 1 and self._timer is not None:
            self._timer.cancel()
            self._timer = None
            for paced in (*self._next, *self._other):
                paced.let_go()

    def _wind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Set the timer for the next tick. One that is late makes none of the others late, nor does it repeat them."""
        self._due = max(self._due + self.together * self._frame / 2, loop.time())
        self._timer = loop.call_at(self._due, self._strike, loop)

    def _strike(self, loop: asyncio.AbstractEventLoop) -> None:
        self._wind(loop)
        self.tick()
