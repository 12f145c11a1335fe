"""Observations on their way from the calls to the observers: one bounded buffer, one task that empties it.

A call only ever appends. When the buffer is full, the new observation is dropped and counted: observing may lose
something, but never slows a call.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

import anyio
import attrs

from dialog_core.observe.observations import Counted, Observation, Observer, Trouble

__all__ = ["FLUSH_SECONDS", "ObservationBuffer"]

FLUSH_SECONDS = 0.25
OBSERVER_SECONDS = 5.0
"""An observer that takes longer for one batch holds up the others, and is dropped."""
LAST_FLUSH_SECONDS = 1.0
"""What the last batch may take when the process stops."""


@attrs.define
class ObservationBuffer:
    """Keeps observations until the next flush."""

    limit: int = 10_000
    dropped: int = attrs.field(default=0, init=False)
    """How many did not fit since the last flush."""
    _waiting: deque[Observation] = attrs.field(init=False, factory=deque)

    def observe(self, observation: Observation) -> None:
        """Keep an observation for the observers; never waits."""
        if len(self._waiting) < self.limit:
            self._waiting.append(observation)
        else:
            self.dropped += 1

    def take(self) -> tuple[Observation, ...]:
        """All that waits, oldest first, and then how many were dropped."""
        batch = tuple(self._waiting)
        self._waiting.clear()
        if self.dropped:
            batch = (*batch, Counted("", "observations dropped", self.dropped))
            self.dropped = 0
        return batch

    async def run(self, observers: Mapping[str, Observer]) -> None:
        """Hand batches to the observers until cancelled, and then what is left.

        An observer that raises or hangs is dropped, and the others are told by a `Trouble`.
        """
        present = dict(observers)
        try:
            while True:
                await anyio.sleep(FLUSH_SECONDS)
                await self._flush(present)
        finally:
            with anyio.move_on_after(LAST_FLUSH_SECONDS, shield=True):
                await self._flush(present)

    async def _flush(self, observers: dict[str, Observer]) -> None:
        if not (batch := self.take()):
            return
        for name, observer in tuple(observers.items()):
            if failure := await self._failure(observer, batch):
                del observers[name]
                what = "an observer failed and gets nothing any more"
                self.observe(Trouble("", f"observer {name}", what, failure))

    async def _failure(self, observer: Observer, batch: Sequence[Observation]) -> str:
        """Why the observer is to be dropped, or nothing."""
        try:
            with anyio.move_on_after(OBSERVER_SECONDS) as scope:
                await observer.observe(batch)
        except Exception as error:  # noqa: BLE001 - foreign code, whose failure is only its own
            return f"{type(error).__name__}: {error}"
        return f"took more than {OBSERVER_SECONDS:g} s" if scope.cancelled_caught else ""
