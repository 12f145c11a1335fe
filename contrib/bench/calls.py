"""Whole calls, measured from outside: the server alone on one core, callers and vendors on another.

``python -m contrib.bench.calls --calls 50,100 --repeats 3``. What is measured, and how: README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import attrs

from contrib.bench.clock import reference
from contrib.bench.report import percentile, show

__all__ = [
    "CALLS",
    "REPEATS",
    "SILENCE",
    "WINDOW",
    "Measured",
    "Process",
    "World",
    "middle",
    "run",
    "started",
    "table",
]

ROOT = Path(__file__).parents[2]
SETTINGS = Path(__file__).with_name("bench.toml")
SILENCE = 0.5
"""Seconds of silence after which a turn is over; as in bench.toml."""
WARM_CALLS = 8
CALLS = (50, 100, 150, 250, 300)
REPEATS = 3
WINDOW = 12.0
USED = ("uvicorn", "websockets", "uvloop", "httpx", "anyio", "msgspec", "onnxruntime")
QUIET_LEVELS = frozenset({"debug", "info", "notice"})


@attrs.frozen
class Process:
    """A child that answers lines with JSON lines."""

    child: subprocess.Popen[str]
    first: dict[str, Any]
    """What it printed when it was ready."""

    def ask(self, line: str) -> dict[str, Any]:
        """Send a line; returns the answer."""
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        print(line, file=self.child.stdin, flush=True)
        return read(self.child.stdout)


def read(lines: IO[str]) -> dict[str, Any]:
    """The next JSON line; the log's lines on the same pipe are not ours."""
    for line in lines:
        if line.startswith("{"):
            answer: dict[str, Any] = json.loads(line)
            return answer
    raise SystemExit("a process of the bench ended early; see what it wrote above")


@contextmanager
def started(
    command: Sequence[str], *, errors: IO[bytes] | None = None, **environ: str
) -> Iterator[Process]:
    """A child that is ready, ended afterwards."""
    child = subprocess.Popen(  # noqa: S603 - our own modules
        command,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        yield Process(child, read(child.stdout))
    finally:
        child.stdin.close()
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


@attrs.frozen
class World:
    """Callers and vendors, in a process of their own, and the cores of the two sides."""

    process: Process
    server_core: int

    @property
    def environ(self) -> dict[str, str]:
        """What bench.toml looks up."""
        port = self.process.first["port"]
        return {
            "BENCH_TWILIO_TOKEN": "twilio_fake_auth_token_0001",
            "BENCH_SOCKETS": f"ws://127.0.0.1:{port}",
            "BENCH_HTTP": f"http://127.0.0.1:{port}/v1",
            "BENCH_KEY": "bench",
        }

    @classmethod
    @contextmanager
    def open(cls) -> Iterator[World]:
        """Start it. Warns where one core must do for both sides, whose figures are then worth little."""
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) == 1:
            print("only one core: callers, vendors and server disturb each other")
        command = [sys.executable, "-m", "contrib.bench.world", str(cores[-1])]
        with started(command) as process:
            yield cls(process, cores[0])

    def hold(self, server: Process, url: str, calls: int, **options: float) -> dict[str, Any]:
        """Let callers in; see :class:`contrib.bench.world.Order`."""
        order = {"url": url, "pid": server.child.pid, "calls": calls, "silence": SILENCE, **options}
        return self.process.ask(json.dumps(order))


@attrs.frozen
class Measured:
    """The figures of one run, in milliseconds unless they say otherwise."""

    cpu: float
    """A call-second."""
    busy: float
    """Share of the core, 0..1."""
    own: tuple[float, float]
    """p50 and p99."""
    stages: tuple[float, float, float]
    """p50 of: to the question, from token to text, from speech to line."""
    clear: tuple[float, float]
    replies: int
    failures: tuple[int, int, int, int]
    """Calls that failed, answers that never came, interruptions that nothing heeded, warnings of the server."""
    gaps: int
    lag: float
    """p99 by which the load itself was late."""
    memory: float = 0.0
    """MB a call."""
    kept: int = 0
    """Blocks of memory that calls left behind, each."""
    agent: float = 0.0
    """Share of the time in which the agent is heard, 0..1."""
    reference: float = 0.0
    """What :func:`contrib.bench.clock.reference` took on the server's core, before and after the run."""

    @property
    def lost(self) -> int:
        """All failures."""
        return sum(self.failures)

    @classmethod
    def of(cls, told: dict[str, Any], troubles: int) -> Measured:
        """From what the load told."""
        own, clears, lags = told["own"] or [9.99], told["clears"] or [9.99], told["lags"] or [9.99]
        before, during, _after = told["memory"]
        stages = told["stages"] or [(0, 0, 0)]
        first, second, third = (
            statistics.median(stage) * 1e3 for stage in zip(*stages, strict=True)
        )
        return cls(
            cpu=told["cpu"] / max(told["call_seconds"], 1e-9) * 1e3,
            busy=told["cpu"] / told["window"],
            own=(percentile(own, 0.5) * 1e3, percentile(own, 0.99) * 1e3),
            stages=(first, second, third),
            clear=(percentile(clears, 0.5) * 1e3, percentile(clears, 0.99) * 1e3),
            replies=told["replies"],
            failures=(
                len(told["failures"]),
                told["unanswered"],
                told["uncleared"],
                troubles,
            ),
            gaps=len(told["gaps"]),
            lag=percentile(lags, 0.99) * 1e3,
            memory=(during - before) / 1e6 / max(told["calls"], 1),
            agent=told["agent_seconds"] / max(told["call_seconds"], 1e-9),
        )


