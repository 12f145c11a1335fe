"""Measures every endpointer and barge-in policy on the corpus: ``python -m contrib.quality``.

It takes some twenty minutes of one processor core the first time, and writes contrib/quality/results/DATE.txt and
latest.json, from which ``python -m contrib.quality.picture`` draws. ``fetch`` only brings the recordings.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from contrib.quality import stacks
from contrib.quality.corpus import Backgrounds, Item
from contrib.quality.hearing import Recognitions
from contrib.quality.recordings import Recordings, fetch, recordings
from contrib.quality.report import (
    BARGE_IN_COLUMNS,
    TURN_COLUMNS,
    barge_in_figures,
    markdown,
    turn_figures,
)
from contrib.quality.run import Heard, hear, noises, take_over, take_turns, whole

__all__ = ["main"]

RESULTS = Path(__file__).parent / "results"
PARTS = (("silero", "quiet", 1), ("energy", "quiet", 1), ("silero", "noisy", 1), ("silero", "loud", 3),
         ("silero", "voices", 3))  # fmt: skip
"""Detector, group of backgrounds, and every how many items."""

Say = Callable[[str], None]


def measure(found: Recordings, say: Say) -> dict[str, Any]:
    """All figures, by detector and group."""
    behind, known = Backgrounds(found), Recognitions()
    turns, over = whole(found)
    figures: dict[str, Any] = {}
    for detector, group, every in PARTS:
        say(f"\n## {detector}, {group}\n")

        def heard(items: Sequence[Item], *, every: int = every) -> list[Heard]:
            return hear(noises(items, group, every=every), detector, behind, known)

        everything = group == "quiet"
        figures[f"{detector}, {group}"] = {
            "turns": of_turns(heard(turns), say, everything=everything),
            "overlaps": of_overlaps(heard(over), say, everything=everything),
        }
    return figures


def of_turns(heard: Sequence[Heard], say: Say, *, everything: bool) -> dict[str, Any]:
    """Every endpointer, and the default one by kind of turn."""
    names = list(stacks.ENDPOINTERS) if everything else [stacks.DEFAULT_ENDPOINTER]
    rows, delays, kinds = {}, {}, {}
    for name in names:
        taken = take_turns(heard, stacks.ENDPOINTERS[name])
        rows[name] = turn_figures(taken)
        delays[name] = [round(turn.delay, 3) for turn in taken if turn.delay is not None]
        if name == stacks.DEFAULT_ENDPOINTER:
            for kind in dict.fromkeys(turn.clip.item.kind for turn in taken):
                kinds[kind] = turn_figures([each for each in taken if each.clip.item.kind == kind])
            for turn in taken:
                if turn.missed or turn.cut_off:
                    why = "missed" if turn.missed else "cut off"
                    say(f"{why}: {turn.clip.item.name!r}, {turn.clip.noise.name}")
    say(markdown("endpointer", TURN_COLUMNS, rows))
    say(markdown(f"\n{stacks.DEFAULT_ENDPOINTER}, by turn", TURN_COLUMNS, kinds))
    return {"rows": rows, "kinds": kinds, "delays": delays}


def of_overlaps(heard: Sequence[Heard], say: Say, *, everything: bool) -> dict[str, Any]:
    """Every barge-in policy."""
    names = list(stacks.BARGE_INS) if everything else [stacks.DEFAULT_BARGE_IN]
    rows, yields = {}, {}
    for name in names:
        met = take_over(heard, stacks.BARGE_INS[name])
        rows[name] = barge_in_figures(met)
        yields[name] = [
            round(each.yielded, 3) for each in met.interruptions if each.yielded is not None
        ]
        if name == stacks.DEFAULT_BARGE_IN:
            for other in met.others:
                if other.false:
                    say(f"false: {other.clip.item.name!r}, {other.clip.noise.name}")
    say(markdown("\nbarge-in", BARGE_IN_COLUMNS, rows))
    return {"rows": rows, "yields": yields}


def main() -> None:
    """Run all, and write the files."""
    parser = argparse.ArgumentParser(prog="python -m contrib.quality", description=__doc__)
    parser.add_argument("what", nargs="?", choices=("run", "fetch"), default="run")
    if parser.parse_args().what == "fetch":
        fetch()
        return
    found = recordings()
    if found is None:
        parser.error("the recordings are missing; run: python -m contrib.quality fetch")
    lines: list[str] = []

    def say(line: str) -> None:
        print(line, flush=True)
        lines.append(line)

    today = f"{datetime.now(UTC):%Y-%m-%d}"
    say(
        f"{today}. Python {platform.python_version()}, {platform.system()}. contrib/quality/README.md tells how to read this."
    )
    figures = measure(found, say)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{today}.txt").write_text("\n".join([*lines, ""]))
    (RESULTS / "latest.json").write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
