"""The turn machine, the playout ledger and the gate hold their laws over very many turns, and the laws have teeth."""

from __future__ import annotations

import pytest

from dialog_core.testing.simulate import simulate_turns
from tests.simulate.amounts import FRESH_SEED, TURNS
from tests.simulate.mutations import MUTATIONS

ENOUGH = 4000
"""Turns within which every mutation is caught; most are within ten."""


@pytest.mark.timeout(3600)
@pytest.mark.requirement("D.2", "D.18")
def test_the_same_turns_hold_every_law() -> None:
    report = simulate_turns(TURNS // 2)
    assert not report.failures, str(report)


@pytest.mark.timeout(3600)
def test_turns_that_nobody_has_seen_hold_every_law() -> None:
    report = simulate_turns(TURNS // 2, seed=FRESH_SEED)
    assert not report.failures, f"DIALOG_SEED={FRESH_SEED}\n{report}"


@pytest.mark.parametrize("bug", MUTATIONS)
def test_a_deliberate_bug_is_caught(bug: str) -> None:
    report = simulate_turns(ENOUGH, machinery=MUTATIONS[bug])
    assert report.failures, f"{bug}: not caught in {report.turns} turns"


def test_a_broken_law_is_told_with_few_events() -> None:
    (found,) = simulate_turns(ENOUGH, machinery=MUTATIONS["a cut reply goes on"]).failures
    assert found.breach.law == "what ends early is stopped everywhere"
    assert len(found.events) <= 12
    assert "TAKENBACK" in found.story or "BARGEIN" in found.story or "BROKENOFF" in found.story
