"""The turn machine as a specification: given, when, then."""

from __future__ import annotations

import attrs
import pytest

from dialog_core.messages import Utterance
from dialog_core.turns import effects as ef
from dialog_core.turns import events as ev
from dialog_core.turns import records as rec
from dialog_core.turns.events import Timer
from dialog_core.turns.policy import Ask, Done, Pause, Wait
from dialog_core.turns.state import WANTED_LIMIT, Phase, TurnState
from tests.turns.spec import (
    POLICY,
    endpoint,
    final,
    hearing,
    interim,
    phases,
    run,
    speaking,
    thinking,
    watchdog,
)


@attrs.frozen
class Believing:
    """Believes the recogniser; asks for time when it is not sure."""

    def judge(self, pause: Pause) -> Wait | Done | Ask:
        if pause.end_of_turn:
            return Done()
        return Ask(2.0) if pause.end_of_turn is False else Wait(0.5)

    async def ask(self, _pause: Pause) -> Wait:
        return Wait(0.0)


# --- the caller's turn


@pytest.mark.requirement("B.12", "D.2", "A.5")
def test_a_turn_goes_from_hearing_over_thinking_to_speaking_and_back() -> None:
    assert phases(
        ev.SpeechStarted(1.0),
        ev.SpeechStopped(2.0),
        final("hello", 2.0),
        endpoint(2.5),
        ev.ReplyAudible(3.0, 1),
        ev.SpeechStarted(3.5),
        ev.SpeechStopped(3.6),
        ev.ReplyPlayed(4.0, 1),
        ev.HungUp(5.0),
    ) == [
        Phase.HEARING, Phase.ENDPOINTING, Phase.ENDPOINTING, Phase.THINKING, Phase.SPEAKING,
        Phase.OVERLAP, Phase.SPEAKING, Phase.IDLE, Phase.CLOSED,
    ]  # fmt: skip


@pytest.mark.requirement("D.7")
def test_the_wait_for_the_end_of_a_turn_counts_from_the_last_voiced_sample() -> None:
    _, effects = run(ev.SpeechStopped(2.0), given=hearing())
    assert effects[-1] == ef.SetTimer(Timer.ENDPOINT, 2.5)


def test_a_complete_turn_is_recorded_and_answered() -> None:
    state, effects = run(
        ev.SpeechStarted(1.0), ev.SpeechStopped(2.0), final("hello", 2.0, 1.0), endpoint(2.5)
    )
    said = Utterance("hello", 1.0, 2.0, (final("hello", 2.0, 1.0),))
    assert effects[-3:] == [
        ef.Keep(rec.TurnComplete(2.5, said)),
        ef.StartReply(1, said),
        ef.SetTimer(Timer.WATCHDOG, 8.5),
    ]
    assert not state.text


def test_speech_in_the_pause_goes_on_with_the_same_turn() -> None:
    state, _ = run(
        ev.SpeechStarted(1.0), ev.SpeechStopped(2.0), final("a table", 2.0),
        ev.SpeechStarted(2.3), ev.SpeechStopped(3.0), final("for two", 3.0), endpoint(3.5),
    )  # fmt: skip
    assert isinstance(state.cause, Utterance)
    assert (state.cause.text, state.cause.started) == ("a table for two", 1.0)


def test_interim_words_are_given_time_to_settle_and_then_answered_as_they_are() -> None:
    state, effects = run(
        ev.SpeechStarted(1.0), interim("hello", 1.9), ev.SpeechStopped(2.0), endpoint(2.5)
    )
    assert state.phase is Phase.ENDPOINTING
    assert effects == [ef.SetTimer(Timer.ENDPOINT, 2.7)]
    state, _ = run(endpoint(2.7), given=state)
    assert isinstance(state.cause, Utterance)
    assert state.cause.text == "hello"


def test_words_that_come_after_seconds_of_silence_are_answered_without_waiting_for_more() -> None:
    given, waiting = run(ev.SpeechStopped(2.0), endpoint(2.5), given=hearing())
    assert waiting == [ef.SetTimer(Timer.ENDPOINT, 5.5)]
    state, _ = run(interim("hello", 5.4), endpoint(5.5), given=given)
    assert state.phase is Phase.THINKING
    assert isinstance(state.cause, Utterance)
    assert state.cause.text == "hello"


