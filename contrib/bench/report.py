"""Text tables with the versions that the figures belong to."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

__all__ = ["percentile", "show"]


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *used: str) -> None:
    """Print a table; the first column is text, the others are figures. used: distributions."""
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    print(f"\n{title}")
    for row in (columns, ["-" * width for width in widths], *rows):
        first, *others = zip(row, widths, strict=True)
        cells = [first[0].ljust(first[1]), *(text.rjust(width) for text, width in others)]
        print("  " + "  ".join(cells).rstrip())
    about = [f"Python {platform.python_version()}", f"{os.cpu_count()} cores"]
    print("  " + ", ".join(about + [f"{name} {_version(name)}" for name in used]))


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which this share (0..1) of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "(not installed)"
