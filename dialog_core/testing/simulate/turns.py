"""Turns without calls: events, timers and lies for the machine, the ledger and the gate alone, millions of them.

Nothing waits here and nothing is asynchronous. A conversation is a seed; what happens next is drawn by the phase the
machine is in, so that most of it makes sense, and the rest is what vendors and carriers do when they do not.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import attrs

from dialog_core.audio import AudioFormat
from dialog_core.messages import Transcript
from dialog_core.speech.ledger import Ledger
from dialog_core.testing.simulate.caller_sounds import (
    SILENT,
    VOICED,
    WINDOW,
    CallerVoice,
    CallerWords,
)
from dialog_core.testing.simulate.speaker import SimulatedSpeaker
from dialog_core.testing.simulate.turn_laws import Breach, TurnLaws, bare
from dialog_core.turns import effects as ef
from dialog_core.turns import events as ev
from dialog_core.turns.events import Timer
from dialog_core.turns.gate import Gate, GateSettings
from dialog_core.turns.machine import step
from dialog_core.turns.policy import Ask, Continue, Cut, Done, Duck, Hold, Overlap, Pause, Wait
from dialog_core.turns.records import BargeIn, BrokenOff, Record, Said, TakenBack, TurnComplete
from dialog_core.turns.state import LIVE, Phase, TurnPolicy, TurnState

__all__ = ["Conversation", "Machinery", "Whims"]

Step = Callable[[TurnState, ev.Event, TurnPolicy], tuple[TurnState, tuple[ef.Effect, ...]]]
VERDICTS = (Wait(0.0), Wait(0.5), Wait(0.5), Wait(1.5), Done(), Ask(0.8))
DECISIONS = (Cut(), Cut(), Continue(), Continue(0.3), Duck(2.0), Duck(0.0), Hold(1.0))


@attrs.define
class Whims:
    """Policies that answer whatever a conversation wants."""

    verdict: Wait | Done | Ask
    decision: Continue | Duck | Hold | Cut

    def judge(self, question: Pause | Overlap) -> Any:
        """The answer of the moment."""
        return self.verdict if isinstance(question, Pause) else self.decision


@attrs.frozen(eq=False)
class Machinery:
    """What is put to the test; a mutation replaces a part."""

    step: Step = step
    new_ledger: Callable[[AudioFormat], Ledger] = Ledger
    new_gate: Callable[[GateSettings], Gate] = Gate


class Conversation:
    """One call's worth of turns."""

    def __init__(self, seed: int, machinery: Machinery) -> None:
        self.dice = random.Random(seed)  # noqa: S311 - a simulation
        self.machinery = machinery
        self.whims = Whims(self.dice.choice(VERDICTS), self.dice.choice(DECISIONS))
        self.policy = self._draw_policy()
        self.state, self.now = TurnState(), 0.0
        self.timers: dict[Timer, float] = {Timer.IDLE: self.policy.patience}
        self.laws = TurnLaws.of(self.policy)
        self.speaker = SimulatedSpeaker(self.dice, machinery.new_ledger)
        self.voice = CallerVoice(machinery.new_gate(GateSettings()))
        self.words = CallerWords()
        self.mute = self.dice.random() < 0.05  # noqa: PLR2004 - a chance: the recogniser says nothing
        self.taken: list[ev.Event] = []
        """Every event, in order."""
        self.turns = 0
        self._tickets = 0
        self._made = False
        self._held = False
        self._owed: list[ev.Event] = []
        """What carrying the effects of a step out brings about."""

    def _draw_policy(self) -> TurnPolicy:
        eager, whims = self.dice.random() < 0.5, self.whims  # noqa: PLR2004 - a coin
        after, most = self.dice.choice((0.0, 0.2, 1.0)), self.dice.choice((1, 2, 5))
        policies = TurnPolicy(whims, whims, patience=4.0)  # type: ignore[arg-type]
        return attrs.evolve(policies, eager=eager, eager_after=after, eager_most=most)

    # --- the machine

    def take(self, event: ev.Event) -> None:
        """Let the machine take an event, carry its effects out, and hold it against the laws."""
        self.taken.append(event)
        self.state, effects = self.machinery.step(self.state, event, self.policy)
        self.laws.take(event, self.state.phase, effects)
        if self.laws.breaches:
            return
        for effect in effects:
            self._do(effect)
        self._check_state(event)
        while self._owed:
            self.take(self._owed.pop(0))

    def _do(self, effect: ef.Effect) -> None:
        match effect:
            case ef.SetTimer(timer=timer, at=at):
                self.timers[timer] = at
            case ef.CancelTimer(timer=timer):
                self.timers.pop(timer, None)
            case ef.StartReply(eager=eager):
                self._made, self._held = False, eager
            case ef.ConfirmReply(reply=reply):
                self._held = False
                sounds = self.speaker.send(self.speaker.ledger.rest(reply), self.now)
                if sounds or self._made:
                    self._owed.append(
                        (ev.ReplyAudible if sounds else ev.ReplyPlayed)(self.now, reply)
                    )
            case ef.DropReply(reply=reply):
                if self.speaker.words_heard(reply, self.now):
                    self._breach("an unconfirmed reply is never audible", reply)
                self.speaker.ledger.retire(reply)
                self.speaker.forget(reply)
            case ef.StopReply():
                self.speaker.ledger.stop(self.now)
                self.speaker.clear(self.now)
            case ef.DuckReply(reply=reply) | ef.HoldReply(reply=reply):
                self.speaker.ledger.hold(reply, self.now)
                self.speaker.clear(self.now)
                self._held = True
            case ef.ResumeReply(reply=reply):
                self._held = False
                self.speaker.cleared.clear()  # its marks are sent again under the same names
                self.speaker.send(self.speaker.ledger.rest(reply), self.now)
            case ef.Keep(record=record):
                self._keep(record)

    def _keep(self, record: Record) -> None:
        if isinstance(record, TurnComplete):
            self.turns += 1
            self.words.answered = self.words.guess is not None
        elif isinstance(record, Said | BargeIn | BrokenOff | TakenBack):
            self._check_heard(record)
            self.speaker.ledger.retire(record.reply)
            self.speaker.forget(record.reply)

    # --- the laws that need to see inside

    def _breach(self, law: str, detail: object) -> None:
        self.laws.breaches.append(Breach(self.now, law, str(detail)))

    def _check_heard(self, record: Said | BargeIn | BrokenOff | TakenBack) -> None:
        heard = self.speaker.ledger.heard(record.reply, self.now).split()
        said = " ".join(segment.text for segment in self.speaker.said.get(record.reply, ())).split()
        real = self.speaker.words_heard(record.reply, self.now)
        if heard != said[: len(heard)]:
            self._breach("heard is a beginning of what was said", f"{heard} of {said}")
        if not real - 1.01 <= len(heard) <= real + 1.01:
            self._breach("records tell what was heard", f"{len(heard)} words, {real:.1f} sounded")
        if isinstance(record, Said) and len(heard) < len(said):
            self._breach("records tell what was heard", f"said, but only {heard} of {said}")

    def _check_state(self, event: ev.Event) -> None:
        state = self.state
        if state.phase is Phase.IDLE and (
            state.text or state.wanted or state.voiced or state.ending
        ):
            self._breach("idle owes nobody a word", state)
        if state.protected and state.phase is Phase.OVERLAP:
            self._breach("a goodbye is not interrupted", state.phase)
        made_up = isinstance(event, ev.EndOfTurn | ev.TimerFired) or state.phase is Phase.CLOSED
        if made_up and not state.voiced:
            self.voice.known = False  # the machine has made up its mind that this was no voice, or no longer is one
        if state.voiced is not self.voice.known and state.phase in {Phase.SPEAKING, Phase.THINKING}:
            self._breach("the caller's voice is known in every phase", state.voiced)

    # --- what may happen

    def live_through(self, most: int) -> None:
        """Let so many things happen, and then hang up."""
        for _ in range(most):
            if self.laws.breaches or (self.state.phase is Phase.CLOSED and not self._revive()):
                break
            for act in self.dice.choices(*ACTS[self.state.phase]):
                act(self)
        self.take(ev.HungUp(self.now))
        if not self.laws.breaches:
            words = " ".join(word.text for word in self.state.words)
            self.laws.close(bare(words))

    def _revive(self) -> bool:
        """A carrier may refuse to end a call, a few times."""
        self.lie()
        self.hear_voice()
        self.hear_silence()
        if self.dice.random() < 0.5:  # noqa: PLR2004 - a coin
            return False
        self.take(ev.EndFailed(self.now, "refused"))
        return self.state.phase is not Phase.CLOSED

    def pass_time(self) -> None:
        """Time passes: timers fire, marks come back, frames come in."""
        until = self.now + self.dice.choice((0.05, 0.2, 0.5, 1.0, 2.0))
        while (due := self._next_due()) <= until:
            self.now = max(self.now, due)
            timer = min(self.timers, key=self.timers.__getitem__, default=None)
            if timer is not None and self.timers[timer] <= self.now:
                del self.timers[timer]
                self.take(ev.TimerFired(self.now, timer))
            self._return_marks()
        self.now = until

    def _next_due(self) -> float:
        marks = self.speaker.marks
        timer = min(self.timers.values(), default=float("inf"))
        return min(timer, marks[0][0]) if marks else timer

    def _return_marks(self) -> None:
        for key in list(self.speaker.due(self.now)):
            self._reach(key)

    def _reach(self, key: tuple[int, int]) -> None:
        ledger, reply = self.speaker.ledger, key[0]
        if key not in ledger.entries:
            self.take(ev.MarkReached(self.now, reply, "Late. "))
            return
        for segment in ledger.reached(key, self.now):
            self.take(ev.MarkReached(self.now, segment.reply, segment.text))
        self._check_played()

    def _check_played(self) -> None:
        reply = self.state.reply
        if self.state.phase in LIVE and self._made and self.speaker.ledger.is_played(reply):
            self.take(ev.ReplyPlayed(self.now, reply))

    def hear_voice(self) -> None:
        """The caller makes a sound."""
        self._listen(VOICED, self.dice.choice((1, 3, 6)))

    def hear_silence(self) -> None:
        """The caller makes none."""
        self._listen(SILENT, self.dice.choice((1, 3, 6)))

    def _listen(self, probability: float, windows: int) -> None:
        begun = max(self.voice.until, self.now - 0.2)
        for number in range(windows):
            at = begun + number * WINDOW
            while self._next_due() < at + WINDOW / 2:
                self.pass_time()
            self.now = max(self.now, at + WINDOW)
            event = self.voice.push(probability, at)
            if event is None:
                continue
            for law, detail in self.voice.wrongs(event):
                self._breach(law, detail)
            closed = self.state.phase is Phase.CLOSED
            self.voice.known = isinstance(event, ev.SpeechStarted) and not closed
            self.take(event)

    def settle_words(self) -> None:
        """The recogniser settles what it guessed, or something new."""
        self._recognise(self.words.settle(self.now))

    def guess_words(self) -> None:
        """The recogniser guesses at one word more."""
        self._recognise(self.words.guess_more(self.now))

    def _recognise(self, told: Transcript) -> None:
        if not self.mute:
            self.now = max(self.now, told.at)
            self.take(told)

    def believe_in_the_end(self) -> None:
        """The recogniser has a verdict."""
        self.take(ev.EndOfTurn(self.now, sure=self.dice.random() < 0.7))  # noqa: PLR2004 - a chance

    def doubt_the_end(self) -> None:
        """The recogniser takes it back."""
        self.take(ev.TurnResumed(self.now))

    def think_of_the_end(self) -> None:
        """An endpointer that was asked answers, in time or late."""
        question = self.state.question - self.dice.choice((0, 0, 1))
        self.take(ev.EndpointJudged(self.now, question, self.dice.choice((0.0, 1.0))))

    def want_reply(self) -> None:
        """The application wants to speak."""
        self._tickets += 1
        self.take(ev.ReplyWanted(self.now, self._tickets, self.dice.random() < 0.7))  # noqa: PLR2004 - a chance

    def withdraw_reply(self) -> None:
        """The application no longer wants to."""
        self.take(ev.ReplyWithdrawn(self.now, self._tickets - self.dice.randint(0, 2)))

    def want_end(self) -> None:
        """The application wants the call to end."""
        if self.state.ending is None:
            self.take(ev.EndWanted(self.now, "done", now=self.dice.random() < 0.3))  # noqa: PLR2004

    def press_key(self) -> None:
        """The caller presses a key."""
        self.take(ev.Keypress(self.now, "1"))

    def change_policies(self) -> None:
        """The policies think otherwise from now on."""
        self.whims.verdict = self.dice.choice(VERDICTS)
        self.whims.decision = self.dice.choice(DECISIONS)

    def speak(self) -> None:
        """The reply gets on: a segment is made, and sent unless it is held."""
        if self._made or (self._held and self.state.eager is None):
            return
        reply = self.state.reply
        pieces = self.speaker.make(reply)
        sounded = not self._held and self.speaker.send(pieces, self.now)
        self._made = self.dice.random() < 0.5  # noqa: PLR2004 - a coin
        if sounded:
            self.take(ev.ReplyAudible(self.now, reply))

    def get_on_early(self) -> None:
        """An eager reply gets on, if there is one: it is made, fails, or protects itself."""
        if self.state.eager is not None:
            self.dice.choices((self.speak, self.fail, self.shield), (6, 1, 1))[0]()

    def finish(self) -> None:
        """The reply is made to its end; it may have nothing to say."""
        self._made = True
        self._check_played()

    def fail(self) -> None:
        """A provider fails."""
        self.take(ev.ReplyFailed(self.now, self.state.reply, "vendor"))

    def shield(self) -> None:
        """A protected segment begins or ends."""
        self.take(ev.Shielded(self.now, self.state.reply, self.dice.random() < 0.5))  # noqa: PLR2004

    def lie(self) -> None:
        """Somebody tells what is late, or not so."""
        old = self.state.reply - self.dice.randint(1, 2)
        lie = self.dice.randrange(6)
        if lie == 0 and self.speaker.cleared:
            self._reach(self.dice.choice(self.speaker.cleared))
            return
        lies: Sequence[ev.Event] = (
            ev.ReplyAudible(self.now, old),
            ev.MarkReached(self.now, old, "Old. "),
            ev.ReplyPlayed(self.now, old),
            ev.ReplyFailed(self.now, old, "late"),
            ev.Shielded(self.now, old, on=True),
            Transcript(self.now, " ", final=self.words.guess is None),
        )
        self.take(lies[lie])

    def lose_listener(self) -> None:
        """Nobody hears the caller any more."""
        if self.now > LATE:
            self.take(ev.ListenerFailed(self.now, "vendor"))