@pytest.mark.requirement("B.18")
def test_settled_words_are_answered_at_once_interim_ones_after_a_fifth_of_a_second() -> None:
    settled = run(ev.SpeechStopped(2.0), final("yes", 2.0), endpoint(2.5), given=hearing())[0]
    waiting = run(ev.SpeechStopped(2.0), interim("yes", 2.0), endpoint(2.5), given=hearing())
    assert settled.phase is Phase.THINKING
    assert waiting[1] == [ef.SetTimer(Timer.ENDPOINT, 2.5 + 0.2)]


def test_words_answered_while_interim_are_not_answered_again_when_they_settle() -> None:
    given, _ = run(
        interim("hello there", 1.9), ev.SpeechStopped(2.0), endpoint(2.5), endpoint(2.7),
        given=hearing(),
    )  # fmt: skip
    state, effects = run(final("Hello, there.", 2.0, 1.0), given=given)
    assert (state.phase, state.text, effects) == (Phase.THINKING, "", [])


def test_what_a_late_final_adds_to_the_answered_words_is_new() -> None:
    given, _ = run(
        interim("hello there", 1.9), ev.SpeechStopped(2.0), endpoint(2.5), endpoint(2.7),
        ev.ReplyAudible(3.0, 1), given=hearing(),
    )  # fmt: skip
    state, _ = run(final("Hello, there, my friend.", 3.4, 1.0), given=given)
    assert state.text == "my friend."


@pytest.mark.requirement("B.41")
def test_speech_without_words_leaves_the_floor_to_nobody_after_a_while() -> None:
    state, effects = run(
        ev.SpeechStopped(2.0), final("", 2.0), final("  ", 2.1), endpoint(2.5), given=hearing()
    )
    assert effects == [ef.SetTimer(Timer.ENDPOINT, 5.5)]
    state, effects = run(endpoint(5.5), given=state, policy=attrs.evolve(POLICY, idle_prompts=0))
    assert state.phase is Phase.IDLE
    assert ef.Keep(rec.NothingHeard(5.5)) in effects


def test_words_of_a_caller_too_soft_for_the_voice_detector_are_answered() -> None:
    state, _ = run(final("hello", 2.0, 1.5), endpoint(2.5))
    assert isinstance(state.cause, Utterance)
    assert (state.cause.text, state.cause.started, state.cause.ended) == ("hello", 1.5, 2.0)


def test_the_recogniser_may_end_the_turn_at_once_if_the_endpointer_believes_it() -> None:
    believing = attrs.evolve(POLICY, endpointer=Believing())
    events = (final("hello", 2.0), ev.EndOfTurn(2.1))
    state, effects = run(*events, given=hearing(), policy=believing)
    assert state.phase is Phase.ENDPOINTING
    assert effects[-1] == ef.SetTimer(Timer.ENDPOINT, 2.1)
    assert run(*events, given=hearing())[0].phase is Phase.HEARING


def test_a_verdict_that_is_taken_back_ends_no_turn() -> None:
    believing = attrs.evolve(POLICY, endpointer=Believing())
    given, _ = run(
        final("hello", 2.0), ev.SpeechStopped(2.0), ev.EndOfTurn(2.1), given=hearing(),
        policy=believing,
    )  # fmt: skip
    _, effects = run(ev.TurnResumed(2.2), given=given, policy=believing)
    assert effects == [ef.SetTimer(Timer.ENDPOINT, 2.5)]


def test_an_endpointer_that_thinks_is_asked_and_its_wait_stands_in_until_then() -> None:
    believing = attrs.evolve(POLICY, endpointer=Believing())
    given, effects = run(
        ev.SpeechStopped(2.0), final("well", 2.0), ev.EndOfTurn(2.1, sure=False),
        given=hearing(), policy=believing,
    )  # fmt: skip
    pause = Pause(2.1 - 2.0, "well", settled=True, end_of_turn=False, since=2.0)
    assert effects == [ef.AskEndpointer(3, pause), ef.SetTimer(Timer.ENDPOINT, 4.0)]
    answered = run(ev.EndpointJudged(2.3, 3, 0.0), given=given)[1]
    assert answered == [ef.SetTimer(Timer.ENDPOINT, 2.0)]


