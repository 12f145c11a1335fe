"""Makes a plan that breaks a law as small as it can be and still break it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs

from dialog_core.testing.simulate.plan import Answer, CallPlan, Carrier, Pace

__all__ = ["TRIES", "shrink"]

TRIES = 300
"""Runs after which what was found is small enough."""
LISTS = ("faults", "wishes", "acts")
PLAIN_ANSWER = (Answer("Certainly, I can do that."),)


def shrink(plan: CallPlan, breaks: Callable[[CallPlan], bool], *, tries: int = TRIES) -> CallPlan:
    """The smallest plan found that still `breaks`: fewer acts and faults, plainer parts, shorter words."""
    left = tries
    improved = True
    while improved and left > 0:
        improved = False
        for smaller in simpler(plan):
            left -= 1
            if breaks(smaller):
                plan, improved = smaller, True
                break
            if left <= 0:
                break
    return plan


def simpler(plan: CallPlan) -> Iterator[CallPlan]:
    """Plans with a little less in them, the boldest cuts first."""
    for name in LISTS:
        items = getattr(plan, name)
        if len(items) > 1:
            half = len(items) // 2
            yield with_(plan, name, items[:half])
            yield with_(plan, name, items[half:])
        for index in range(len(items)):
            yield with_(plan, name, (*items[:index], *items[index + 1 :]))
    plain = CallPlan(plan.seed)
    for name in (
        "carrier",
        "pace",
        "answers",
        "greeting",
        "endpointer",
        "barge_in",
        "word_times",
        "verdicts",
        "holding",
        "eager",
        "interruptible",
    ):
        wanted = PLAIN_ANSWER if name == "answers" else getattr(plain, name)
        if getattr(plan, name) != wanted:
            yield with_(plan, name, wanted)
    yield from shorter(plan)


def with_(plan: CallPlan, name: str, value: Any) -> CallPlan:
    """The plan with another value in a field."""
    changes: dict[str, Any] = {name: value}
    return attrs.evolve(plan, **changes)


def shorter(plan: CallPlan) -> Iterator[CallPlan]:
    """Plans in which somebody says or waits less."""
    for index, act in enumerate(plan.acts):
        rounded = attrs.evolve(act, after=round(act.after, 1), seconds=round(act.seconds, 1))
        changed = [rounded] if rounded != act else []
        words = act.text.split()
        if len(words) > 1:
            changed.append(attrs.evolve(act, text=words[0], seconds=act.seconds / len(words)))
        if act.after > 1:
            changed.append(attrs.evolve(act, after=round(act.after / 2, 1)))
        for act_ in changed:
            yield attrs.evolve(plan, acts=(*plan.acts[:index], act_, *plan.acts[index + 1 :]))
    quick = attrs.evolve(plan.pace, spread=0.0)
    if plan.pace not in (quick, Pace()):
        yield attrs.evolve(plan, pace=quick)
    calm = attrs.evolve(plan.carrier, jitter=0.0, echo=None)
    if plan.carrier not in (calm, Carrier()):
        yield attrs.evolve(plan, carrier=calm)
