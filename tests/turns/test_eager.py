"""Eager replies in the turn machine: begun while the endpointer waits, and nobody notices one that was in vain."""

from __future__ import annotations

import attrs
import pytest

from dialog_core.messages import Transcript, Utterance
from dialog_core.policies.endpointers import Provider, ProviderSettings
from dialog_core.turns import effects as ef
from dialog_core.turns import events as ev
from dialog_core.turns import records as rec
from dialog_core.turns.events import Timer
from dialog_core.turns.expectation import ANYTHING, YesNo
from dialog_core.turns.policy import Done, Pause, Wait
from dialog_core.turns.state import Phase, TurnPolicy, TurnState
from tests.turns.spec import POLICY, endpoint, final, hearing, interim, run

EAGER = attrs.evolve(POLICY, eager=True)
"""A turn is complete after 0.5 s of silence, a reply begun after 0.2 s."""


def stepped(
    *events: ev.Event, given: TurnState | None = None, policy: TurnPolicy = EAGER
) -> tuple[TurnState, list[ef.Effect]]:
    return run(*events, given=given, policy=policy)


def due(at: float) -> ev.TimerFired:
    return ev.TimerFired(at, Timer.EAGER)


def pausing(*words: Transcript) -> TurnState:
    """The caller has sounded from 1.0 to 2.0."""
    said = words or (final("a table", 2.1, 1.0),)
    return stepped(ev.SpeechStopped(2.0), *said, given=hearing())[0]


def begun() -> TurnState:
    """Reply 1 is being made to "a table"; the turn is not complete."""
    return stepped(due(2.2), given=pausing())[0]


def kinds(effects: list[ef.Effect]) -> list[type]:
    return [
        type(effect) for effect in effects if not isinstance(effect, ef.SetTimer | ef.CancelTimer)
    ]


# --- it begins


def test_a_reply_begins_after_a_little_silence_while_the_endpointer_waits() -> None:
    state, effects = stepped(ev.SpeechStopped(2.0), final("a table", 2.1, 1.0), given=hearing())
    assert effects[-2:] == [ef.SetTimer(Timer.EAGER, 2.2), ef.SetTimer(Timer.ENDPOINT, 2.5)]
    state, effects = stepped(due(2.2), given=state)
    assert isinstance(effects[0], ef.StartReply)
    assert effects[0].eager
    assert (state.phase, state.reply) == (Phase.ENDPOINTING, 1)


def test_it_answers_the_words_known_so_far_settled_or_not() -> None:
    _, effects = stepped(due(2.2), given=pausing(interim("a table", 2.1, 1.0)))
    (start,) = effects
    assert isinstance(start, ef.StartReply)
    assert isinstance(start.cause, Utterance)
    assert (start.cause.text, start.cause.ended) == ("a table", 2.0)


def test_without_words_nothing_begins_and_with_late_ones_it_does_at_once() -> None:
    state, effects = stepped(ev.SpeechStopped(2.0), given=hearing())
    assert ef.CancelTimer(Timer.EAGER) in effects
    _, effects = stepped(final("a table", 2.4, 1.0), given=state)
    assert ef.SetTimer(Timer.EAGER, 2.4) in effects


@pytest.mark.parametrize("verdict", [Done(), Wait(0.1), Wait(0.2)])
def test_who_is_answered_as_soon_needs_no_eager_reply(verdict: Done | Wait) -> None:
    @attrs.frozen
    class Quick:
        def judge(self, _pause: Pause) -> Done | Wait:
            return verdict

        async def ask(self, _pause: Pause) -> Wait:
            return Wait(0.0)

    policy = attrs.evolve(EAGER, endpointer=Quick())
    _, effects = stepped(
        final("yes", 1.9, 1.0), ev.SpeechStopped(2.0), given=hearing(), policy=policy
    )
    assert ef.CancelTimer(Timer.EAGER) in effects


def test_nothing_begins_unless_it_is_wanted() -> None:
    state, effects = run(ev.SpeechStopped(2.0), final("a table", 2.1, 1.0), given=hearing())
    assert kinds(effects) == []
    assert not [e for e in effects if getattr(e, "timer", None) is Timer.EAGER]
    assert run(due(2.2), given=state) == (state, [])


# --- the recogniser's own eager end of turn

PROVIDER = attrs.evolve(EAGER, endpointer=Provider(ProviderSettings()))


def test_the_recognisers_eager_end_of_turn_does_not_wait_for_the_silence() -> None:
    state = stepped(final("a table", 1.9, 1.0), given=hearing())[0]
    state, effects = stepped(ev.EndOfTurn(1.95, sure=False), given=state, policy=PROVIDER)
    assert kinds(effects) == [ef.StartReply]
    assert (state.phase, state.voiced) == (Phase.HEARING, True)
    state, effects = stepped(ev.SpeechStopped(2.0), ev.EndOfTurn(2.1), given=state, policy=PROVIDER)
    state, effects = stepped(endpoint(2.1), given=state, policy=PROVIDER)
    assert kinds(effects) == [ef.Keep, ef.ConfirmReply]


def test_in_a_pause_it_begins_at_the_recognisers_word() -> None:
    _, effects = stepped(
        ev.SpeechStopped(2.0), final("a table", 2.05, 1.0), ev.EndOfTurn(2.1, sure=False),
        given=hearing(), policy=PROVIDER,
    )  # fmt: skip
    assert ef.SetTimer(Timer.EAGER, 2.1) in effects


