"""What a carrier still owes a call: callbacks that come by HTTP, some of them after the caller has gone."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import anyio
import attrs

from dialog_core.factory import Clock
from dialog_core.protocols import CarrierTranscript, Recording

__all__ = ["Grace", "Owed"]

WAITING_MOST = 256
SEEN_MOST = 1024

OwedEvent = Recording | CarrierTranscript


@attrs.define(eq=False)
class Grace:
    """How long a line that has stopped still waits for what it is owed."""

    clock: Clock
    seconds: float
    _until: float = 0.0

    def begin(self) -> None:
        """The line has stopped now."""
        self._until = self.clock.monotonic() + self.seconds

    @property
    def left(self) -> float:
        """Seconds, not below 0."""
        return max(0.0, self._until - self.clock.monotonic())


@attrs.define(eq=False)
class Owed:
    """The callbacks of one call, each once, and what is still expected.

    When more than 256 wait unread the oldest goes, and `dropped` is told.
    """

    dropped: Callable[[], None]
    waiting: deque[OwedEvent] = attrs.field(factory=deque)
    """Read by the line's iteration, from the left."""
    _expected: set[str] = attrs.field(factory=set)
    _seen: dict[tuple[str, object], None] = attrs.field(factory=dict)
    _over: set[str] = attrs.field(factory=set)
    _news: anyio.Event = attrs.field(factory=anyio.Event)

    @property
    def complete(self) -> bool:
        """True when nothing is expected any more."""
        return not self._expected

    def expect(self, item: str) -> None:
        """Something was started whose end will be told."""
        if item not in self._over:
            self._expected.add(item)

    def settle(self, item: str) -> None:
        """Nothing more will be told of this."""
        self._over.add(item)
        self._expected.discard(item)
        self._tell()

    def is_new(self, item: str, step: object) -> bool:
        """False for a callback that was delivered before: carriers repeat those they are unsure of."""
        key = (item, step)
        if key in self._seen:
            return False
        self._seen[key] = None
        if len(self._seen) > SEEN_MOST:
            del self._seen[next(iter(self._seen))]
        return True

    def deliver(self, event: OwedEvent) -> None:
        """Hand an event to the iteration."""
        if len(self.waiting) >= WAITING_MOST:
            self.waiting.popleft()
            self.dropped()
        self.waiting.append(event)
        self._tell()

    async def news(self, grace: Grace) -> bool:
        """Wait for a delivery or a settlement; False if there is nothing to wait for, or no time."""
        left = grace.left
        if self.complete or not left:
            return False
        with anyio.move_on_after(left):
            await self._news.wait()
        self._news = anyio.Event()
        return True

    def _tell(self) -> None:
        self._news.set()
