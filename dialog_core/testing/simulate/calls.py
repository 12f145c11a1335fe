"""Many simulated calls, and what came of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import attrs

from dialog_core.testing.simulate.call_laws import broken
from dialog_core.testing.simulate.dead_air import Budget, dead_air
from dialog_core.testing.simulate.draw import draw_plan
from dialog_core.testing.simulate.plan import CallPlan
from dialog_core.testing.simulate.run import Lived, live
from dialog_core.testing.simulate.shrinking import shrink
from dialog_core.testing.simulate.sound import heard_in
from dialog_core.testing.simulate.stories import story
from dialog_core.testing.simulate.turn_laws import Breach
from dialog_core.turns.records import TurnComplete

__all__ = ["BUDGET", "CallsReport", "Failure", "judge", "simulate_calls"]

BUDGET = Budget()
"""The dead air that is allowed, whatever goes wrong."""
Judge = Callable[[Lived], list[Breach]]


def judge(lived: Lived) -> list[Breach]:
    """Every law that a call breaks, dead air included."""
    return broken(lived, budget=BUDGET)


@attrs.frozen(eq=False)
class Failure:
    """A call that broke a law."""

    seed: int
    breaches: tuple[Breach, ...]
    smallest: CallPlan
    """The smallest plan found that breaks the first of them."""
    story: str
    """How that goes."""


@attrs.define(eq=False)
class CallsReport:
    """What many calls came to."""

    first: int
    """Seed of the first; the others follow it."""
    calls: int = 0
    turns: int = 0
    seconds: float = 0.0
    """How long the calls lasted, in virtual time."""
    records: Counter[str] = attrs.field(factory=Counter)
    faults: Counter[str] = attrs.field(factory=Counter)
    """Faults that came to pass."""
    waits: list[float] = attrs.field(factory=list)
    """How long each thing that the caller said waited for a sound."""
    failures: list[Failure] = attrs.field(factory=list)

    def add(self, lived: Lived) -> None:
        """Count a call."""
        self.calls += 1
        self.seconds += lived.ended or 0.0
        self.turns += sum(isinstance(record, TurnComplete) for record in lived.records)
        self.records.update(type(record).__name__ for record in lived.records)
        self.faults.update(f"{fault.where} {fault.what}" for _, fault in lived.journal.struck)
        gaps = dead_air(lived, heard_in(lived.line.played))
        self.waits += [gap.seconds for gap in gaps if gap.awaited]

    def wait(self, share: float) -> float:
        """The silence that this share of them is not longer than, 0..1."""
        ordered = sorted(self.waits) or [0.0]
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def as_json(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        return {
            "seed": self.first,
            "calls": self.calls,
            "turns": self.turns,
            "seconds": round(self.seconds, 1),
            "records": dict(self.records),
            "faults": dict(self.faults),
            "silence": {
                "median": self.wait(0.5),
                "p95": self.wait(0.95),
                "longest": self.wait(1.0),
            },
            "failures": [
                {
                    "seed": failure.seed,
                    "laws": [attrs.asdict(breach) for breach in failure.breaches],
                    "story": failure.story.splitlines(),
                }
                for failure in self.failures
            ],
        }

    def __str__(self) -> str:
        records = ", ".join(f"{count} {name}" for name, count in sorted(self.records.items()))
        hours = self.seconds / 3600
        median, p95, longest = (self.wait(share) for share in (0.5, 0.95, 1.0))
        lines = [
            f"{self.calls} calls from seed {self.first}: {self.turns} turns in {hours:.1f} hours",
            f"records: {records}",
            f"faults: {sum(self.faults.values())} of {len(self.faults)} kinds",
            f"from words to sound: median {median:.2f} s, p95 {p95:.2f} s, longest {longest:.2f} s",
            f"laws broken: in {len(self.failures)} calls",
        ]
        lines += [f"\n{failure.story}" for failure in self.failures]
        return "\n".join(lines)


def simulate_calls(
    seeds: Iterable[int],
    *,
    judged_by: Judge = judge,
    failures: int = 3,
    lived_by: Callable[[CallPlan], Lived] = live,
) -> CallsReport:
    """Run a call for each seed. failures: stop after so many that break a law, each told at its smallest."""
    report: CallsReport | None = None
    for seed in seeds:
        if report is None:
            report = CallsReport(seed)
        plan = draw_plan(seed)
        lived = lived_by(plan)
        report.add(lived)
        if breaches := judged_by(lived):
            report.failures.append(explain(plan, breaches, judged_by, lived_by))
        if len(report.failures) >= failures:
            break
    return report if report is not None else CallsReport(0)


def explain(
    plan: CallPlan, breaches: list[Breach], judged_by: Judge, lived_by: Callable[[CallPlan], Lived]
) -> Failure:
    """The smallest call that breaks the same law, told."""
    law = breaches[0].law

    def breaks(smaller: CallPlan) -> bool:
        return any(breach.law == law for breach in judged_by(lived_by(smaller)))

    smallest = shrink(plan, breaks)
    lived = lived_by(smallest)
    return Failure(plan.seed, tuple(breaches), smallest, story(lived, judged_by(lived)))
