"""What the agent asks for, and how the caller speaks, reach those who judge a pause or an overlap."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from dialog_core.turns import effects as ef
from dialog_core.turns import events as ev
from dialog_core.turns import records as rec
from dialog_core.turns.expectation import ANYTHING, Digits, Expectation, YesNo
from dialog_core.turns.policy import Abstain, Decision, Ignore, Overlap, Pause, Verdict, Wait
from dialog_core.turns.rhythm import LONGEST, UNKNOWN, Rhythm
from dialog_core.turns.state import Phase, TurnPolicy, TurnState
from tests.turns.spec import (
    POLICY,
    endpoint,
    final,
    hearing,
    interim,
    overlap,
    run,
    speaking,
    thinking,
)

PIN = Digits(4)


class Noting:
    """An endpointer and a barge-in policy that remember what they were asked."""

    def __init__(self, verdict: Verdict = Wait(0.5), decision: Decision = Ignore()) -> None:  # noqa: B008 - frozen
        self.verdict, self.decision = verdict, decision
        self.pauses: list[Pause] = []
        self.overlaps: list[Overlap] = []

    def policy(self) -> TurnPolicy:
        return TurnPolicy(self, Judge(self))

    def judge(self, pause: Pause) -> Verdict:
        self.pauses.append(pause)
        return self.verdict

    async def ask(self, _pause: Pause) -> Wait:
        return Wait(0.0)


class Judge:
    """The barge-in half."""

    def __init__(self, noting: Noting) -> None:
        self.noting = noting

    def judge(self, overlap: Overlap) -> Decision:
        self.noting.overlaps.append(overlap)
        return self.noting.decision


def asked_about(*events: ev.Event, given: TurnState) -> Expectation:
    """What the endpointer knows at the pause after a caller's words."""
    noting = Noting()
    words = (ev.SpeechStarted(9.0), final("four two", 9.5, 9.0), ev.SpeechStopped(9.5))
    run(*events, *words, given=given, policy=noting.policy())
    return noting.pauses[-1].expecting


def test_a_reply_may_say_what_answer_it_asks_for() -> None:
    played = ev.ReplyPlayed(5.0, 1)
    assert asked_about(ev.AnswerExpected(3.1, PIN, 1), played, given=speaking()) == PIN
    assert asked_about(played, given=speaking()) == ANYTHING


def test_what_an_older_reply_asks_for_is_late_and_ignored() -> None:
    assert asked_about(ev.AnswerExpected(5.1, PIN, 1), given=TurnState()) == ANYTHING


def test_the_application_may_say_so_outside_of_replies() -> None:
    assert asked_about(ev.AnswerExpected(0.1, PIN), given=TurnState()) == PIN
    wanted = ev.ReplyWanted(0.1, 0, expecting=PIN)
    heard = (ev.ReplyAudible(0.2, 1), ev.ReplyPlayed(0.5, 1))
    assert asked_about(wanted, *heard, given=TurnState()) == PIN


def test_it_is_over_when_the_turn_is_answered_and_holds_again_when_that_is_taken_back() -> None:
    asked, _ = run(ev.AnswerExpected(0.1, PIN))
    words = (ev.SpeechStarted(1.0), ev.SpeechStopped(2.0), final("four two", 2.0, 1.0))
    answered, _ = run(*words, endpoint(2.5), given=asked)
    assert (answered.phase, answered.expecting) == (Phase.THINKING, ANYTHING)
    assert run(ev.SpeechStarted(2.6), given=answered)[0].expecting == PIN


def test_a_message_that_asks_for_nothing_leaves_what_was_asked_for() -> None:
    asked, _ = run(ev.AnswerExpected(0.1, PIN), ev.ReplyWanted(0.2, 0))
    assert asked.expecting == PIN


def test_barge_in_policies_know_it_too() -> None:
    noting = Noting()
    asked = ev.AnswerExpected(3.1, YesNo(), 1)
    run(asked, ev.SpeechStarted(3.5), given=speaking(), policy=noting.policy())
    assert noting.overlaps[-1].expecting == YesNo()


# --- rhythm


def test_pauses_after_which_the_caller_went_on_are_counted() -> None:
    state, _ = run(ev.SpeechStopped(2.0), final("a", 2.0), ev.SpeechStarted(2.4), given=hearing())
    assert state.rhythm.count == 1
    assert state.rhythm.mean == pytest.approx(0.4)
    noting = Noting()
    run(ev.SpeechStopped(3.0), given=state, policy=noting.policy())
    assert noting.pauses[-1].rhythm == state.rhythm


def test_a_pause_that_we_had_taken_for_the_end_counts_when_the_reply_is_taken_back() -> None:
    state, _ = run(ev.SpeechStarted(2.8), given=thinking())
    assert state.rhythm.count == 1
    assert state.rhythm.mean == pytest.approx(0.8)


@pytest.mark.parametrize("given_", [TurnState(), speaking(), overlap()])
def test_no_other_silence_is_a_pause(given_: TurnState) -> None:
    assert run(ev.SpeechStarted(9.0), given=given_)[0].rhythm == UNKNOWN


@given(pauses=st.lists(st.floats(0, 100), min_size=1))
def test_a_rhythm_stays_within_the_pauses_and_its_bound(pauses: list[float]) -> None:
    rhythm = Rhythm()
    for seconds in pauses:
        rhythm = rhythm.with_pause(seconds)
    bounded = [min(seconds, LONGEST) for seconds in pauses]
    assert min(bounded) - 1e-9 <= rhythm.mean <= max(bounded) + 1e-9
    assert 0 <= rhythm.deviation <= LONGEST
    assert rhythm.count == len(pauses)


# --- verdicts and decisions


def test_an_endpointer_that_abstains_alone_waits_as_long_as_it_would_let_others() -> None:
    noting = Noting(Abstain(at_most=1.7))
    _, effects = run(ev.SpeechStopped(2.0), given=hearing(), policy=noting.policy())
    assert effects[-1] == ef.SetTimer(ev.Timer.ENDPOINT, 3.7)


def test_a_backchannel_is_recorded_and_nobody_answers_it() -> None:
    policy = Noting(decision=Ignore("mhm")).policy()
    state, effects = run(
        ev.SpeechStarted(3.5), ev.SpeechStopped(3.8), final("mhm", 3.8, 3.5),
        given=speaking(), policy=policy,
    )  # fmt: skip
    assert (state.phase, state.text) == (Phase.SPEAKING, "")
    [kept] = [effect.record for effect in effects if isinstance(effect, ef.Keep)]
    assert isinstance(kept, rec.Backchannel)
    assert (kept.reply, kept.utterance.text) == (1, "mhm")
    assert run(ev.ReplyPlayed(5.0, 1), given=state, policy=policy)[0].phase is Phase.IDLE


def test_what_settles_an_ignored_guess_is_not_answered_either() -> None:
    policy = Noting(decision=Ignore()).policy()
    state, _ = run(
        ev.SpeechStarted(3.5), interim("mhm", 3.8, 3.5), final("Mhm.", 3.8, 3.5),
        given=speaking(), policy=policy,
    )  # fmt: skip
    assert state.text == ""


def test_the_latest_judgement_and_its_reason_are_kept_for_who_observes() -> None:
    noting = Noting(decision=Ignore("a backchannel"))
    state, _ = run(ev.SpeechStarted(3.5), given=speaking(), policy=noting.policy())
    assert state.judged is not None
    assert state.judged.answer.reason == "a backchannel"
    assert state.judged.asked == noting.overlaps[-1]
    assert run(ev.SpeechStopped(2.0), given=hearing(), policy=POLICY)[0].judged is not None
