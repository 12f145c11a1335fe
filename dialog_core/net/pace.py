"""How many frames of a caller are read at once: more, the more callers there are."""

from __future__ import annotations

import asyncio
import sys
from typing import Protocol

__all__ = ["CALLERS_A_FRAME", "Pace"]

LOOK_SECONDS = 0.15
"""After so long without a frame, twice at most, what waits is read however little it is."""
CALLERS_A_FRAME = 32
"""For so many callers, one frame more is."""
CAN_GATHER = sys.platform == "linux"
"""Whether the system wakes us by the number of bytes, and looks again when we ask for fewer."""


class Paced(Protocol):
    """A socket that may wait for more than one frame."""

    loop: asyncio.AbstractEventLoop

    def look(self) -> None:
        """If no frame has come since the last look, or one is enough, read what waits."""
        ...


class Pace:
    """Counts the sockets of one server, and looks after all of them with one timer: each timer costs a wake-up."""

    def __init__(self, most: int) -> None:
        """most: frames that are read at once at the most."""
        self.together = 1
        """Frames that are to be read at once now."""
        self._most = most if CAN_GATHER else 1
        self._sockets: set[Paced] = set()
        self._look: asyncio.TimerHandle | None = None

    def join(self, paced: Paced) -> None:
        """Count a socket, from now on."""
        if self._most == 1:
            return
        self._sockets.add(paced)
        self._count()
        if self._look is None:
            self._look = paced.loop.call_later(LOOK_SECONDS, self._look_at_all, paced.loop)

    def leave(self, paced: Paced) -> None:
        """Forget a socket. Again is harmless."""
        self._sockets.discard(paced)
        self._count()
        if not self._sockets and self._look is not None:
            self._look.cancel()
            self._look = None

    def _count(self) -> None:
        self.together = min(self._most, 1 + len(self._sockets) // CALLERS_A_FRAME)

    def _look_at_all(self, loop: asyncio.AbstractEventLoop) -> None:
        for each in self._sockets:
            each.look()
        self._look = loop.call_later(LOOK_SECONDS, self._look_at_all, loop)
