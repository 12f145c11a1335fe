"""Measures every endpointer and barge-in policy on the corpus: ``python -m contrib.quality``.

It takes some twenty minutes of one processor core the first time, and writes contrib/quality/results/DATE.txt and
latest.json, from which ``python -m contrib.quality.picture`` draws. ``fetch`` only brings the recordings.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from contrib.quality import stacks
from contrib.quality.corpus import Backgrounds
from contrib.quality.hearing import Recognitions
from contrib.quality.recordings import FetchFailed, Recordings, fetch, recordings
from contrib.quality.report import (
    BARGE_IN_COLUMNS,
    TURN_COLUMNS,
    barge_in_figures,
    markdown,
    turn_figures,
)
from contrib.quality.run import (
    SAMPLE,
    Heard,
    crossed,
    hear,
    noises,
    sample,
    take_over,
    take_turns,
    whole,
)
from dialog_core.call.clock import SystemClock

__all__ = ["main"]

RESULTS = Path(__file__).parent / "results"
PARTS = (("silero", "quiet", 1), ("energy", "quiet", 2), ("silero", "noisy", 1), ("silero", "loud", 4),
         ("silero", "voices", 4))  # fmt: skip
"""Detector, group of backgrounds, and every how many items."""

Say = Callable[[str], None]


def measure(found: Recordings, say: Say, only: str) -> dict[str, Any]:
    """All figures, by detector and group. only: of one of them, such as ``silero, quiet``."""
    behind, known = Backgrounds(found), Recognitions()
    turns, over = whole(found)
    figures: dict[str, Any] = {}
    for detector, group, every in PARTS:
        if only and only != f"{detector}, {group}":
            continue
        say(f"\n## {detector}, {group}\n")

        everything = group == "quiet"
        sounds = crossed(over, group)[::every] if everything else noises(over, group, every=every)
        figures[f"{detector}, {group}"] = {
            "turns": of_turns(
                hear(noises(turns, group, every=every), detector, behind, known),
                say,
                everything=everything,
            ),
            "overlaps": of_overlaps(
                hear(sounds, detector, behind, known), say, everything=everything
            ),
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
    parser.add_argument("what", nargs="?", choices=("run", "fetch", "sample"), default="run")
    parser.add_argument(
        "--only", default="", help="one part, such as 'silero, quiet'; the others stay as they were"
    )
    options = parser.parse_args()
    if options.what == "fetch":
        try:
            fetch()
        except FetchFailed as error:  # what needs the recordings is skipped
            print(f"{error}; the tests of turn-taking on speech are skipped", file=sys.stderr)
        return
    found = recordings()
    if found is None:
        parser.error("the recordings are missing; run: python -m contrib.quality fetch")
    if options.what == "sample":
        known = Recognitions()
        sample(found, known)
        known.keep_used(SAMPLE)
        return
    lines: list[str] = []

    def say(line: str) -> None:
        print(line, flush=True)
        lines.append(line)

    today = f"{datetime.fromtimestamp(SystemClock().wall(), UTC):%Y-%m-%d}"
    say(
        f"{today}. Python {platform.python_version()}, {platform.system()}; to be read with contrib/quality/README.md."
    )
    figures = measure(found, say, options.only)
    latest = RESULTS / "latest.json"
    before = json.loads(latest.read_text()) if options.only and latest.is_file() else {}
    part = f"-{options.only.replace(', ', '-')}" if options.only else ""
    (RESULTS / f"{today}{part}.txt").write_text("\n".join([*lines, ""]))
    latest.write_text(json.dumps(before | figures) + "\n")


if __name__ == "__main__":
    main()
