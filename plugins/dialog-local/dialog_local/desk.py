"""One worker thread that many calls share, with a queue before it: urgent work first, then first come, first served.

There is no task of its own: whoever wants work done waits for the turn, hands the work to the thread and passes the
turn on. So an error goes to the one who caused it, and a caller who leaves the queue leaves nothing behind. The queue
is bounded by its users: each call waits with one final phrase, one interim one and one sentence to speak.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import anyio
from anyio import to_thread

__all__ = ["Desk"]

T = TypeVar("T")


class Desk:
    """Heavy work, one piece at a time, off the event loop."""

    def __init__(self) -> None:
        self._taken = False
        self._urgent: deque[anyio.Event] = deque()
        self._patient: deque[anyio.Event] = deque()
        self._limiter = anyio.CapacityLimiter(1)

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return len(self._urgent) + len(self._patient)

    async def do(self, prepare: Callable[[], Callable[[], T] | None], *, urgent: bool) -> T | None:
        """Run work in the thread when its turn has come.

        prepare: called on the loop at that moment, so that the work is about the newest state; returns the work, or
        None if it is no longer wanted (then None is returned). A caller cancelled meanwhile waits for its running work.
        """
        async with self._turn(self._urgent if urgent else self._patient):
            work = prepare()
            return None if work is None else await to_thread.run_sync(work, limiter=self._limiter)

    @asynccontextmanager
    async def _turn(self, queue: deque[anyio.Event]) -> AsyncIterator[None]:
        if self._taken:
            await self._wait(queue)
        self._taken = True
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, queue: deque[anyio.Event]) -> None:
        turn = anyio.Event()
        queue.append(turn)
        try:
            await turn.wait()
        except anyio.get_cancelled_exc_class():
            if turn.is_set():  # called and cancelled in the same moment
                self._pass_on()
            else:
                queue.remove(turn)
            raise

    def _pass_on(self) -> None:
        """Call the next; the turn stays taken meanwhile, so that nobody slips in between."""
        for queue in (self._urgent, self._patient):
            if queue:
                queue.popleft().set()
                return
        self._taken = False
