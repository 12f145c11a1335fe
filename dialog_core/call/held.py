"""A provider session that may be replaced in the middle of a call (pure waiting, no vendor)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Generic, TypeVar

import anyio
import attrs
from anyio.abc import TaskGroup, TaskStatus

from dialog_core.errors import LocalProtocolError

__all__ = ["Held"]

T = TypeVar("T")
Open = Callable[[], AbstractAsyncContextManager[T]]


@attrs.define(eq=False)
class Lease(Generic[T]):
    """A session, and who still uses it."""

    session: T
    users: int = 0
    retired: bool = False
    free: anyio.Event = attrs.field(factory=anyio.Event)

    def check(self) -> None:
        """Let the session be closed when it is replaced and nobody uses it."""
        if self.retired and self.users == 0:
            self.free.set()


@attrs.define(eq=False)
class Held(Generic[T]):
    """Holds one session at a time; an old one is closed when its last user is done."""

    _tasks: TaskGroup
    _lease: Lease[T] | None = None

    async def replace(self, open_: Open[T]) -> None:
        """Open a session and use it from now on. Raises what opening raises; then the old one stays."""
        lease = await self._tasks.start(self._hold, open_)
        old, self._lease = self._lease, lease
        if old is not None:
            old.retired = True
            old.check()

    async def _hold(self, open_: Open[T], *, task_status: TaskStatus[Lease[T]]) -> None:
        async with open_() as session:
            lease = Lease(session)
            task_status.started(lease)
            await lease.free.wait()

    @property
    def current(self) -> T:
        """The session in use now. Raises: LocalProtocolError before the first is open."""
        if self._lease is None:
            raise LocalProtocolError("no session is open yet")
        return self._lease.session

    @contextmanager
    def use(self) -> Iterator[T]:
        """The current session, kept open inside the block even if it is replaced meanwhile."""
        lease = self._lease
        if lease is None:
            raise LocalProtocolError("no session is open yet")
        lease.users += 1
        try:
            yield lease.session
        finally:
            lease.users -= 1
            lease.check()
