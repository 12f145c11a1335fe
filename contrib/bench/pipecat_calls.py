"""The same job on pipecat, and how many of its calls make one core as busy as ours.

``python -m contrib.bench.pipecat_calls``. Its environment is made in ``build/pipecat`` from the package index, once;
DIALOG_BENCH_PIPECAT names the interpreter of another one. Without either the comparison is left out.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from contrib.bench.calls import Measured, World, started
from contrib.bench.report import show

__all__ = ["compare", "interpreter", "sustained"]

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
REQUIREMENTS = (
    "pipecat-ai[silero,websocket,deepgram,cartesia,openai]==1.14.0",
    "uvicorn>=0.37",
    "uvloop>=0.20",
)
CALLS = (4, 8, 10, 12, 14, 16)
OWN_LIMIT = 100.0
"""Milliseconds of own latency, p99, that a call may have for its core to count as not too busy."""


def interpreter() -> str | None:
    """The interpreter that has pipecat; None, with a message, if there is none."""
    named = os.environ.get("DIALOG_BENCH_PIPECAT")
    if named:
        return named
    python = ROOT / "build" / "pipecat" / "bin" / "python"
    if python.exists():
        return str(python)
    print("  making an environment for pipecat ...", flush=True)
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    for command in ([sys.executable, "-m", "venv", str(python.parents[1])], [*pip, *REQUIREMENTS]):
        if subprocess.run(command, check=False).returncode:  # noqa: S603 - our own command
            print("  no environment for pipecat can be made; the comparison is left out")
            return None
    return str(python)


def measure(world: World, python: str, calls: int, window: float) -> Measured:
    """One server, warmed up, with so many calls at once."""
    port = world.process.first["port"]
    command = [python, "-P", str(HERE / "pipecat_agent.py"), str(world.server_core), str(port)]
    with tempfile.TemporaryFile() as log, started(command, errors=log) as server:
        url = server.first["url"]
        world.hold(server, url, 1, ramp=1.0, settle=4.0, window=2.0)
        return Measured.of(world.hold(server, url, calls, settle=6.0, window=window), 0)


def is_fine(measured: Measured) -> bool:
    """Whether callers would not have noticed by the delay how busy the core is."""
    return measured.replies > 0 and measured.own[1] <= OWN_LIMIT


def sustained(results: dict[int, Measured]) -> int:
    """The largest number of calls, of those tried, up to which all were fine; 0 if none was."""
    most = 0
    for calls in sorted(results):
        if not is_fine(results[calls]):
            break
        most = calls
    return most


def compare(counts: Sequence[int], window: float) -> dict[int, Measured]:
    """Measure each count until a core has had enough; prints progress. Empty without pipecat."""
    python = interpreter()
    results: dict[int, Measured] = {}
    if python is None:
        return results
    with World.open() as world:
        for calls in counts:
            print(f"  pipecat, {calls} calls ...", flush=True)
            results[calls] = measured = measure(world, python, calls, window)
            print(f"    {measured}", flush=True)
            if not is_fine(measured):
                break
    return results


def table(results: dict[int, Measured]) -> None:
    """Print what was measured."""
    rows = [
        (
            str(calls),
            f"{each.cpu:.1f}",
            f"{each.busy * 100:.0f} %",
            f"{each.own[0]:.0f}",
            f"{each.own[1]:.0f}",
            f"{each.clear[0]:.0f}",
            f"{each.clear[1]:.0f}",
            f"{each.memory:.1f}",
            str(each.replies),
            str(each.gaps),
        )
        for calls, each in results.items()
    ]
    columns = (
        "calls", "CPU ms a call-s", "core", "own p50", "own p99", "clear p50", "clear p99",
        "MB a call", "replies", "gaps",
    )  # fmt: skip
    show(f"The same calls on pipecat ({REQUIREMENTS[0]}), one core; milliseconds", columns, rows)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", default=",".join(map(str, CALLS)))
    parser.add_argument("--window", type=float, default=15.0)
    options = parser.parse_args()
    results = compare([int(each) for each in options.calls.split(",")], options.window)
    if results:
        table(results)
        print(
            f"  at most {sustained(results)} calls with an own latency p99 under {OWN_LIMIT:g} ms"
        )


if __name__ == "__main__":
    main()
