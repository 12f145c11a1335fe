from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import anyio
import attrs

__all__ = ["LoopClock", "SystemClock"]


@attrs.frozen
class LoopClock:
    """The clocks of one event loop and of the machine."""

    monotonic: Callable[[], float]
    """Seconds on the loop's clock."""

    def wall(self) -> float:
        """Seconds since 1970, UTC."""
        return time.time()


class SystemClock:
    """The clocks of the running event loop and of the machine; the only reader of either.

    Under a virtual clock `monotonic` is virtual too.
    """

    def monotonic(self) -> float:
        """Seconds on the event loop's clock. Must be called from inside the loop."""
        try:
            return asyncio.get_running_loop().time()
        except (
            RuntimeError
        ):  # not asyncio; anyio answers for any loop, but takes ten times as long to find out which
            return anyio.current_time()

    def settled(self) -> LoopClock:
        """The same clock for as long as the running loop runs, without asking each time which loop that is.

        That question costs a system call on Python 3.11.
        """
        try:
            return LoopClock(asyncio.get_running_loop().time)
        except RuntimeError:
            return LoopClock(anyio.current_time)

    def wall(self) -> float:
        """Seconds since 1970, UTC."""
        return time.time()
