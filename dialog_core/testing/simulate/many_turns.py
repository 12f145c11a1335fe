"""A million turns, and the smallest list of events that breaks a law, if any does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import attrs

from dialog_core.testing.simulate.stories import told_effect, told_event
from dialog_core.testing.simulate.turn_laws import Breach, TurnLaws
from dialog_core.testing.simulate.turns import Conversation, Machinery, Step
from dialog_core.turns.events import Event, Timer, TimerFired
from dialog_core.turns.state import TurnPolicy, TurnState

__all__ = ["BrokenTurn", "TurnsReport", "simulate_turns", "steps_of"]

THINGS = 250
"""What may happen in a conversation before it is over."""
TRIES = 2000
"""Runs after which a list of events is short enough."""


@attrs.frozen(eq=False)
class BrokenTurn:
    """A conversation in which a law was broken."""

    seed: int
    breach: Breach
    events: tuple[Event, ...]
    """What the machine was told; as few as still break the law, where the machine alone breaks it."""
    story: str


@attrs.define(eq=False)
class TurnsReport:
    """What many turns came to."""

    seed: int
    """Of the first conversation; the others follow it."""
    turns: int = 0
    events: int = 0
    conversations: int = 0
    failures: list[BrokenTurn] = attrs.field(factory=list)

    def as_json(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        told = [
            {
                "seed": each.seed,
                "law": each.breach.law,
                "detail": each.breach.detail,
                "story": each.story.splitlines(),
            }
            for each in self.failures
        ]
        return {
            **attrs.asdict(self, filter=lambda field, _: field.name != "failures"),
            "failures": told,
        }

    def __str__(self) -> str:
        lines = [
            f"{self.turns} turns from seed {self.seed}: {self.events} events in {self.conversations} conversations",
            f"laws broken: in {len(self.failures)} conversations",
        ]
        lines += [f"\nseed {each.seed}: {each.breach.law}\n{each.story}" for each in self.failures]
        return "\n".join(lines)


def simulate_turns(
    turns: int, *, seed: int = 0, machinery: Machinery | None = None, failures: int = 1
) -> TurnsReport:
    """Let conversations take this many turns of the caller. failures: stop after so many broken laws."""
    tested = machinery if machinery is not None else Machinery()
    report = TurnsReport(seed)
    for number in count(seed):
        talk = Conversation(number, tested)
        talk.live_through(THINGS)
        report.turns += talk.turns
        report.events += len(talk.taken)
        report.conversations += 1
        if talk.laws.breaches:
            report.failures.append(explain(number, talk, tested.step))
        if report.turns >= turns or len(report.failures) >= failures:
            return report
    raise AssertionError


def explain(seed: int, talk: Conversation, step: Step) -> BrokenTurn:
    """The fewest events that break the same law of the machine; all, if it takes the ledger to break it."""
    breach, policy = talk.laws.breaches[0], talk.policy

    def breaks(events: Sequence[Event]) -> bool:
        laws = TurnLaws.of(policy)
        for event, state, effects in steps_of(events, step, policy):
            laws.take(event, state.phase, effects)
        return any(each.law == breach.law for each in laws.breaches)

    events = fewer(talk.taken, breaks) if breaks(talk.taken) else tuple(talk.taken)
    return BrokenTurn(seed, breach, events, table(events, step, policy))


def steps_of(
    events: Sequence[Event], step: Step, policy: TurnPolicy
) -> list[tuple[Event, TurnState, tuple[Any, ...]]]:
    """Each event with the state after it and its effects; a timer that does not run is left out."""
    state, running = TurnState(), {Timer.IDLE}
    taken = []
    for event in events:
        if isinstance(event, TimerFired):
            if event.timer not in running:
                continue
            running.discard(event.timer)
        state, effects = step(state, event, policy)
        for effect in effects:
            timer = getattr(effect, "timer", None)
            if timer is not None:
                (running.add if hasattr(effect, "at") else running.discard)(timer)
        taken.append((event, state, effects))
    return taken


def fewer(events: Sequence[Event], breaks: Callable[[Sequence[Event]], bool]) -> tuple[Event, ...]:
    """The fewest events found that still break: halves are left out first, then quarters, and so on."""
    kept, size, tries = list(events), len(events) // 2, TRIES
    while size and tries > 0:
        start = 0
        while start < len(kept) and tries > 0:
            tries -= 1
            shorter = kept[:start] + kept[start + size :]
            if breaks(shorter):
                kept = shorter
            else:
                start += size
        size //= 2
    return tuple(kept)


def table(events: Sequence[Event], step: Step, policy: TurnPolicy) -> str:
    """The phases that a list of events goes through."""
    lines = []
    for event, state, effects in steps_of(events, step, policy):
        told = "; ".join(told_effect(effect) for effect in effects)
        lines.append(f"{event.at:8.2f}  {told_event(event):<32} {state.phase.value:<12} {told}")
    return "\n".join(lines)
