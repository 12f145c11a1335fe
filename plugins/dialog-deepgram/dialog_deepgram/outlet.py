"""What a recogniser tells, between the connection's reader and the one who listens."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

import anyio
import attrs

from dialog_core.bell import Bell
from dialog_core.protocols import SttEvent

__all__ = ["Outlet"]

EVENTS = 64
"""Events that may wait to be taken; then the vendor's socket is not read, which slows it down."""
SPARE = 8
"""More events than come of one message."""


@attrs.define(eq=False)
class Outlet:
    """Hands events to the one who listens."""

    _waiting: deque[SttEvent] = attrs.field(factory=deque)
    _news: Bell = attrs.field(factory=Bell)
    _room: Bell = attrs.field(factory=Bell)
    _turn: anyio.Lock = attrs.field(factory=anyio.Lock)
    """Keeps two tasks' events in order when the listener is behind."""
    _closed: bool = False

    async def post(self, come: Iterable[SttEvent]) -> None:
        """Hand over events in order; waits while the listener is behind."""
        events = tuple(come)
        if self._turn.locked() or len(self._waiting) + len(events) > EVENTS:
            await self._post_slowly(events)
        elif events:
            self.post_now(events)

    @property
    def is_behind(self) -> bool:
        """The listener takes so little that the next events may have to wait."""
        return self._turn.locked() or len(self._waiting) > EVENTS - SPARE

    def post_now(self, events: Sequence[SttEvent]) -> None:
        """As :meth:`post`, where the listener is not behind."""
        self._waiting.extend(events)
        self._news.ring()

    async def _post_slowly(self, events: Sequence[SttEvent]) -> None:
        async with self._turn:
            for event in events:
                while len(self._waiting) >= EVENTS and not self._closed:
                    await self._room.wait()
                self._waiting.append(event)
                self._news.ring()

    async def take(self) -> SttEvent | None:
        """The next event; None when it is closed and all were taken."""
        while not self._waiting:
            if self._closed:
                return None
            await self._news.wait()
        self._room.ring()
        return self._waiting.popleft()

    def close(self) -> None:
        """No more events will come."""
        self._closed = True
        self._news.ring()
        self._room.ring()
