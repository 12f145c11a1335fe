"""How calls end: by the application, by the caller, by a recogniser that is gone."""

from __future__ import annotations

import pytest

from dialog_core.turns import effects as ef
from dialog_core.turns import events as ev
from dialog_core.turns import records as rec
from dialog_core.turns.state import Phase, TurnState
from tests.turns.spec import final, hearing, interim, overlap, run, speaking, thinking

END = ev.EndWanted(3.6, "bye")
NOW = ev.EndWanted(3.6, "bye", now=True)


def records(effects: list[ef.Effect]) -> list[rec.Record]:
    return [effect.record for effect in effects if isinstance(effect, ef.Keep)]


def test_an_idle_call_ends_at_once() -> None:
    state, effects = run(END)
    assert (state.phase, effects[-1]) == (Phase.CLOSED, ef.EndCall("bye"))


@pytest.mark.parametrize("given", [thinking(), speaking(), overlap()])
def test_what_is_being_said_is_heard_before_the_call_ends(given: TurnState) -> None:
    state, effects = run(END, given=given)
    assert state.phase in {Phase.THINKING, Phase.SPEAKING}
    assert not records(effects)
    state, effects = run(ev.ReplyAudible(3.7, 1), ev.ReplyPlayed(4.0, 1), given=state)
    assert (state.phase, effects[-1]) == (Phase.CLOSED, ef.EndCall("bye"))
    assert records(effects)[-1] == rec.Said(4.0, 1, "")


@pytest.mark.parametrize("given", [thinking(), speaking(), overlap()])
def test_a_call_that_is_to_end_now_ends_now(given: TurnState) -> None:
    state, effects = run(NOW, given=given)
    assert (state.phase, effects[-1]) == (Phase.CLOSED, ef.EndCall("bye"))
    assert ef.StopReply(1) in effects
    assert rec.BrokenOff(3.6, 1, "", "bye") in records(effects)


def test_messages_that_wait_are_heard_before_the_call_ends_but_not_if_it_ends_now() -> None:
    given, _ = run(ev.ReplyWanted(3.2, 0), given=hearing())
    assert run(END, given=given)[0].phase is Phase.THINKING
    assert run(NOW, given=given)[0].phase is Phase.CLOSED


@pytest.mark.requirement("A.35")
def test_nothing_the_caller_says_interrupts_a_goodbye() -> None:
    given, _ = run(END, given=speaking())
    state, effects = run(
        ev.SpeechStarted(3.7), final("wait", 9.0), ev.SpeechStopped(9.0), given=given
    )
    assert (state.phase, effects) == (Phase.SPEAKING, [])
    state, effects = run(ev.ReplyPlayed(9.5, 1), given=state)
    assert [type(record) for record in records(effects)] == [rec.TurnComplete, rec.Said]
    assert state.phase is Phase.CLOSED


def test_wanting_the_end_again_changes_nothing() -> None:
    once, _ = run(END, given=speaking())
    again, effects = run(ev.EndWanted(3.9, "other"), given=once)
    assert (again, effects) == (once, [])


def test_a_refused_transfer_is_apologised_for_and_the_call_goes_on() -> None:
    given, effects = run(ev.EndWanted(3.6, "transferred", "+15550003333"))
    assert effects[-1] == ef.EndCall("transferred", "+15550003333")
    state, effects = run(ev.EndFailed(4.0, "refused"), given=given)
    assert ef.StartReply(1, ef.Apology("refused")) in effects
    state, _ = run(ev.ReplyAudible(4.1, 1), ev.ReplyPlayed(5.0, 1), given=state)
    assert state.phase is Phase.IDLE
    assert run(ev.SpeechStarted(6.0), given=state)[0].phase is Phase.HEARING


@pytest.mark.requirement("A.12")
@pytest.mark.parametrize("given", [TurnState(), hearing()])
def test_when_nobody_hears_the_caller_they_are_told_and_the_call_ends(given: TurnState) -> None:
    state, effects = run(ev.ListenerFailed(3.6, "gone"), given=given)
    assert ef.StartReply(1, ef.Apology("gone")) in effects
    state, effects = run(ev.ReplyAudible(3.7, 1), ev.ReplyPlayed(5.0, 1), given=state)
    assert effects[-1] == ef.EndCall("listener failed")


@pytest.mark.parametrize("given", [thinking(), speaking(), overlap()])
def test_a_reply_is_heard_before_the_apology_of_a_lost_recogniser(given: TurnState) -> None:
    state, _ = run(ev.ListenerFailed(3.6, "gone"), given=given)
    assert state.cause == given.cause
    _, effects = run(ev.ReplyAudible(3.7, 1), ev.ReplyPlayed(5.0, 1), given=state)
    assert ef.StartReply(2, ef.Apology("gone")) in effects


@pytest.mark.requirement("B.40")
@pytest.mark.parametrize("given", [thinking(), speaking(), overlap()])
def test_a_line_that_goes_breaks_the_reply_off(given: TurnState) -> None:
    state, effects = run(ev.HungUp(9.0, "lost"), given=given)
    assert state.phase is Phase.CLOSED
    assert ef.StopReply(1) in effects
    assert records(effects) == [rec.BrokenOff(9.0, 1, "", "lost")]
    assert not [effect for effect in effects if isinstance(effect, ef.EndCall)]


def test_words_that_nobody_will_answer_are_still_recorded() -> None:
    _, effects = run(final("goodbye", 2.0), ev.HungUp(2.1), given=hearing())
    [record] = records(effects)
    assert isinstance(record, rec.TurnComplete)
    assert record.utterance.text == "goodbye"


def test_words_recorded_when_a_call_could_not_be_ended_are_not_answered_again() -> None:
    state, _ = run(
        interim("and thanks", 3.4, 3.2), END, ev.ReplyPlayed(4.0, 1), ev.EndFailed(4.5, "refused"),
        final("and thanks", 3.4, 3.2), given=speaking(),
    )  # fmt: skip
    assert not state.text
