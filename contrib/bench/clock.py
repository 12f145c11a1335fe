"""The clocks that the measurements read."""

from __future__ import annotations

from time import perf_counter as seconds
from time import process_time as cpu_seconds

__all__ = ["cpu_seconds", "seconds"]