def test_the_answer_to_an_older_question_is_late_and_ignored() -> None:
    believing = attrs.evolve(POLICY, endpointer=Believing())
    unsure = ev.EndOfTurn(2.1, sure=False)
    given, _ = run(
        ev.SpeechStopped(2.0), final("well", 2.0), unsure, unsure, given=hearing(),
        policy=believing,
    )  # fmt: skip
    assert run(ev.EndpointJudged(2.3, 3, 0.0), given=given)[1] == []


def test_an_answer_is_late_too_when_the_words_it_was_about_went_on() -> None:
    believing = attrs.evolve(POLICY, endpointer=Believing())
    given, _ = run(
        ev.SpeechStopped(2.0), final("well", 2.0), ev.EndOfTurn(2.1, sure=False),
        ev.TurnResumed(2.2), given=hearing(), policy=believing,
    )  # fmt: skip
    assert run(ev.EndpointJudged(2.3, 3, 0.0), given=given)[1] == []


@pytest.mark.requirement("D.18")
def test_a_turn_that_does_not_end_is_ended_after_thirty_seconds() -> None:
    given, effects = run(ev.SpeechStarted(1.0))
    assert ef.SetTimer(Timer.WATCHDOG, 31.0) in effects
    state, _ = run(final("hello", 30.0), watchdog(31.0), given=given)
    assert state.phase is Phase.THINKING
    state, effects = run(watchdog(31.0), given=given)
    assert state.phase is Phase.IDLE
    assert ef.Keep(rec.NothingHeard(31.0)) in effects


# --- nobody's turn


def test_an_idle_caller_is_asked_twice_and_then_the_call_ends() -> None:
    def idle(at: float) -> ev.TimerFired:
        return ev.TimerFired(at, Timer.IDLE)

    state, effects = run(idle(8.0))
    assert ef.StartReply(1, ef.Nudge(1)) in effects
    state, effects = run(ev.ReplyAudible(9.0, 1), ev.ReplyPlayed(10.0, 1), idle(18.0), given=state)
    assert ef.StartReply(2, ef.Nudge(2)) in effects
    state, effects = run(ev.ReplyAudible(19.0, 2), ev.ReplyPlayed(20.0, 2), idle(28.0), given=state)
    assert (state.phase, effects[-1]) == (Phase.CLOSED, ef.EndCall("silence"))


def test_a_caller_who_speaks_or_presses_a_key_is_not_idle_any_more() -> None:
    nudged = TurnState(nudges=2)
    assert run(ev.SpeechStarted(9.0), given=nudged)[0].nudges == 0
    state, effects = run(ev.Keypress(9.0, "1"), given=nudged)
    assert (state.nudges, effects) == (0, [ef.SetTimer(Timer.IDLE, 17.0)])


def test_without_idle_prompts_silence_is_recorded_and_nothing_is_said() -> None:
    quiet = attrs.evolve(POLICY, idle_prompts=0)
    state, effects = run(ev.TimerFired(8.0, Timer.IDLE), policy=quiet)
    assert state.phase is Phase.IDLE
    assert effects == [ef.Keep(rec.NothingHeard(8.0)), ef.SetTimer(Timer.IDLE, 16.0)]


def test_the_application_speaks_when_the_floor_is_free() -> None:
    wanted = ev.ReplyWanted(1.0, 7)
    assert run(wanted)[1][-2] == ef.StartReply(1, wanted)
    given, effects = run(wanted, given=speaking())
    assert effects == []
    assert ef.StartReply(2, wanted) in run(ev.ReplyPlayed(4.0, 1), given=given)[1]


