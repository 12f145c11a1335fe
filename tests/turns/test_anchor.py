"""One anchor: whatever the recogniser says and when, a turn is complete so long after the last voiced sample."""

from __future__ import annotations

import attrs
import hypothesis.strategies as st
import pytest
from hypothesis import given

from dialog_core.messages import Transcript, Word
from dialog_core.turns import events as ev
from dialog_core.turns.effects import CancelTimer, Keep, SetTimer
from dialog_core.turns.events import Timer
from dialog_core.turns.machine import step
from dialog_core.turns.policy import Ask, Done, Endpointer, Pause, Wait
from dialog_core.turns.records import TurnComplete
from dialog_core.turns.state import TurnPolicy, TurnState
from tests.turns.spec import POLICY, endpoint, final, hearing, interim, run

BEGAN, ENDED = 1.0, 2.0
"""What the caller says sounds from here to there."""
SPANS = st.floats(0.0, 2.0)
"""Seconds of silence that a recogniser counts as part of the words before."""


@attrs.frozen
class Waiting:
    """Waits so long for everything, at once or on second thoughts."""

    seconds: float
    thinks: bool

    def judge(self, _pause: Pause) -> Wait | Ask:
        return Ask(self.seconds) if self.thinks else Wait(self.seconds)

    async def ask(self, _pause: Pause) -> Wait:
        return Wait(self.seconds)


@attrs.frozen
class Believing:
    """Believes the recogniser."""

    fallback: float

    def judge(self, pause: Pause) -> Wait | Done:
        return Done() if pause.end_of_turn else Wait(self.fallback)

    async def ask(self, pause: Pause) -> Wait | Done:
        return self.judge(pause)


@st.composite
def recognised(draw: st.DrawFn) -> list[tuple[float, ev.Event]]:
    """(when it arrives, what): interim and settled words of one sound, in order, some late, with spans of any end."""
    arrivals = sorted(draw(st.lists(st.floats(BEGAN + 0.1, ENDED + 1.0), min_size=1, max_size=5)))
    with_start, with_words = draw(st.booleans()), draw(st.booleans())
    said: list[tuple[float, ev.Event]] = []
    for number, arrival in enumerate(arrivals):
        until = min(arrival, ENDED + draw(SPANS))
        words = (Word("yes", BEGAN, min(until, ENDED)),) if with_words else ()
        started = BEGAN if with_start else None
        settled = number == len(arrivals) - 1
        said.append((arrival, Transcript(until, "yes", settled, started, words=words)))
    return said


def completed_at(events: list[tuple[float, ev.Event]], endpointer: Endpointer) -> float:
    """When the turn is complete, if events arrive at these times and timers fire when they are due."""
    policy = TurnPolicy(endpointer, POLICY.barge_in)
    state, timers, coming = TurnState(), dict[Timer, float](), sorted(events, key=lambda e: e[0])
    now = 0.0
    while True:
        due = min(timers, key=timers.__getitem__, default=None)
        if coming and (due is None or coming[0][0] <= timers[due]):
            now, event = coming.pop(0)
        else:
            assert due is not None
            now = max(now, timers.pop(due))
            event = ev.TimerFired(now, due)
        state, effects = step(state, event, policy)
        for effect in effects:
            if isinstance(effect, SetTimer):
                timers[effect.timer] = effect.at
            elif isinstance(effect, CancelTimer):
                timers.pop(effect.timer, None)
            elif isinstance(effect, Keep) and isinstance(effect.record, TurnComplete):
                return now


@pytest.mark.requirement("D.7")
@given(
    said=recognised(),
    seconds=st.floats(0.0, 3.0),
    noticed=st.floats(0.0, 0.4),
    thinks=st.booleans(),
)
def test_a_turn_is_complete_its_wait_after_the_last_voiced_sample(
    *, said: list[tuple[float, ev.Event]], seconds: float, noticed: float, thinks: bool
) -> None:
    sound: list[tuple[float, ev.Event]] = [
        (BEGAN + 0.06, ev.SpeechStarted(BEGAN)),
        (ENDED + noticed, ev.SpeechStopped(ENDED)),
    ]
    settled, silence = said[-1][0], ENDED + noticed
    at = completed_at([*sound, *said], Waiting(seconds, thinks))
    due = max(ENDED + seconds, silence)
    if settled <= due:
        assert at == pytest.approx(due)
    else:  # no words can be answered before they come; interim ones are given time to settle
        assert due - 1e-6 <= at <= settled + POLICY.settle + 1e-6


@given(said=recognised(), fallback=st.floats(2.0, 4.0), verdict=st.floats(0.0, 1.0) | st.none())
def test_a_recognisers_verdict_counts_when_it_comes_and_the_fallback_from_the_last_voiced_sample(
    *, said: list[tuple[float, ev.Event]], fallback: float, verdict: float | None
) -> None:
    events: list[tuple[float, ev.Event]] = [
        (BEGAN + 0.06, ev.SpeechStarted(BEGAN)),
        (ENDED + 0.2, ev.SpeechStopped(ENDED)),
        *said,
    ]
    due = ENDED + fallback
    if verdict is not None:
        due = said[-1][0] + verdict
        events.append((due, ev.EndOfTurn(due)))
    assert completed_at(events, Believing(fallback)) == pytest.approx(due)


def test_a_word_that_began_after_the_detector_fell_silent_moves_the_anchor() -> None:
    given_, _ = run(ev.SpeechStopped(2.0), final("a table", 2.0, 1.0), given=hearing())
    _, effects = run(final("please", 2.6, 2.2), given=given_)
    assert effects == [SetTimer(Timer.ENDPOINT, 3.1)]


def test_soft_words_that_no_detector_noticed_move_it_as_they_come() -> None:
    _, effects = run(Transcript(2.0, "a", final=False), Transcript(2.4, "a table", final=False))
    assert effects == [SetTimer(Timer.ENDPOINT, 2.9)]


def test_words_long_after_an_earlier_turn_are_not_due_at_once() -> None:
    earlier, _ = run(ev.SpeechStopped(2.0), final("yes", 2.0), endpoint(2.5), given=hearing())
    idle, _ = run(ev.ReplyAudible(3.0, 1), ev.ReplyPlayed(4.0, 1), given=earlier)
    _, effects = run(Transcript(9.0, "hello", final=False), given=idle)
    assert effects[-1] == SetTimer(Timer.ENDPOINT, 9.5)


@pytest.mark.parametrize(("told", "anchor"), [(None, 2.6), ("hello", 2.6), ("hello there", ENDED)])
def test_a_word_that_was_told_of_before_is_no_later_than_that(
    told: str | None, anchor: float
) -> None:
    """Words that were spoken after the sound, by their times, move the anchor; not those that were known before."""
    words = (Word("hello", 2.1, 2.3), Word("there", 2.3, 2.6))
    known = () if told is None else (interim(told, 1.9),)
    state, _ = run(
        *known,
        ev.SpeechStopped(ENDED),
        Transcript(2.6, "hello there", final=True, started=BEGAN, words=words),
        given=hearing(),
    )
    assert state.silent_since == anchor