LATE = 60.0
"""Seconds before which no recogniser fails for good, so that most conversations go on for a while."""
Act = Callable[[Conversation], None]
C = Conversation
ALWAYS: dict[Act, int] = {
    C.pass_time: 30, C.settle_words: 4, C.guess_words: 3, C.believe_in_the_end: 2,
    C.doubt_the_end: 1, C.want_reply: 1, C.withdraw_reply: 1, C.press_key: 1,
    C.change_policies: 2, C.lie: 4, C.lose_listener: 1,
}  # fmt: skip
MORE: dict[Phase, dict[Act, int]] = {
    Phase.IDLE: {C.hear_voice: 40, C.hear_silence: 2},
    Phase.HEARING: {C.hear_silence: 30, C.hear_voice: 6, C.settle_words: 16, C.guess_words: 8,
                    C.get_on_early: 4},
    Phase.ENDPOINTING: {C.hear_voice: 6, C.settle_words: 10, C.think_of_the_end: 6, C.get_on_early: 12},
    Phase.THINKING: {C.speak: 40, C.hear_voice: 8, C.finish: 2, C.fail: 2},
    Phase.SPEAKING: {C.speak: 16, C.finish: 12, C.hear_voice: 10, C.hear_silence: 4, C.fail: 1,
                     C.shield: 1, C.want_end: 1},
    Phase.OVERLAP: {C.hear_silence: 20, C.hear_voice: 10, C.speak: 5, C.finish: 4, C.fail: 1, C.shield: 1},
    Phase.CLOSED: {C.pass_time: 1},
}  # fmt: skip


def weighed(phase: Phase) -> tuple[tuple[Act, ...], tuple[int, ...]]:
    """What may happen in a phase, and how often."""
    acts = {**ALWAYS}
    for act, weight in MORE[phase].items():
        acts[act] = acts.get(act, 0) + weight
    return tuple(acts), tuple(acts.values())


ACTS = {phase: weighed(phase) for phase in Phase}
