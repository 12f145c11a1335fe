"""Wakes one task."""

from __future__ import annotations

import anyio

__all__ = ["Bell"]


class Bell:
    """What one task rings and another waits for.

    A ring that nobody waits for is kept, and several count as one. An event is made only for a task that really
    sleeps, since making one costs more than ringing: on asyncio and on trio alike.
    """

    __slots__ = ("_kind", "_rung", "_sleeper")

    def __init__(self) -> None:
        self._rung = False
        self._sleeper: anyio.Event | None = None
        self._kind: type[anyio.Event] = anyio.Event
        """The class of this loop's events once one was made: making the next needs no search for the loop."""

    def ring(self) -> None:
        """Wake the task that waits, or let the next wait return at once."""
        self._rung = True
        if self._sleeper is not None:
            self._sleeper.set()

    async def wait(self) -> None:
        """Wait for a ring. Only one task may wait; returns at once, without a checkpoint, if there was one."""
        if not self._rung:
            sleeper = self._sleeper = self._kind()
            self._kind = type(sleeper)
            try:
                await sleeper.wait()
            finally:
                self._sleeper = None
        self._rung = False
