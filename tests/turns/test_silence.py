"""Silence has an owner: dead air, failures in a row, and callers who do not stop."""

from __future__ import annotations

import attrs
import pytest

from dialog_core.messages import Utterance
from dialog_core.turns import effects as ef
from dialog_core.turns import events as ev
from dialog_core.turns import records as rec
from dialog_core.turns.events import Timer
from dialog_core.turns.state import Phase, TurnState
from tests.turns.spec import (
    POLICY,
    endpoint,
    final,
    hearing,
    overlap,
    run,
    speaking,
    thinking,
    watchdog,
)


@pytest.mark.parametrize("given", [thinking(), speaking()])
def test_a_reply_that_leaves_the_line_dead_is_broken_off_with_an_apology(given: TurnState) -> None:
    state, effects = run(ev.DeadAir(9.0, 1), given=given)
    assert ef.StopReply(1) in effects
    assert isinstance(state.cause, ef.Apology)
    assert (state.phase, state.failures) == (Phase.THINKING, 1)


def test_while_the_caller_sounds_no_air_is_dead() -> None:
    assert run(ev.DeadAir(9.0, 1), given=overlap()) == (overlap(), [])


def test_dead_air_of_an_older_reply_is_late_and_ignored() -> None:
    assert run(ev.DeadAir(9.0, 0), given=speaking()) == (speaking(), [])


def test_after_too_many_failures_the_caller_is_handed_to_somebody_who_helps() -> None:
    policy = attrs.evolve(POLICY, failures=1, give_up="+15550009999")
    state, effects = run(ev.ReplyFailed(4.0, 1, "vendor"), given=speaking(), policy=policy)
    assert (state.phase, effects[-1]) == (Phase.CLOSED, ef.EndCall("failed", "+15550009999"))
    state, effects = run(ev.EndFailed(5.0, "refused"), given=state, policy=policy)
    assert ef.StartReply(2, ef.Apology("refused")) in effects
    _, effects = run(ev.ReplyAudible(5.1, 2), ev.ReplyPlayed(6.0, 2), given=state, policy=policy)
    assert effects[-1] == ef.EndCall("failed")


def test_a_caller_who_rambles_on_is_answered_at_the_first_pause_after_a_minute() -> None:
    state = hearing(1.0)
    for at in range(2, 60, 3):
        state, effects = run(
            ev.SpeechStopped(at),
            final("and", at, at - 0.5),
            ev.SpeechStarted(at + 0.4),
            given=state,
        )
        assert state.phase is Phase.HEARING
    assert effects[-1] == ef.SetTimer(Timer.WATCHDOG, 61.0)
    state, effects = run(ev.SpeechStopped(61.5), given=state)
    assert effects[-1] == ef.SetTimer(Timer.ENDPOINT, 61.5)
    assert isinstance(run(endpoint(61.5), given=state)[1][-3], ef.Keep)


@pytest.mark.requirement("D.18")
def test_one_who_does_not_even_pause_is_answered_then_too() -> None:
    state, _ = run(
        final("well", 30.0, 29.0),
        ev.SpeechStopped(30.0),
        ev.SpeechStarted(30.3),
        given=hearing(1.0),
    )
    policy = attrs.evolve(POLICY, watchdog=90.0)
    state, _ = run(ev.SpeechStopped(30.5), ev.SpeechStarted(30.8), given=state, policy=policy)
    state, effects = run(watchdog(61.0), given=state, policy=policy)
    assert state.phase is Phase.THINKING
    [record] = [effect.record for effect in effects if isinstance(effect, ef.Keep)]
    assert isinstance(record, rec.TurnComplete)


# --- sound of which no word comes


def unheard(state: TurnState, at: float, *, seconds: float = 0.8) -> TurnState:
    """The caller sounds from `at` on, and no word of it comes in time."""
    began = run(ev.SpeechStarted(at), ev.SpeechStopped(at + seconds), given=state)[0]
    return run(endpoint(at + seconds + POLICY.max_silence), given=began)[0]


def said(state: TurnState, at: float) -> TurnState:
    """The live reply is heard to its end."""
    events = (ev.ReplyAudible(at, state.reply), ev.ReplyPlayed(at + 1, state.reply))
    return run(*events, given=state)[0]


@pytest.mark.requirement("B.41")
def test_a_caller_of_whom_no_word_came_is_told_that_they_were_not_heard() -> None:
    given, effects = run(ev.SpeechStopped(2.0), endpoint(2.5), given=hearing(1.0))
    assert effects == [ef.SetTimer(Timer.ENDPOINT, 5.5)]
    state, effects = run(endpoint(5.5), given=given)
    assert (state.phase, state.cause) == (Phase.THINKING, ef.Unheard(1))
    assert ef.Keep(rec.NothingHeard(5.5)) in effects