@pytest.mark.parametrize("phase", [Phase.HEARING, Phase.ENDPOINTING])
def test_when_the_recogniser_resumes_the_turn_the_reply_is_taken_back(phase: Phase) -> None:
    state = attrs.evolve(begun(), phase=phase)
    state, effects = stepped(ev.TurnResumed(2.3), given=state)
    assert ef.DropReply(1, "the recogniser took it back") in effects
    assert not [e for e in effects if isinstance(e, ef.SetTimer) and e.timer is Timer.EAGER]


# --- it is confirmed


def test_a_turn_with_the_same_words_confirms_it() -> None:
    state, effects = stepped(endpoint(2.5), given=begun())
    said = Utterance("a table", 1.0, 2.0, (final("a table", 2.1, 1.0),))
    assert effects[-3:] == [
        ef.Keep(rec.TurnComplete(2.5, said)),
        ef.ConfirmReply(1, said),
        ef.SetTimer(Timer.WATCHDOG, 8.5),
    ]
    assert (state.phase, state.reply, state.cause) == (Phase.THINKING, 1, said)


def test_words_that_settle_otherwise_only_in_case_and_punctuation_are_the_same() -> None:
    guessed = stepped(due(2.2), given=pausing(interim("a table", 2.1, 1.0)))[0]
    state, effects = stepped(final("A table.", 2.3, 1.0), given=guessed)
    assert kinds(effects) == []
    _, effects = stepped(endpoint(2.5), given=state)
    assert kinds(effects) == [ef.Keep, ef.ConfirmReply]
    (confirm,) = [each for each in effects if isinstance(each, ef.ConfirmReply)]
    assert confirm.cause.text == "A table."


def test_once_confirmed_it_is_a_reply_like_any() -> None:
    state = stepped(endpoint(2.5), given=begun())[0]
    taken_back = stepped(ev.SpeechStarted(2.6), given=state)
    assert taken_back[1][:2] == [ef.StopReply(1), ef.Keep(rec.TakenBack(2.6, 1))]
    cut = stepped(
        ev.ReplyAudible(2.5, 1), ev.SpeechStarted(2.6), ev.TimerFired(2.9, Timer.OVERLAP),
        given=state,
    )  # fmt: skip
    assert ef.Keep(rec.BargeIn(2.9, 1, "")) in cut[1]


def test_what_it_asks_for_and_protects_counts_from_then_on() -> None:
    told = (ev.AnswerExpected(2.3, YesNo(), 1), ev.Shielded(2.3, 1, on=True))
    waiting, _ = stepped(*told, given=begun())
    assert (waiting.expecting, waiting.shielded) == (ANYTHING, False)
    state, _ = stepped(endpoint(2.5), given=waiting)
    assert (state.expecting, state.shielded) == (YesNo(), True)


# --- it is taken back


def test_a_caller_who_goes_on_takes_it_back_without_a_trace() -> None:
    state, effects = stepped(ev.SpeechStarted(2.3), given=begun())
    assert kinds(effects) == [ef.DropReply]
    assert (state.phase, state.text, state.eager) == (Phase.HEARING, "a table", None)


def test_other_words_take_it_back_and_begin_another() -> None:
    state, effects = stepped(final("for two", 2.1, 1.5), given=begun())
    assert effects[0] == ef.DropReply(1, "the words changed")
    assert ef.SetTimer(Timer.EAGER, 2.2) in effects
    state, effects = stepped(due(2.3), given=state)
    (start,) = effects
    assert isinstance(start, ef.StartReply)
    assert isinstance(start.cause, Utterance)
    assert (start.reply, start.cause.text) == (2, "a table for two")


def test_so_many_replies_begin_in_a_turn_and_no_more() -> None:
    state = stepped(final("for two", 2.1, 1.5), due(2.3), given=begun())[0]
    state, effects = stepped(final("please", 2.1, 1.8), given=state)
    assert kinds(effects) == [ef.DropReply]
    assert ef.CancelTimer(Timer.EAGER) in effects
    _, effects = stepped(endpoint(2.6), given=state)
    (start,) = [each for each in effects if isinstance(each, ef.StartReply)]
    assert (start.reply, start.eager) == (3, False)


def test_the_next_turn_may_begin_as_many_again() -> None:
    spent = attrs.evolve(begun(), eager_starts=2)
    state, _ = stepped(endpoint(2.5), ev.ReplyAudible(2.6, 1), ev.ReplyPlayed(4.0, 1), given=spent)
    assert state.eager_starts == 0


def test_one_that_fails_is_forgotten_and_the_turn_is_answered_anew() -> None:
    state, effects = stepped(ev.ReplyFailed(2.3, 1, "vendor"), given=begun())
    assert effects == [ef.DropReply(1, "it failed")]
    assert (state.wanted, state.failures) == ((), 0)
    _, effects = stepped(endpoint(2.5), given=state)
    assert kinds(effects) == [ef.Keep, ef.StartReply]


@pytest.mark.parametrize(
    "event", [ev.EndWanted(2.3, "done"), ev.EndWanted(2.3, "done", now=True), ev.HungUp(2.3)]
)
def test_the_end_of_the_call_drops_it(event: ev.Event) -> None:
    state, effects = stepped(event, given=begun())
    assert state.phase is Phase.CLOSED
    assert ef.DropReply(1, "its turn was not answered") in effects


def test_an_apology_for_a_lost_recogniser_drops_it() -> None:
    state, effects = stepped(ev.ListenerFailed(2.3, "vendor"), given=begun())
    assert kinds(effects) == [ef.DropReply, ef.StartReply]
    assert state.reply == 2


def test_news_of_one_that_was_dropped_is_late() -> None:
    state = stepped(ev.SpeechStarted(2.3), given=begun())[0]
    for late in (ev.ReplyFailed(2.4, 1, "late"), ev.Shielded(2.4, 1, on=True)):
        assert stepped(late, given=state) == (state, [])
