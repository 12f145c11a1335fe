from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import attrs

__all__ = ["Room"]

CANCEL_SECONDS = 5.0
HURRY_SECONDS = 0.25


@attrs.define(eq=False)
class Room:
    """How many calls this process holds and may hold; shared by all its doors.

    A ticket reserves a place for a few seconds, so that a burst of webhooks cannot promise the last place twice.
    """

    limit: int
    draining: bool = False
    _scopes: set[anyio.CancelScope] = attrs.field(factory=set)
    _reserved: dict[str, float] = attrs.field(factory=dict)
    _changed: anyio.Event = attrs.field(factory=anyio.Event)

    @property
    def calls(self) -> int:
        """Calls that are being answered."""
        return len(self._scopes)

    def free(self, now: float) -> int:
        """Places that are neither taken nor promised; none while draining."""
        for ticket in [each for each, until in self._reserved.items() if until <= now]:
            del self._reserved[ticket]
        taken = self.calls + len(self._reserved)
        return 0 if self.draining else max(0, self.limit - taken)

    def reserve(self, ticket: str, *, until: float) -> None:
        """Keep a place for the holder of a ticket."""
        self._reserved[ticket] = until

    def release(self, ticket: str) -> None:
        """The holder has come."""
        self._reserved.pop(ticket, None)

    async def hold(self, call: Callable[[], Awaitable[None]]) -> None:
        """Run a call in a place of its own, to its end or until the process stops."""
        with anyio.CancelScope() as scope:
            self._scopes.add(scope)
            try:
                await call()
            finally:
                self._scopes.discard(scope)
                self._changed.set()
                self._changed = anyio.Event()

    async def drain(self, seconds: float, *, hurry: Callable[[], bool] = lambda: False) -> bool:
        """Refuse new calls and wait for the live ones; tells whether all have ended by themselves.

        hurry: asked four times a second; True ends the wait, for an operator who asks a second time.
        """
        self.draining = True
        with anyio.move_on_after(seconds):
            while self._scopes and not hurry():
                with anyio.move_on_after(HURRY_SECONDS):
                    await self._changed.wait()
        return not self._scopes

    async def close(self) -> None:
        """End the calls that are left; what takes more than 5 s is left behind."""
        self.draining = True
        for scope in self._scopes:
            scope.cancel()
        with anyio.move_on_after(CANCEL_SECONDS, shield=True):
            while self._scopes:
                await self._changed.wait()