def test_the_callers_words_go_before_what_the_application_wants_said() -> None:
    given, _ = run(ev.ReplyWanted(3.1, 7), final("wait", 3.2), given=speaking())
    state, _ = run(ev.ReplyPlayed(4.0, 1), given=given)
    assert state.phase is Phase.ENDPOINTING
    assert run(endpoint(4.5), given=state)[0].cause == Utterance(
        "wait", 3.2, 3.2, (final("wait", 3.2),)
    )


@pytest.mark.requirement("A.31")
def test_no_more_than_a_set_number_of_messages_wait() -> None:
    wishes = [ev.ReplyWanted(3.1, ticket) for ticket in range(WANTED_LIMIT + 5)]
    assert len(run(*wishes, given=speaking())[0].wanted) == WANTED_LIMIT


@pytest.mark.requirement("A.22")
def test_a_withdrawn_message_that_waits_leaves_and_the_live_one_goes_on() -> None:
    given, _ = run(ev.ReplyWanted(3.1, 7), ev.ReplyWanted(3.1, 8), given=speaking())
    state, effects = run(ev.ReplyWithdrawn(3.2, 7), given=given)
    assert [cause.ticket for cause in state.wanted if isinstance(cause, ev.ReplyWanted)] == [8]
    assert (state.phase, effects) == (Phase.SPEAKING, [])


@pytest.mark.requirement("A.22")
def test_a_withdrawn_message_that_sounds_is_stopped_and_the_next_one_follows() -> None:
    one, two = ev.ReplyWanted(1.0, 7), ev.ReplyWanted(1.0, 8)
    given, _ = run(one, two, ev.ReplyAudible(1.5, 1))
    _, effects = run(ev.ReplyWithdrawn(2.0, 7), given=given)
    assert ef.StopReply(1) in effects
    assert ef.Keep(rec.BrokenOff(2.0, 1, "", "withdrawn")) in effects
    assert ef.StartReply(2, two) in effects


# --- our turn


def test_a_caller_who_goes_on_before_we_sound_takes_the_reply_back() -> None:
    state, effects = run(ev.SpeechStarted(2.8), given=thinking())
    assert state.phase is Phase.HEARING
    assert effects[:2] == [ef.StopReply(1), ef.Keep(rec.TakenBack(2.8, 1))]
    state, _ = run(ev.SpeechStopped(3.5), final("world", 3.5), endpoint(4.0), given=state)
    assert isinstance(state.cause, Utterance)
    assert (state.cause.text, state.cause.started) == ("hello world", 1.0)


def test_words_of_the_same_turn_that_come_late_are_answered_with_the_rest() -> None:
    state, effects = run(final("my dear", 2.0, 1.6), given=thinking())
    assert state.phase is Phase.ENDPOINTING
    assert state.text == "hello my dear"
    assert ef.Keep(rec.TakenBack(2.0, 1)) in effects


def test_words_of_a_later_turn_do_not_take_the_reply_back() -> None:
    state, effects = run(final("and then", 2.9, 2.6), given=thinking())
    assert (state.phase, state.text, effects) == (Phase.THINKING, "and then", [])


def test_what_the_application_wants_said_is_not_taken_back() -> None:
    given, _ = run(ev.ReplyWanted(1.0, 0))
    state, effects = run(ev.SpeechStarted(1.2), given=given)
    assert (state.phase, effects) == (Phase.THINKING, [])


def test_a_reply_that_begins_under_the_callers_voice_is_an_overlap_at_once() -> None:
    given, _ = run(ev.ReplyWanted(1.0, 0), ev.SpeechStarted(1.2))
    state, effects = run(ev.ReplyAudible(1.3, 1), given=given)
    assert state.phase is Phase.OVERLAP
    assert effects[-1] == ef.SetTimer(Timer.OVERLAP, 1.5)


def test_words_spoken_under_a_reply_are_answered_after_it() -> None:
    given, _ = run(
        ev.SpeechStarted(3.5), ev.SpeechStopped(3.6), final("mhm", 3.6, 3.5), given=speaking()
    )
    assert given.phase is Phase.SPEAKING
    state, _ = run(ev.ReplyPlayed(5.0, 1), given=given)
    assert (state.phase, state.text) == (Phase.ENDPOINTING, "mhm")


