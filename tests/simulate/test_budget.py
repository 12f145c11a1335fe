"""Whatever goes wrong in a call, no silence that the agent owes an end to is longer than the dead-air budget."""

from __future__ import annotations

import attrs
import pytest

from dialog_core.testing.simulate import (
    FAULTS,
    Act,
    Answer,
    Breach,
    Budget,
    Carrier,
    Cue,
    Deed,
    Fault,
    broken,
    dead_air,
    judge,
    live,
)
from dialog_core.testing.simulate.run import policy_of
from dialog_core.testing.simulate.sound import heard_in
from dialog_core.turns.state import TurnPolicy
from tests.simulate.test_calls import POLITE

LONG = 10.0
"""Seconds that what stalls, stalls: longer than any budget."""
BUSY = attrs.evolve(
    POLITE,
    acts=(*POLITE.acts, Act(Deed.SAY, Cue.HEARD, 0.5, "and another thing.", 1.0)),
    answers=(
        Answer(
            "Certainly, I can do that for you. The shop opens at nine, closes at six.", "look_up"
        ),
        Answer("We have that."),
        Answer("Goodbye then.", "hang_up"),
    ),
)
PATIENT = Act(Deed.WAIT, Cue.NEXT, 0.0, "", 20.0)
"""The caller waits for whatever comes, and does not end a silence by themselves."""
WAITING = attrs.evolve(BUSY, acts=(BUSY.acts[0], *BUSY.acts[2:], PATIENT), holding=False)
EVERY = [(where, what) for where, whats in FAULTS.items() for what in whats]


def struck(where: str, what: str) -> bool:
    """Play the call with the fault at every place where it can be; True if it came to pass."""
    seconds = min(LONG, {"line": 1.5, "mark": 1.5}.get(where, LONG))
    happened = False
    for plan in (BUSY, WAITING):
        for number in range(1, 7):
            fault = Fault(where, what, number, 2.0 * number if where == "hearing" else seconds)
            lived = live(attrs.evolve(plan, faults=(fault,)))
            assert not judge(lived), f"{fault}, hold phrases: {plan.holding}: {judge(lived)}"
            happened = happened or bool(lived.journal.struck)
    return happened


@pytest.mark.parametrize(("where", "what"), EVERY, ids=[f"{one} {other}" for one, other in EVERY])
def test_no_fault_leaves_the_caller_in_silence(where: str, what: str) -> None:
    assert struck(where, what)


@pytest.mark.parametrize("jitter", [0.05, 0.2])
def test_neither_does_a_network_that_jitters(jitter: float) -> None:
    carrier = Carrier(outbound=0.15, inbound=0.15, jitter=jitter, frame=0.02)
    for what in ("is mute", "falls silent"):
        plan = attrs.evolve(BUSY, carrier=carrier, faults=(Fault("llm", what, 2),))
        assert not judge(live(plan))


# --- the law has teeth


def too_long(policy: TurnPolicy, fault: Fault) -> list[Breach]:
    acts = (BUSY.acts[0], PATIENT) if fault.where == "tts" else WAITING.acts
    plan = attrs.evolve(WAITING, acts=acts, faults=(fault,))
    return broken(live(plan, policy=policy), budget=Budget())


@pytest.mark.parametrize(
    ("fault", "careless"),
    [
        (Fault("llm", "is mute", 1), attrs.evolve(policy_of(BUSY), dead_air=5.0)),
        (Fault("tts", "falls silent", 3), attrs.evolve(policy_of(BUSY), dead_air=5.0)),
        (Fault("hearing", "is mute", 1, 4.0), attrs.evolve(policy_of(BUSY), idle_prompts=0)),
        (Fault("end", "late", 1, LONG), attrs.evolve(policy_of(BUSY), dead_air=8.0)),
    ],
    ids=lambda value: f"{value.where} {value.what}" if isinstance(value, Fault) else "",
)
def test_a_core_that_waits_too_long_is_caught(fault: Fault, careless: TurnPolicy) -> None:
    found = too_long(careless, fault)
    assert {breach.law for breach in found} == {"silence stays within the budget"}


def test_a_whisper_that_nobody_noticed_is_owed_nothing_and_one_that_was_told_is() -> None:
    whispered = Act(Deed.WHISPER, Cue.HEARD, 0.5, "bako temi", 0.8)
    plan = attrs.evolve(POLITE, acts=(whispered,))
    lived = live(plan)
    assert any(gap.awaited for gap in dead_air(lived, heard_in(lived.line.played)))
    missed = live(attrs.evolve(plan, faults=(Fault("stt", "misses", 1),)))
    assert not [gap for gap in dead_air(missed, heard_in(missed.line.played)) if gap.awaited]
