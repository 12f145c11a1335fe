"""The tables of docs/explanation/turn-taking.md, out of the latest results; as a command, prints them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from contrib.quality.report import Figures, markdown
from contrib.quality.stacks import DEFAULT_BARGE_IN, DEFAULT_ENDPOINTER

__all__ = ["LATEST", "tables"]

LATEST = Path(__file__).parent / "results/latest.json"
TURNS = ("median", "p95", "cut off", "taken back", "missed")
BARGE_INS = ("median", "p95", "missed", "false", "ducked", "duck")
LINES = {
    "silero, quiet": "**default**, clean and 20 dB",
    "silero, noisy": "default, 15 and 10 dB",
    "silero, loud": "default, 5 dB",
    "silero, voices": "default, other voices at 20 to 10 dB",
    "energy, quiet": "without dialog-silero (`energy`), clean and 20 dB",
}
"""Detector and group of backgrounds, and what the page calls them."""


def tables(figures: dict[str, Any]) -> Sequence[str]:
    """By endpointer, by kind of turn, by barge-in policy, and by line."""
    quiet = figures["silero, quiet"]
    return (
        markdown("endpointer", TURNS, chosen(quiet["turns"]["rows"], DEFAULT_ENDPOINTER)),
        markdown("turn", ("turns", *TURNS), quiet["turns"]["kinds"]),
        markdown("barge-in", BARGE_INS, chosen(quiet["overlaps"]["rows"], DEFAULT_BARGE_IN)),
        markdown(
            "line", ("wait", "cut off", "missed", "yields", "yields p95", "false"), by_line(figures)
        ),
    )


def chosen(rows: dict[str, Figures], default: str) -> dict[str, Figures]:
    """The default in bold."""
    return {f"**{name}**" if name == default else name: row for name, row in rows.items()}


def by_line(figures: dict[str, Any]) -> dict[str, Figures]:
    """The default stack on each line."""
    rows = {}
    for part, name in LINES.items():
        turn = figures[part]["turns"]["rows"][DEFAULT_ENDPOINTER]
        overlap = figures[part]["overlaps"]["rows"][DEFAULT_BARGE_IN]
        rows[name] = {
            "wait": turn["median"],
            "cut off": turn["cut off"],
            "missed": turn["missed"],
            "yields": overlap["median"],
            "yields p95": overlap["p95"],
            "false": overlap["false"],
        }
    return rows


if __name__ == "__main__":
    print("\n\n".join(tables(json.loads(LATEST.read_text()))))
