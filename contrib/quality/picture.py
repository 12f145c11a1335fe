"""Draws the figures of the latest run: ``python -m contrib.quality.picture`` writes docs/explanation/turn-taking.svg.

Left, what an endpointer costs (the median wait) and what it risks (callers cut off). Right, how soon a policy yields
to an interruption, and in the legend, how often it yields for nothing. Colours are those of Okabe and Ito, which
colour-blind people can tell apart; shapes and line styles say the same again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt

from contrib.quality.stacks import DEFAULT_BARGE_IN, DEFAULT_ENDPOINTER

__all__ = ["draw"]

RESULTS = Path(__file__).parent / "results/latest.json"
TARGET = Path(__file__).parents[2] / "docs/explanation/turn-taking.svg"
PART = "silero, quiet"
COLOURS = ("#000000", "#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#0072B2", "#D55E00")
SHAPES = ("o", "s", "^", "D", "v", "P", "X")
STYLES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)))
BARGE_INS = ("hard-cut", "soft-fade", "min-words", "silero", "backchannel", DEFAULT_BARGE_IN)
SIZES = {DEFAULT_ENDPOINTER: 150, "heuristic": 190, "semantic (model always right)": 40}
"""Of markers; two that lie upon each other differ."""
GREY = "#555555"


def draw(figures: dict[str, Any], target: Path) -> None:
    """Both panels."""
    mpl.rcParams.update(
        {
            "svg.hashsalt": "dialog",
            "font.size": 10,
            "axes.spines.top": False,
            "axes.spines.right": False,
        }
    )
    canvas, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
    draw_turns(left, figures[PART]["turns"]["rows"])
    draw_barge_ins(right, figures[PART]["overlaps"])
    canvas.savefig(target, metadata={"Date": None})
    plt.close(canvas)


def draw_turns(axes: Any, rows: dict[str, Any]) -> None:
    """Wait against risk."""
    for (name, row), colour, shape in zip(rows.items(), COLOURS, SHAPES, strict=False):
        chosen = name == DEFAULT_ENDPOINTER
        axes.scatter(
            row["median"] / 1000, row["cut off"], s=SIZES.get(name, 70), color=colour, marker=shape,
            edgecolors="black", linewidths=2 if chosen else 0.5, zorder=3,
            label=f"{name} (default)" if chosen else name,
        )  # fmt: skip
    axes.axhline(2, color=GREY, linestyle="--", linewidth=1)
    axes.axvline(0.5, color=GREY, linestyle="--", linewidth=1)
    axes.text(0.505, 2.06, "goal: below and left", color=GREY, fontsize=9)
    axes.set(
        xlabel="median wait after the last voiced sample (s)", ylabel="turns cut off (%)",
        title="Endpointers", xlim=(0.4, 0.85), ylim=(0, None),
    )  # fmt: skip
    axes.grid(color="#eeeeee", zorder=0)
    axes.legend(fontsize=8, frameon=False, loc="lower right")


def draw_barge_ins(axes: Any, overlaps: dict[str, Any]) -> None:
    """How many interruptions have been yielded to by a time."""
    total = next(iter(overlaps["rows"].values()))["interruptions"]
    for name, colour, style in zip(BARGE_INS, COLOURS[1:], STYLES, strict=True):
        times = sorted(overlaps["yields"][name])
        shares = [100 * (number + 1) / total for number in range(len(times))]
        row, chosen = overlaps["rows"][name], name == DEFAULT_BARGE_IN
        label = f"{name}{' (default)' if chosen else ''}: {row['false']:.0f} % false"
        axes.step(
            [0, *times, 2], [0, *shares, shares[-1]], where="post", color=colour, linestyle=style,
            linewidth=3 if chosen else 1.6, label=label,
        )  # fmt: skip
    axes.set(
        xlabel="time since the caller's first sound (s)", ylabel="interruptions yielded to (%)",
        title="Barge-in", xlim=(0, 1.3), ylim=(0, 102),
    )  # fmt: skip
    axes.grid(color="#eeeeee", zorder=0)
    axes.legend(fontsize=8, frameon=False, loc="lower right")


if __name__ == "__main__":
    draw(json.loads(RESULTS.read_text()), TARGET)
