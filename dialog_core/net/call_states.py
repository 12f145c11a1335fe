from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import anyio
import attrs

from dialog_core.factory import Clock
from dialog_core.line import Progress
from dialog_core.observe.observations import CallState

__all__ = ["CallStates"]

MOST = 10_000
"""Calls that are remembered; the oldest goes."""


@attrs.define(eq=False)
class CallStates:
    """How far each call of this process has come, as the carriers' webhooks tell.

    Webhooks come late, twice and in any order, so a call only ever moves forward: ringing, answered, one final state.
    """

    clock: Clock
    _newest: dict[str, CallState] = attrs.field(factory=dict)
    _changed: anyio.Event = attrs.field(factory=anyio.Event)

    def report(
        self,
        call: str,
        progress: Progress,
        *,
        reason: str = "",
        observe: Callable[[CallState], None] | None = None,
    ) -> None:
        """Take a step, and have it observed; one that is not forward is ignored. Never waits."""
        before = self._newest.pop(call, None)
        if before is not None and rank(progress) <= rank(before.progress):
            self._newest[call] = before
            return
        state = CallState(call, self.clock.wall(), progress, reason)
        self._newest[call] = state
        if len(self._newest) > MOST:
            del self._newest[next(iter(self._newest))]
        self._changed.set()
        self._changed = anyio.Event()
        if observe is not None:
            observe(state)

    def get(self, call: str) -> CallState | None:
        """The newest state of a call; None if nothing was told of it, or too much of others since."""
        return self._newest.get(call)

    async def steps(self, call: str) -> AsyncIterator[CallState]:
        """Each state of a call as it is reached, up to the final one. Of several reached at once, the newest."""
        seen: CallState | None = None
        while seen is None or not seen.progress.is_final:
            state = self._newest.get(call)
            if state is None or state == seen:
                await self._changed.wait()
            else:
                seen = state
                yield state

    async def reached(self, call: str, *wanted: Progress) -> CallState:
        """Wait until a call is in one of these states, or in a final one."""
        while True:
            state = self._newest.get(call)
            if state is not None and (state.progress in wanted or state.progress.is_final):
                return state
            await self._changed.wait()


def rank(progress: Progress) -> int:
    """Larger is later; all final states are alike."""
    return 2 if progress.is_final else int(progress is Progress.ANSWERED)
