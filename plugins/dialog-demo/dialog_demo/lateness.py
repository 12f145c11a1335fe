"""Whether the machine had time for a call: how late its tasks were run, and what it could not listen to."""

from __future__ import annotations

from collections.abc import Iterable

import anyio
import attrs

from dialog_core.factory import Clock
from dialog_core.observe.observations import Counted, Observation

__all__ = ["Lateness", "too_busy"]

STEP_SECONDS = 0.02
"""As long as a frame."""
LATE_SECONDS = 0.1
"""Five frames late, a caller's audio comes in a lump, and what is timed by it goes wrong."""
UNHEARD = "speech windows skipped"


@attrs.define(eq=False)
class Lateness:
    """Measures how late a task is run that wants to be run with every frame."""

    clock: Clock
    worst: float = 0.0
    """Seconds."""

    async def measure(self) -> None:
        """Measure until cancelled."""
        while True:
            due = self.clock.monotonic() + STEP_SECONDS
            await anyio.sleep(STEP_SECONDS)
            self.worst = max(self.worst, self.clock.monotonic() - due)


def too_busy(late: float, observed: Iterable[Observation]) -> str:
    """What shows that the machine was too busy for a call; empty if it was not. late: the worst, in seconds."""
    unheard = sum(
        each.amount for each in observed if isinstance(each, Counted) and each.what == UNHEARD
    )
    signs = [f"the server ran up to {late:.2f} s late"] if late > LATE_SECONDS else []
    if unheard:
        signs.append(f"{unheard} pieces of the caller's speech were not listened to")
    return ", and ".join(signs)
