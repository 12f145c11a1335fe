"""The laws of the turn machine, held against any sequence of events that hypothesis can think of."""

from __future__ import annotations

from collections import Counter

import attrs
import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from dialog_core.messages import Transcript, Utterance
from dialog_core.turns import effects as ef
from dialog_core.turns import events as ev
from dialog_core.turns.events import Timer
from dialog_core.turns.expectation import Anything, Digits
from dialog_core.turns.machine import step
from dialog_core.turns.policy import (
    Abstain,
    Ask,
    Continue,
    Cut,
    Decision,
    Done,
    Doubt,
    Duck,
    Hold,
    Ignore,
    Overlap,
    Pause,
    Verdict,
    Wait,
)
from dialog_core.turns.records import (
    Backchannel,
    BargeIn,
    BrokenOff,
    Said,
    TakenBack,
    TurnComplete,
)
from dialog_core.turns.state import LIVE, OPEN, TIMERS, Phase, TurnPolicy, TurnState

ENDS_A_REPLY = (Said, BargeIn, TakenBack, BrokenOff)


def keeps_turn(effect: ef.Effect, utterance: Utterance) -> bool:
    """Whether the effect records this turn."""
    kept = effect.record if isinstance(effect, ef.Keep) else None
    return isinstance(kept, TurnComplete) and kept.utterance == utterance


@attrs.define
class Whims:
    """Policies that answer whatever hypothesis wants."""

    verdict: Verdict = attrs.field(factory=lambda: Wait(0.5))
    decision: Decision = attrs.field(factory=Cut)

    def judge(self, question: Pause | Overlap) -> object:
        return self.verdict if isinstance(question, Pause) else self.decision


