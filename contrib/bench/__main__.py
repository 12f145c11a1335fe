"""Measure everything and write it down: ``python contrib/bench [--quick]``.

A full run takes some twelve minutes and ends in a file of ``contrib/bench/results``; a quick one takes some two, tries
little, and its file is not worth keeping.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from contrib.bench import calls, engine, hops, pipecat_calls, vad_batch

RESULTS = Path(__file__).parent / "results"
ABOUT = """\
What is measured, and how the columns are to be read: contrib/bench/README.md.
"""


class Tee(io.TextIOBase):
    """Writes to the terminal and keeps a copy."""

    def __init__(self, terminal: io.TextIOBase) -> None:
        self.copy = io.StringIO()
        self._terminal = terminal

    def write(self, text: str) -> int:
        self.copy.write(text)
        self._terminal.write(text)
        self._terminal.flush()
        return len(text)


def header(*, quick: bool) -> str:
    """Where and when the figures come from."""
    kind = "A quick run, only good to see that everything runs." if quick else "A full run."
    model = "unknown processor"
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    load = os.getloadavg()[0]
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC. {kind}\n"
        f"{platform.system()} {platform.release()}, {os.cpu_count()} cores, {model}; "
        f"load before the run {load:.1f}.\n{ABOUT}"
    )


def without_arguments(main: Callable[[], None]) -> Callable[[], None]:
    """A module's main with its defaults, whatever this run was given."""

    def run() -> None:
        given, sys.argv = sys.argv, sys.argv[:1]
        try:
            main()
        finally:
            sys.argv = given

    return run


def whole_calls(*, quick: bool) -> None:
    """Ours, pipecat's, and how they compare."""
    counts: Sequence[int] = (10,) if quick else calls.CALLS
    repeats, window = (1, 6.0) if quick else (calls.REPEATS, calls.WINDOW)
    ours = calls.run(counts, repeats, window)
    calls.table(ours, repeats)
    theirs = pipecat_calls.compare((2,) if quick else pipecat_calls.CALLS, window)
    if not theirs:
        return
    pipecat_calls.table(theirs)
    middle = {count: calls.middle(runs) for count, runs in ours.items()}
    we, they = pipecat_calls.sustained(middle), pipecat_calls.sustained(theirs)
    print(
        f"\nCalls on one core with an own latency p99 under {pipecat_calls.OWN_LIMIT:g} ms, of the numbers tried"
    )
    print(f"  dialog {we}, pipecat {they}" + (f": {we / they:.0f} times as many" if they else ""))
    cheapest = min(each.cpu for each in theirs.values())
    ratio = cheapest / min(each.cpu for each in middle.values())
    print(f"  CPU of a call-second, each at its cheapest: {ratio:.0f} times less")


def main() -> None:
    """Run all, and write the file."""
    parser = argparse.ArgumentParser(prog="python contrib/bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="try little; two minutes")
    options = parser.parse_args()
    tee = Tee(sys.stdout)  # type: ignore[arg-type]
    parts: list[Callable[[], None]] = [
        without_arguments(hops.main),
        without_arguments(vad_batch.main),
        without_arguments(engine.main),
        partial(whole_calls, quick=options.quick),
    ]
    with contextlib.redirect_stdout(tee):
        print(header(quick=options.quick))
        for part in parts[2:] if options.quick else parts:
            part()
    folder = Path(tempfile.gettempdir()) if options.quick else RESULTS
    file = folder / f"{datetime.now(UTC):%Y-%m-%d}.txt"
    kept = [
        line for line in tee.copy.getvalue().splitlines() if not line.startswith("    Measured(")
    ]
    file.write_text("\n".join([*kept, ""]))
    print(f"\nwritten to {file}")


if __name__ == "__main__":
    main()
