from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

import anyio
import attrs
from starlette.types import Send

from dialog_core.errors import ProviderProtocolError, TicketError
from dialog_core.line import Progress
from dialog_core.net.media_stream import GONE_ERRORS
from dialog_core.protocols import FrontDoor, Line

__all__ = ["CarrierLine", "Lines", "Note", "close"]

S = TypeVar("S")
VIOLATION = 1008

Note = Callable[[str, str, str], None]
"""Record a trouble: the call it belongs to, if known, a constant sentence, and a detail."""


class CarrierLine(Line, Protocol):
    """A line as its media socket's server needs it."""

    @property
    def awaits_stream(self) -> bool:
        """True while the stream is to return on another socket."""
        ...

    @property
    def transferred(self) -> bool:
        """True if the call goes on without us."""
        ...

    async def start_services(self) -> None:
        """Start what the settings ask for on every call; a failure is noted, and the call goes on."""
        ...

    async def close(self) -> None:
        """Close the media socket."""
        ...


L = TypeVar("L", bound=CarrierLine)


@attrs.define(eq=False)
class Lines(Generic[L]):
    """The calls of a carrier that this process holds, from their media sockets to their end."""

    door: FrontDoor
    note: Note
    _lines: dict[str, L] = attrs.field(factory=dict)

    def get(self, name: str) -> L | None:
        """The line of a call, by one of its names."""
        return self._lines.get(name)

    def admit(self, ticket: str, redeem: Callable[[str], str]) -> str | None:
        """The call that a ticket opens a media socket for; None if the socket must be refused.

        redeem: as `FrontDoor.redeem` is.
        """
        try:
            call = redeem(ticket)
        except TicketError as error:
            self.note("", "a media socket was refused", str(error))
            return None
        line = self._lines.get(call)
        if line is not None and not line.awaits_stream:
            self.note(call, "a second media socket of a call was refused", "")
            return None
        return call

    async def started(self, call: str, start: Awaitable[S], *, within: float) -> S | None:
        """What a media socket begins with; None if it is late, or `start` finds that it is wrong.

        within: seconds.
        """
        with anyio.move_on_after(within):
            try:
                return await start
            except ProviderProtocolError as error:
                self.note(call, "a media socket began wrongly", str(error))
                return None
        self.note(call, "a media socket did not start in time", "")
        return None

    async def run(self, line: L, *names: str) -> None:
        """Run a call to its end; meanwhile it is found by these names, of which empty ones do not count."""
        found = dict.fromkeys(filter(None, names), line)
        self._lines |= found
        self.door.report(line.info.id, Progress.ANSWERED)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(line.start_services)
                await self.door.answer(line)
                tasks.cancel_scope.cancel()
        finally:
            for name in found:
                del self._lines[name]
            if not line.transferred:
                self.door.report(line.info.id, Progress.ENDED)
            await line.close()


async def close(send: Send) -> None:
    """Refuse an upgrade, which the server answers with 403, or close a socket that broke the rules."""
    try:
        await send({"type": "websocket.close", "code": VIOLATION})
    except GONE_ERRORS:
        return
