from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar

import anyio
import attrs
from anyio.abc import TaskGroup

from dialog_core.net.groups import ungrouped
from dialog_core.testing.phones.phone import Outcome, Phone

__all__ = ["Callees", "Expected", "on_the_line", "open_callees"]

P = TypeVar("P", bound=Phone)
LEAVE_SECONDS = 10.0
"""How long leaving a call waits for the server to let go of it."""


@asynccontextmanager
async def on_the_line(begin: Callable[[TaskGroup], P]) -> AsyncIterator[P]:
    """Place a call; leaving the block hangs up. begin: starts what the carrier does in the tasks given."""
    with ungrouped():
        async with anyio.create_task_group() as tasks:
            phone = begin(tasks)
            yield phone
            with anyio.move_on_after(LEAVE_SECONDS):
                await phone.hang_up()
            tasks.cancel_scope.cancel()


@attrs.frozen
class Expected:
    """What becomes of a call that the server places."""

    outcome: Outcome = Outcome.ANSWERED
    unruly: bool = False
    """Whether its states are told twice, and not in order."""


Ring = Callable[[Mapping[str, Any], Expected, TaskGroup], P]
"""Begin a call as a server has ordered it, by the REST interface's fields; it goes on in the tasks."""


@attrs.define(eq=False)
class Callees(Generic[P]):
    """Everybody whom a server may call; made by :func:`open_callees`."""

    tasks: TaskGroup
    """Where calls that nobody holds go on."""
    _ring: Ring[P]
    _expected: deque[Expected] = attrs.field(factory=deque)
    _ringing: deque[P] = attrs.field(factory=deque)
    _changed: anyio.Event = attrs.field(factory=anyio.Event)

    def expect(self, outcome: Outcome, *, unruly: bool = False) -> None:
        """What becomes of the next call; it is answered if nothing is expected."""
        self._expected.append(Expected(outcome, unruly))

    def ring(self, order: Mapping[str, Any]) -> P:
        """The REST interface places a call."""
        expected = self._expected.popleft() if self._expected else Expected()
        phone = self._ring(order, expected, self.tasks)
        self._ringing.append(phone)
        self._changed.set()
        self._changed = anyio.Event()
        return phone

    async def dialled(self) -> P:
        """The telephone of the oldest call that nobody has asked for yet; waits for one."""
        while not self._ringing:
            await self._changed.wait()
        return self._ringing.popleft()


@asynccontextmanager
async def open_callees(ring: Ring[P]) -> AsyncIterator[Callees[P]]:
    """Let a server's calls reach somebody, until the block is left."""
    with ungrouped():
        async with anyio.create_task_group() as tasks:
            yield Callees(tasks, ring)
            tasks.cancel_scope.cancel()