def test_the_dead_air_budget_ends_the_wait_for_words_at_the_latest() -> None:
    policy = attrs.evolve(POLICY, max_silence=9.0, dead_air=3.0)
    _, effects = run(ev.SpeechStopped(2.0), endpoint(2.5), given=hearing(1.0), policy=policy)
    assert effects == [ef.SetTimer(Timer.ENDPOINT, 5.0)]


def test_a_click_is_no_word_and_nobody_answers_it() -> None:
    state = unheard(TurnState(), 1.0, seconds=0.1)
    assert (state.phase, state.cause) == (Phase.IDLE, None)


def test_a_word_that_was_missed_is_owed_although_a_click_followed_it() -> None:
    given, _ = run(ev.SpeechStopped(2.0), ev.SpeechStarted(3.0), given=hearing(1.0))
    state, _ = run(ev.SpeechStopped(3.1), endpoint(6.6), given=given)
    assert state.cause == ef.Unheard(1)


def test_words_that_come_after_all_are_answered() -> None:
    given = run(ev.ReplyAudible(5.6, 1), given=unheard(TurnState(), 1.0))[0]
    state, _ = run(final("hello", 1.8, 1.0), endpoint(5.7), given=given)
    assert isinstance(state.cause, Utterance)
    assert state.unheard == 0


def test_who_is_never_understood_hears_the_apology_and_is_handed_over() -> None:
    policy = attrs.evolve(POLICY, give_up="+15550009999")
    state = TurnState()
    for times in (1, 2):
        state = unheard(state, times * 10.0)
        assert state.cause == ef.Unheard(times)
        state = said(state, times * 10.0 + 5)
    state = unheard(state, 30.0)
    assert isinstance(state.cause, ef.Apology)
    ended = (ev.ReplyAudible(35.0, state.reply), ev.ReplyPlayed(36.0, state.reply))
    assert run(*ended, given=state, policy=policy)[1][-1] == ef.EndCall("unheard")
    given = attrs.evolve(state, ending=None, wanted=(), phase=Phase.ENDPOINTING, unheard=2)
    given = attrs.evolve(given, cause=None, sounded=0.8)
    state, _ = run(endpoint(45.0), given=given, policy=policy)
    assert state.ending == ev.EndWanted(45.0, "unheard", "+15550009999")


def test_a_caller_who_coughs_a_lot_is_not_given_up() -> None:
    state = TurnState()
    for times in range(1, 7):
        state = said(unheard(state, times * 10.0, seconds=0.3), times * 10.0 + 5)
        assert state.phase is Phase.IDLE
        assert state.ending is None


def test_a_word_that_is_understood_begins_the_count_anew() -> None:
    state = said(unheard(TurnState(), 1.0), 6.0)
    assert state.unheard == 1
    assert run(final("hello", 9.0, 8.5), given=state)[0].unheard == 0


def test_without_idle_prompts_sound_without_words_is_recorded_and_nothing_is_said() -> None:
    policy = attrs.evolve(POLICY, idle_prompts=0)
    given, _ = run(ev.SpeechStopped(2.0), endpoint(2.5), given=hearing(1.0), policy=policy)
    state, effects = run(endpoint(5.5), given=given, policy=policy)
    assert state.phase is Phase.IDLE
    assert ef.Keep(rec.NothingHeard(5.5)) in effects


def test_the_apology_sounds_before_words_that_wait_are_answered() -> None:
    given = run(final("and more", 3.6, 3.2), given=speaking())[0]
    given = attrs.evolve(given, phase=Phase.SPEAKING)
    state, effects = run(ev.DeadAir(9.0, 1), given=given)
    assert effects[-2] == ef.StartReply(2, ef.Apology("nothing sounded for too long"))
    assert state.text == "and more"


def test_a_voice_that_outlasts_the_reply_without_a_word_is_owed_one() -> None:
    policy = attrs.evolve(POLICY, interruptible=frozenset())
    voice = (ev.SpeechStarted(3.2), ev.SpeechStopped(4.0))
    given = run(*voice, given=speaking(), policy=policy)[0]
    late, _ = run(ev.ReplyPlayed(4.1, 1, ended=4.05), given=given, policy=policy)
    assert late.phase is Phase.IDLE
    state, _ = run(ev.ReplyPlayed(4.1, 1, ended=3.9), given=given, policy=policy)
    assert state.phase is Phase.ENDPOINTING
    assert run(endpoint(7.5), given=state, policy=policy)[0].cause == ef.Unheard(1)


def test_a_message_that_is_withdrawn_does_not_swallow_that_nobody_was_heard() -> None:
    message = ev.ReplyWanted(4.0, 7)
    given, _ = run(ev.SpeechStopped(2.0), endpoint(2.5), message, given=hearing(1.0))
    state, effects = run(endpoint(5.5), given=given)
    assert state.cause == ef.Unheard(1)
    assert state.wanted == (message,)
    state, effects = run(ev.ReplyAudible(5.6, 1), ev.ReplyPlayed(6.6, 1), given=state)
    assert ef.StartReply(2, message) in effects
