"""Whole calls in virtual time, faults included, hold every law."""

from __future__ import annotations

import attrs
import pytest

from dialog_core.testing.simulate import (
    Act,
    Answer,
    Breach,
    CallPlan,
    Cue,
    Deed,
    Fault,
    Lived,
    broken,
    draw_plan,
    judge,
    live,
    shrink,
    simulate_calls,
    story,
)
from dialog_core.testing.simulate.sound import heard_in
from dialog_core.turns.records import BargeIn, BrokenOff, Said
from tests.simulate.amounts import CALLS, FRESH_SEED

POLITE = CallPlan(
    1,
    acts=(
        Act(Deed.SAY, Cue.HEARD, 0.5, "bako temi lusa.", 1.2),
        Act(Deed.SAY, Cue.SOUNDING, 0.8, "wait no", 0.8),
        Act(Deed.SAY, Cue.HEARD, 0.5, "once more please.", 1.0),
    ),
    answers=(
        Answer("Certainly, I can do that for you. The shop opens at nine, closes at six."),
        Answer("We have that.", "look_up"),
        Answer("Goodbye then.", "hang_up"),
    ),
)


@pytest.mark.requirement("A.21", "A.40", "D.2", "D.17")
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(4))
def test_the_same_calls_hold_every_law(part: int) -> None:
    size = CALLS // 8
    report = simulate_calls(range(part * size, (part + 1) * size))
    assert not report.failures, str(report)


@pytest.mark.timeout(3600)
def test_calls_that_nobody_has_seen_hold_every_law() -> None:
    report = simulate_calls(range(FRESH_SEED, FRESH_SEED + CALLS // 2))
    assert not report.failures, f"DIALOG_SEED={FRESH_SEED}\n{report}"


@pytest.mark.parametrize("seed", [6228, 22384, 1018244])
def test_a_silence_ends_within_the_budget(seed: int) -> None:
    """It was counted from the decision, though the agent's last sound had ended before; from words with wrong times,
    though they had been told of before; and words were waited for to settle after seconds of it."""
    report = simulate_calls([seed])
    assert not report.failures, str(report)


@pytest.mark.requirement("D.33")
def test_a_call_without_faults_goes_as_it_should() -> None:
    lived = live(POLITE)
    kinds = [type(record) for record in lived.records if isinstance(record, Said | BargeIn)]
    assert kinds == [Said, BargeIn, Said, Said]
    assert lived.line.asked[0][1] == "hang up"
    assert not judge(lived)


def test_a_seed_is_the_same_call_every_time() -> None:
    for seed in (3, 14, 159):
        one, other = live(draw_plan(seed)), live(draw_plan(seed))
        assert one.observed == other.observed
        assert one.line.played == other.line.played


def test_words_without_a_sound_do_not_count_as_heard() -> None:
    lived = live(CallPlan(1, faults=(Fault("tts", "makes no sound", 1),)))
    broken_off, apology = lived.records[:2]
    assert isinstance(broken_off, BrokenOff)
    assert broken_off.heard == ""
    assert isinstance(apology, Said)
    assert apology.heard == "Sorry, something went wrong."


# --- the laws have teeth


def test_a_broken_law_is_told_with_a_small_story() -> None:
    def without_coughs(lived: Lived) -> list[Breach]:
        return [
            Breach(note.at, "nobody coughs", note.what)
            for note in lived.journal.notes
            if note.what.startswith("coughs")
        ]

    report = simulate_calls(range(100), judged_by=without_coughs, failures=1)
    (failure,) = report.failures
    assert [act.deed for act in failure.smallest.acts] == [Deed.COUGH]
    assert not failure.smallest.faults
    assert "nobody coughs" in failure.story
    assert "coughs until" in failure.story
    assert report.as_json()["failures"][0]["seed"] == failure.seed


def test_what_breaks_only_with_two_acts_keeps_two() -> None:
    plan = draw_plan(7)

    def breaks(smaller: CallPlan) -> bool:
        return len(smaller.acts) >= 2 and smaller.acts[0].deed is plan.acts[0].deed

    smallest = shrink(plan, breaks)
    assert len(smallest.acts) == 2
    assert not smallest.faults
    assert all(len(act.text.split()) <= 1 for act in smallest.acts)


def test_a_story_tells_everybodys_part() -> None:
    lived = live(attrs.evolve(POLITE, faults=(Fault("llm", "drops", 1),)))
    told = story(lived, broken(lived))
    for part in (
        "caller   says 'bako temi lusa.'",
        "llm      fault: drops",
        "machine  words 'bako temi lusa.'",
        "BROKENOFF 2",
        "ear      reply 1: 'Hello, how can I help?'",
        "tool     look_up",
    ):
        assert part in told


@pytest.mark.parametrize("refusals", [1, 2, 3])
def test_a_caller_whom_the_carrier_will_not_hang_up_on_is_not_left_alone(refusals: int) -> None:
    refused = tuple(Fault("end", "refused", number) for number in range(1, refusals + 1))
    waits = Act(Deed.WAIT, Cue.NEXT, 0.0, "", 20.0)
    lived = live(attrs.evolve(POLITE, acts=(*POLITE.acts, waits), faults=refused))
    said = max(sound.end for sound in heard_in(lived.line.played))
    assert lived.line.asked[-1][1] == "hang up"
    assert len(lived.line.asked) == refusals + 1
    assert lived.ended is not None
    assert lived.ended < said + 2.0