class Conversation(RuleBasedStateMachine):
    """Random events, with time that only moves forward."""

    def __init__(self) -> None:
        super().__init__()
        self.whims = Whims()
        self.policy = TurnPolicy(self.whims, self.whims, eager=True)  # type: ignore[arg-type]
        self.state = TurnState()
        self.now = 0.0
        self.timers: dict[Timer, float] = {}
        self.started: list[int] = []
        self.eager: dict[int, str] = {}
        self.resolved: Counter[int] = Counter()
        self.ended: Counter[int] = Counter()
        self.stopped: set[int] = set()
        self.said: list[str] = []
        self.answered: list[tuple[str, ...]] = []
        self.ignored: list[str] = []
        self.words = 0
        self.closed = False

    def take(self, event: ev.Event) -> None:
        before = self.state
        self.state, effects = step(before, event, self.policy)
        assert (self.state, effects) == step(before, event, self.policy)
        for effect in effects:
            match effect:
                case ef.SetTimer(timer=timer, at=at):
                    self.timers[timer] = at
                case ef.CancelTimer(timer=timer):
                    self.timers.pop(timer, None)
                case ef.StartReply(reply=reply, cause=cause):
                    assert before.phase is not Phase.CLOSED or isinstance(event, ev.EndFailed)
                    self.started.append(reply)
                    if effect.eager:
                        assert isinstance(cause, Utterance)
                        self.eager[reply] = cause.text
                case ef.ConfirmReply(reply=reply, cause=cause):
                    assert cause.text == self.eager[reply]
                    assert any(keeps_turn(each, cause) for each in effects)
                    self.resolved[reply] += 1
                case ef.DropReply(reply=reply):
                    self.resolved[reply] += 1
                    self.ended[reply] += 1
                case ef.StopReply(reply=reply):
                    self.stopped.add(reply)
                case ef.Keep(record=record):
                    self.keep(record)
                case ef.EndCall():
                    assert self.state.phase is Phase.CLOSED

    def keep(self, record: object) -> None:
        if isinstance(record, ENDS_A_REPLY):
            self.ended[record.reply] += 1
        if isinstance(record, TakenBack):
            self.answered.pop()
        if isinstance(record, TurnComplete):
            self.answered.append(tuple(record.utterance.text.split()))
        if isinstance(record, Backchannel):
            assert record.reply == self.state.reply
            self.ignored += record.utterance.text.split()

    # --- what may happen

    @rule(seconds=st.sampled_from([0.0, 0.02, 0.1, 0.3, 0.7, 2.0]))
    def time_passes(self, seconds: float) -> None:
        until = self.now + seconds
        while self.timers and min(self.timers.values()) <= until:
            timer = min(self.timers, key=self.timers.__getitem__)
            self.now = max(self.now, self.timers.pop(timer))
            self.take(ev.TimerFired(self.now, timer))
        self.now = until

    @rule(late=st.sampled_from([0.0, 0.06]))
    def caller_sounds(self, late: float) -> None:
        self.take(ev.SpeechStarted(max(0.0, self.now - late)))

    @rule(late=st.sampled_from([0.0, 0.2, 1.0]))
    def caller_falls_silent(self, late: float) -> None:
        self.take(ev.SpeechStopped(max(self.state.sounding_since, self.now - late)))

    @rule()
    def words_settle(self) -> None:
        self.words += 1
        word = f"w{self.words}"
        before = self.state.phase
        self.take(Transcript(self.now, word, final=True, started=self.now))
        if before is not Phase.CLOSED:
            self.said.append(word)

    @rule(sure=st.booleans())
    def recogniser_believes_in_the_end(self, sure: bool) -> None:
        self.take(ev.EndOfTurn(self.now, sure))

    @rule()
    def recogniser_takes_it_back(self) -> None:
        self.take(ev.TurnResumed(self.now))

    @rule(ticket=st.integers(0, 5), interruptible=st.booleans())
    def application_speaks(self, ticket: int, interruptible: bool) -> None:
        self.take(ev.ReplyWanted(self.now, ticket, interruptible))

    @rule(ticket=st.integers(0, 5))
    def application_withdraws(self, ticket: int) -> None:
        self.take(ev.ReplyWithdrawn(self.now, ticket))

    @precondition(lambda self: self.state.ending is None)
    @rule(now=st.booleans())
    def application_ends(self, now: bool) -> None:
        self.take(ev.EndWanted(self.now, "done", now=now))

    @rule(late=st.integers(0, 1), on=st.booleans())
    def shield(self, late: int, on: bool) -> None:
        self.take(ev.Shielded(self.now, self.state.reply - late, on))

    @rule(late=st.integers(0, 2))
    def reply_sounds(self, late: int) -> None:
        self.take(ev.ReplyAudible(self.now, self.state.reply - late))

    @rule(late=st.integers(0, 2))
    def mark_returns(self, late: int) -> None:
        self.take(ev.MarkReached(self.now, self.state.reply - late, "Some text."))

    @rule(late=st.integers(0, 2))
    def reply_is_played(self, late: int) -> None:
        self.take(ev.ReplyPlayed(self.now, self.state.reply - late))

    @rule(late=st.integers(0, 2))
    def reply_fails(self, late: int) -> None:
        self.take(ev.ReplyFailed(self.now, self.state.reply - late, "vendor"))

    @rule(late=st.integers(0, 2), expecting=st.sampled_from([Anything(), Digits(4)]))
    def agent_expects(self, late: int, expecting: Anything | Digits) -> None:
        self.take(ev.AnswerExpected(self.now, expecting, max(0, self.state.reply - late)))

    @rule(question=st.integers(0, 3), wait=st.sampled_from([0.0, 1.0]))
    def endpointer_has_thought(self, question: int, wait: float) -> None:
        self.take(ev.EndpointJudged(self.now, question, wait))

    @rule(late=st.integers(0, 1))
    def nothing_sounds(self, late: int) -> None:
        self.take(ev.DeadAir(self.now, self.state.reply - late))

    @rule(eager=st.booleans(), after=st.sampled_from([0.0, 0.2]), most=st.integers(1, 2))
    def policy_changes(self, eager: bool, after: float, most: int) -> None:
        self.policy = attrs.evolve(self.policy, eager=eager, eager_after=after, eager_most=most)

    @rule(digit=st.sampled_from("09#"))
    def key_is_pressed(self, digit: str) -> None:
        self.take(ev.Keypress(self.now, digit))

    @rule()
    def end_fails(self) -> None:
        if self.state.phase is Phase.CLOSED and not self.closed:
            self.take(ev.EndFailed(self.now, "refused"))

    @precondition(lambda self: self.now > 5)
    @rule()
    def listener_fails(self) -> None:
        self.take(ev.ListenerFailed(self.now, "vendor"))

    @precondition(lambda self: self.now > 10)
    @rule()
    def line_goes(self) -> None:
        self.take(ev.HungUp(self.now))
        self.closed = True

    @rule(
        verdict=st.sampled_from([Wait(0.0), Wait(0.5), Wait(1.5), Done(), Ask(0.8), Abstain(1.0)]),
        decision=st.sampled_from(
            [
                Cut(),
                Continue(),
                Continue(0.3),
                Continue(0.0),
                Duck(2.0),
                Duck(0.0),
                Hold(1.0),
                Doubt(0.6),
                Ignore(),
            ]
        ),
    )
    def policies_change_their_mind(self, verdict: Verdict, decision: Decision) -> None:
        self.whims.verdict, self.whims.decision = verdict, decision

    # --- the laws

    @invariant()
    def exactly_one_reply_is_live_in_the_live_phases(self) -> None:
        eager = {reply for reply in self.eager if not self.resolved[reply]}
        open_ = [r for r in self.started if not self.ended[r] and r not in eager]
        assert len(open_) == (1 if self.state.phase in LIVE else 0)
        assert not open_ or open_ == [self.state.reply]

    @invariant()
    def an_eager_reply_is_to_the_waiting_words_of_an_open_turn(self) -> None:
        eager = [reply for reply in self.eager if not self.resolved[reply]]
        assert eager == ([self.state.eager.reply] if self.state.eager is not None else [])
        if self.state.eager is not None:
            assert eager == [self.state.reply]
            assert self.state.phase in OPEN
            assert self.state.eager.utterance.text == self.state.text
            assert self.state.eager_starts <= 2

    @invariant()
    def every_eager_reply_is_confirmed_or_dropped_once(self) -> None:
        assert all(count == 1 for count in self.resolved.values())
        assert set(self.resolved) <= set(self.eager)

    @invariant()
    def every_reply_ends_in_one_record_at_most(self) -> None:
        assert all(count == 1 for count in self.ended.values())
        assert set(self.ended) <= set(self.started)

    @invariant()
    def replies_are_counted(self) -> None:
        assert self.started == list(range(1, len(self.started) + 1))

    @invariant()
    def every_wait_has_a_timer(self) -> None:
        wanted = TIMERS[self.state.phase] - {Timer.OVERLAP, Timer.EAGER}
        if self.state.phase is not Phase.IDLE or self.timers or self.started or self.said:
            running = set(self.timers)
            assert running <= TIMERS[self.state.phase]
            if self.state != TurnState() and self.state.phase is not Phase.IDLE:
                assert wanted <= running, self.state.phase

    @invariant()
    def a_held_reply_is_let_go_in_bounded_time(self) -> None:
        if self.state.held_since is not None:
            assert self.state.phase is Phase.OVERLAP
            assert Timer.OVERLAP in self.timers
            assert (
                self.timers[Timer.OVERLAP]
                <= self.state.held_since + self.policy.longest_hold + 1e-9
            )

    @invariant()
    def no_word_is_lost_or_answered_twice(self) -> None:
        waiting = tuple(word.text for word in self.state.words)
        answered = tuple(word for turn in self.answered for word in turn)
        assert Counter((*answered, *waiting, *self.ignored)) == Counter(self.said)

    @invariant()
    def idle_owes_nobody_an_answer(self) -> None:
        if self.state.phase is Phase.IDLE:
            assert not self.state.text
            assert not self.state.wanted
            assert not self.state.voiced
            assert self.state.ending is None

    @invariant()
    def closed_is_silent(self) -> None:
        if self.state.phase is Phase.CLOSED:
            assert not self.timers
            assert not self.state.wanted

    @invariant()
    def a_goodbye_is_never_interrupted(self) -> None:
        if self.state.protected:
            assert self.state.phase is not Phase.OVERLAP


Conversation.TestCase.settings = settings(max_examples=300, stateful_step_count=80, deadline=None)
TestTheLaws = pytest.mark.requirement("D.2", "D.18")(Conversation.TestCase)


def test_an_utterance_knows_its_words() -> None:
    word = Transcript(1.0, "hello", final=True)
    assert TurnState(words=(word,), started=0.5, silent_since=1.0).utterance() == Utterance(
        "hello", 0.5, 1.0, (word,)
    )
