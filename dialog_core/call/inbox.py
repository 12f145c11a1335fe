"""The one queue of a call: events on their way to the turn loop."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import anyio

from dialog_core.errors import EventOverflow
from dialog_core.turns.events import Event

__all__ = ["Inbox"]

LIMIT = 256
"""Events that may wait. More is a bug, and ends the call."""


class Inbox:
    """A bounded queue; enter it to have it closed at the end, when what still comes is late and dropped."""

    def __init__(self, call: str) -> None:
        self._call = call
        self._send, self._receive = anyio.create_memory_object_stream[Event](LIMIT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._send.close()
        self._receive.close()

    def post(self, event: Event) -> None:
        """Queue an event; never waits. Raises: EventOverflow."""
        try:
            self._send.send_nowait(event)
        except anyio.WouldBlock:
            message = f"call {self._call!r}: {LIMIT} events wait; its loop is stuck"
            raise EventOverflow(message) from None
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            return  # the call is over

    async def receive(self) -> Event:
        """The next event."""
        return await self._receive.receive()
