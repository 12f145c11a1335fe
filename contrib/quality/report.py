"""The figures as text tables and as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from contrib.bench.report import percentile
from contrib.quality.measures import Taken
from contrib.quality.run import Overlaps

__all__ = ["BARGE_IN_COLUMNS", "TURN_COLUMNS", "barge_in_figures", "markdown", "turn_figures"]

Figures = dict[str, Any]
TIMES = frozenset({"median", "p95", "stopped", "duck", "wait", "yields", "yields p95"})
TURN_COLUMNS = ("turns", "median", "p95", "cut off", "taken back", "missed")
BARGE_IN_COLUMNS = ("median", "p95", "stopped", "missed", "false", "ducked", "duck")


def of(values: Sequence[float], part: float) -> float | None:
    """A percentile in milliseconds, to 10."""
    return round(percentile(values, part) * 100) * 10 if values else None


def turn_figures(turns: Sequence[Taken]) -> Figures:
    """Of one endpointer. Shares in per cent, times in milliseconds from the last voiced sample."""
    delays = [turn.delay for turn in turns if turn.delay is not None and not turn.cut_off]
    count = len(turns)
    return {
        "turns": count,
        "median": of(delays, 0.5),
        "p95": of(delays, 0.95),
        "cut off": 100 * sum(turn.cut_off for turn in turns) / count,
        "taken back": 100 * sum(turn.early > 0 and not turn.cut_off for turn in turns) / count,
        "missed": 100 * sum(turn.missed for turn in turns) / count,
    }


def barge_in_figures(met: Overlaps) -> Figures:
    """Of one barge-in policy. Times in milliseconds from the first audible sample."""
    yields = [each.yielded for each in met.interruptions if each.yielded is not None]
    stops = [each.stopped for each in met.interruptions if each.stopped is not None]
    ducked = [each.ducked for each in met.others if each.ducked > 0]
    return {
        "interruptions": len(met.interruptions),
        "others": len(met.others),
        "median": of(yields, 0.5),
        "p95": of(yields, 0.95),
        "stopped": of(stops, 0.5),
        "missed": 100
        * sum(each.stopped is None for each in met.interruptions)
        / len(met.interruptions),
        "false": 100 * sum(each.false for each in met.others) / len(met.others),
        "ducked": 100 * len(ducked) / len(met.others),
        "duck": of(ducked, 0.5),
    }


def cell(value: Any, key: str) -> str:
    """A figure as it is read."""
    if value is None:
        return "–"  # noqa: RUF001 - a dash is meant
    if key in TIMES:
        return f"{value / 1000:.2f} s"
    if isinstance(value, float):
        return "0" if value == 0 else f"{value:.1f} %"
    return str(value)


def markdown(head: str, keys: Sequence[str], rows: dict[str, Figures]) -> str:
    """A table for the docs."""
    lines = [f"| {head} | {' | '.join(keys)} |", "|---|" + "---:|" * len(keys)]
    for name, figures in rows.items():
        cells = " | ".join(cell(figures.get(key), key) for key in keys)
        lines.append(f"| {name} | {cells} |")
    return "\n".join(lines)
