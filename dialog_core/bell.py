"""Wakes one task, or lets it go after a while.

anyio's events and deadlines find out at each use which loop they are on, and take a dozen calls on asyncio for what its
future does in one. A call sleeps and is woken some forty times a second. So on asyncio, and on it alone, a bell is a
future; elsewhere it is anyio's event.
"""

from __future__ import annotations

import asyncio

import anyio

__all__ = ["Bell"]


class Bell:
    """What one task rings and another waits for. A ring that nobody waits for is kept; several count as one."""

    __slots__ = ("_event", "_future", "_rung")

    def __init__(self) -> None:
        self._rung = False
        self._future: asyncio.Future[bool] | None = None
        self._event: anyio.Event | None = None

    def ring(self) -> None:
        """Wake the task that waits, or let the next wait return at once."""
        self._rung = True
        if self._future is not None:
            wake(self._future, True)
        elif self._event is not None:
            self._event.set()

    async def wait(self, within: float | None = None) -> bool:
        """Wait for a ring; returns at once, without a checkpoint, if there was one. Only one task may wait.

        within: seconds, positive; None for ever. Returns False if nobody rang.
        """
        if not self._rung:
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:
                await self._wait_elsewhere(within)
            else:
                await self._wait_on(loop, within)
        rung, self._rung = self._rung, False
        return rung

    async def _wait_on(self, loop: asyncio.AbstractEventLoop, within: float | None) -> None:
        future = self._future = loop.create_future()
        limit = None if within is None else loop.call_later(within, wake, future, False)
        try:
            await future
        finally:
            self._future = None
            if limit is not None:
                limit.cancel()

    async def _wait_elsewhere(self, within: float | None) -> None:
        event = self._event = anyio.Event()
        try:
            with anyio.move_on_after(within):
                await event.wait()
        finally:
            self._event = None


def wake(future: asyncio.Future[bool], rung: bool) -> None:  # noqa: FBT001 - a callback of the loop's
    """Let the task that waits go on, unless it was cancelled."""
    if not future.done():
        future.set_result(rung)
