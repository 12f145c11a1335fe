from __future__ import annotations

import asyncio
import time

import anyio

__all__ = ["SystemClock"]


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

    def wall(self) -> float:
        """Seconds since 1970, UTC."""
        return time.time()