def measure(world: World, calls: int, window: float, settings: Path = SETTINGS) -> Measured:
    """One server, warmed up, with so many calls at once."""
    pace = reference(world.server_core)
    with tempfile.TemporaryFile() as log:
        command = [sys.executable, "-m", "contrib.bench.server"]
        command += [str(world.server_core), str(settings)]
        with started(command, errors=log, **world.environ) as server:
            url = f"{server.first['url']}/bench/twilio/voice"
            world.hold(server, url, WARM_CALLS, ramp=1.0, settle=5.0, window=2.0)
            before = server.ask("")
            told = world.hold(server, url, calls, window=window)
            after = server.ask("")
        log.seek(0)
        troubles = warnings(log.read().decode())
    for failure in (told["failures"] + troubles)[:5]:
        print(f"    {failure[:300]}")
    kept = (after["blocks"] - before["blocks"]) / told["begun"]
    objects = sum(after["objects"].values()) - sum(before["objects"].values())
    if objects:
        print(f"    objects kept after the calls: {after['objects']}")
    pace = (pace + reference(world.server_core)) / 2
    return attrs.evolve(Measured.of(told, len(troubles)), kept=round(kept), reference=pace)


def warnings(log: str) -> list[str]:
    """The log's entries of any consequence."""
    entries = [line for line in log.splitlines() if line.strip()]
    return [line for line in entries if not is_quiet(line)]


def is_quiet(line: str) -> bool:
    """Whether a line of the log tells of nothing wrong."""
    try:
        entry = json.loads(line)
    except ValueError:
        return False
    quiet = entry.get("level") in QUIET_LEVELS or entry.get("cause") in {"hangup", "lost"}
    event = entry.get("event", "")
    return quiet and ("dropped" not in event or "late messages" in event)


def middle(runs: Sequence[Measured]) -> Measured:
    """The median of each figure; the worst of those that count failures."""

    def median(pick: Callable[[Measured], float]) -> float:
        return statistics.median(map(pick, runs))

    return Measured(
        cpu=median(lambda each: each.cpu),
        busy=median(lambda each: each.busy),
        own=(median(lambda each: each.own[0]), median(lambda each: each.own[1])),
        stages=(
            median(lambda each: each.stages[0]),
            median(lambda each: each.stages[1]),
            median(lambda each: each.stages[2]),
        ),
        clear=(median(lambda each: each.clear[0]), median(lambda each: each.clear[1])),
        replies=round(median(lambda each: each.replies)),
        failures=max((each.failures for each in runs), key=sum),
        gaps=max(each.gaps for each in runs),
        lag=median(lambda each: each.lag),
        memory=median(lambda each: each.memory),
        kept=round(median(lambda each: each.kept)),
        agent=median(lambda each: each.agent),
        reference=median(lambda each: each.reference),
    )


def row(calls: int, each: Measured) -> tuple[str, ...]:
    """A line of the table."""
    return (
        str(calls),
        f"{each.cpu:.2f}",
        f"{each.busy * 100:.0f} %",
        f"{each.own[0]:.0f}",
        f"{each.own[1]:.0f}",
        " + ".join(f"{stage:.0f}" for stage in each.stages),
        f"{each.clear[0]:.0f}",
        f"{each.clear[1]:.0f}",
        f"{each.memory:.2f}",
        f"{each.kept}",
        f"{each.replies}",
        f"{each.lost}",
        f"{each.gaps}",
        f"{each.agent * 100:.0f} %",
        f"{each.lag:.1f}",
        f"{each.reference:.1f}",
    )


COLUMNS = (
    "calls", "CPU ms a call-s", "core", "own p50", "own p99", "in stages", "clear p50",
    "clear p99", "MB a call", "kept", "replies", "lost", "gaps", "agent speaks", "load's lag p99", "reference",
)  # fmt: skip


def table(results: dict[int, list[Measured]], repeats: int) -> None:
    """Print what was measured."""
    rows = [row(calls, middle(runs)) for calls, runs in results.items()]
    show(f"Whole calls on one core; medians of {repeats}, milliseconds", COLUMNS, rows, *USED)


def run(
    counts: Sequence[int], repeats: int, window: float, settings: Path = SETTINGS
) -> dict[int, list[Measured]]:
    """Measure each count so often; prints progress."""
    results: dict[int, list[Measured]] = {calls: [] for calls in counts}
    with World.open() as world:
        for repeat in range(repeats):
            for calls in counts:
                print(f"  {calls} calls, run {repeat + 1} of {repeats} ...", flush=True)
                results[calls].append(measure(world, calls, window, settings))
                print(f"    {results[calls][-1]}", flush=True)
    return results


def with_default_turns(folder: Path) -> Path:
    """The same settings without an endpointer and a barge-in policy, so that an agent has the default ones."""
    head, _, _ = SETTINGS.read_text().partition("[agents.bench.endpointer]")
    path = folder / SETTINGS.name
    path.write_text(head)
    return path


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", default=",".join(map(str, CALLS)))
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--window", type=float, default=WINDOW)
    parser.add_argument(
        "--default-turns",
        action="store_true",
        help="the default endpointer and barge-in instead of silence alone; then only the CPU's figures compare",
    )
    options = parser.parse_args()
    counts = [int(each) for each in options.calls.split(",")]
    with tempfile.TemporaryDirectory() as room:
        settings = with_default_turns(Path(room)) if options.default_turns else SETTINGS
        results = run(counts, options.repeats, options.window, settings)
    table(results, options.repeats)


if __name__ == "__main__":
    main()