@pytest.mark.requirement("B.24")
@pytest.mark.parametrize(
    "late",
    [
        ev.ReplyAudible(9.0, 0), ev.MarkReached(9.0, 0, "old"), ev.ReplyPlayed(9.0, 0),
        ev.ReplyFailed(9.0, 0, "old"), ev.Shielded(9.0, 0, on=True),
    ],
)  # fmt: skip
def test_news_of_an_older_reply_is_late_and_ignored(late: ev.Event) -> None:
    assert run(late, given=speaking()) == (speaking(), [])
    assert run(late, given=TurnState()) == (TurnState(), [])


def test_a_reply_that_was_heard_is_recorded_with_what_the_marks_confirmed() -> None:
    _, effects = run(
        ev.MarkReached(3.5, 1, "Good morning. "), ev.MarkReached(4.0, 1, "Hello."),
        ev.ReplyPlayed(4.0, 1), given=speaking(),
    )  # fmt: skip
    assert ef.Keep(rec.Said(4.0, 1, "Good morning. Hello.")) in effects


def test_a_reply_without_any_sound_gives_the_floor_back() -> None:
    state, effects = run(ev.ReplyPlayed(2.6, 1), given=thinking())
    assert state.phase is Phase.IDLE
    assert ef.Keep(rec.Said(2.6, 1, "")) in effects


@pytest.mark.requirement("B.42")
def test_a_failed_reply_is_apologised_for_and_the_floor_goes_back() -> None:
    state, effects = run(ev.ReplyFailed(3.5, 1, "vendor"), given=speaking())
    assert effects[:2] == [ef.StopReply(1), ef.Keep(rec.BrokenOff(3.5, 1, "", "vendor"))]
    assert ef.StartReply(2, ef.Apology("vendor")) in effects
    assert run(ev.ReplyAudible(3.6, 2), ev.ReplyPlayed(4.6, 2), given=state)[0].phase is Phase.IDLE


@pytest.mark.requirement("D.18")
def test_a_reply_that_makes_no_sound_in_time_is_given_up() -> None:
    _, effects = run(watchdog(8.5), given=thinking())
    assert ef.StopReply(1) in effects
    assert any(isinstance(effect, ef.StartReply) for effect in effects)


@pytest.mark.requirement("D.18")
def test_a_reply_that_stops_making_progress_is_given_up_and_marks_are_progress() -> None:
    given, effects = run(ev.MarkReached(20.0, 1, "Hello."), given=speaking())
    assert effects == [ef.SetTimer(Timer.WATCHDOG, 50.0)]
    state, effects = run(watchdog(50.0), given=given)
    assert ef.StopReply(1) in effects
    assert isinstance(state.cause, ef.Apology)


def test_replies_that_fail_in_a_row_end_the_call() -> None:
    state = speaking()
    for at in (4.0, 6.0):
        state, _ = run(ev.ReplyFailed(at, state.reply, "vendor"), given=state)
        assert isinstance(state.cause, ef.Apology)
        again = final("again", at + 0.5)
        state, _ = run(
            ev.ReplyPlayed(at + 0.4, state.reply), again, endpoint(at + 1.0), given=state
        )
    assert state.failures == 2
    state, effects = run(ev.ReplyFailed(9.0, state.reply, "vendor"), given=state)
    assert (state.phase, effects[-1]) == (Phase.CLOSED, ef.EndCall("failed"))


def test_a_failed_apology_is_not_apologised_for() -> None:
    given, _ = run(ev.ReplyFailed(3.5, 1, "vendor"), given=speaking())
    state, effects = run(ev.ReplyFailed(3.6, 2, "vendor"), given=given)
    assert not [effect for effect in effects if isinstance(effect, ef.StartReply)]
    assert (state.phase, state.failures) == (Phase.IDLE, 2)


def test_a_reply_that_is_heard_forgives_the_failures_before_it() -> None:
    state, _ = run(ev.ReplyPlayed(4.0, 1), given=attrs.evolve(speaking(), failures=2))
    assert state.failures == 0
