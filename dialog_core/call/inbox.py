"""The one queue of a call: events on their way to the turn loop."""

from __future__ import annotations

from collections import deque
from types import TracebackType
from typing import Self

import anyio.lowlevel

from dialog_core.bell import Bell
from dialog_core.errors import EventOverflow
from dialog_core.turns.events import Event

__all__ = ["Inbox"]

LIMIT = 256
"""Events that may wait. More is a bug, and ends the call."""


class Inbox:
    """A bounded queue; enter it to have it closed at the end, when what still comes is late and dropped."""

    def __init__(self, call: str) -> None:
        self._call = call
        self._events: deque[Event] = deque()
        self._news = Bell()
        self._open = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open = False
        self._events.clear()

    def post(self, event: Event) -> None:
        """Queue an event; never waits. Raises: EventOverflow."""
        if not self._open:
            return  # the call is over
        if len(self._events) >= LIMIT:
            raise EventOverflow(f"call {self._call!r}: {LIMIT} events wait; its loop is stuck")
        self._events.append(event)
        self._news.ring()

    async def receive(self, within: float | None = None) -> Event | None:
        """The next event; None if none comes in so many seconds, or at once if none are left."""
        if within is not None and within <= 0:
            await anyio.lowlevel.checkpoint()
            return None
        if self._events:
            await anyio.lowlevel.checkpoint()
            return self._events.popleft()
        while not self._events:
            if not await self._news.wait(within) and not self._events:
                return None
        return self._events.popleft()
