"""Silence has an owner: dead air, failures in a row, and callers who do not stop."""

from __future__ import annotations

import attrs
import pytest

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
