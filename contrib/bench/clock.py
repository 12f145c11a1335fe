"""The clocks that the measurements read, and how fast a core is while they do."""

from __future__ import annotations

import os
import statistics
from time import perf_counter as seconds
from time import process_time as cpu_seconds

__all__ = ["cpu_seconds", "reference", "seconds"]

STEPS = 100_000
TIMES = 5


def reference(core: int) -> float:
    """Milliseconds that a fixed piece of plain Python takes on a core now; median of five.

    A shared machine's cores get faster and slower by half within minutes, and all figures with them.
    """
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        return statistics.median(worked() for _ in range(TIMES)) * 1e3
    finally:
        os.sched_setaffinity(0, before)


def worked() -> float:
    """Do the work; returns the seconds of processor time that it took."""
    began = cpu_seconds()
    seen: dict[int, int] = {}
    for number in range(STEPS):
        seen[number & 255] = number + seen.get(number & 127, 0)
    return cpu_seconds() - began
