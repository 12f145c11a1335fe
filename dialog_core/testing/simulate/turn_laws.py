"""The laws of turn-taking, held against each step of a call's turn machine as it is taken.

They know only what everybody can see: the event, the phase afterwards and the effects. So they judge the machine alone
and the machine in a whole call alike, and go on doing so however it is built.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import attrs

from dialog_core.messages import Transcript, Utterance
from dialog_core.testing.simulate.eager_laws import EagerLaws
from dialog_core.testing.simulate.voice_laws import VoiceLaws
from dialog_core.turns import effects as ef
from dialog_core.turns import events as ev
from dialog_core.turns.events import Timer
from dialog_core.turns.records import (
    Backchannel,
    BargeIn,
    BrokenOff,
    Record,
    Said,
    TakenBack,
    TurnComplete,
)
from dialog_core.turns.state import LIVE, TIMERS, WANTED_LIMIT, Phase, TurnPolicy

__all__ = ["OF_A_REPLY", "Breach", "TurnLaws", "bare"]

OF_A_REPLY = (ev.ReplyAudible, ev.MarkReached, ev.ReplyPlayed, ev.ReplyFailed, ev.Shielded)
NEEDED = {phase: timers - {Timer.OVERLAP, Timer.EAGER} for phase, timers in TIMERS.items()}
ROUNDING = 1e-6


@attrs.frozen
class Breach:
    """A law that does not hold."""

    at: float
    """Seconds since the call began."""
    law: str
    detail: str


def bare(text: str) -> list[str]:
    """The words of a text without case and punctuation."""
    return [word for each in text.split() if (word := each.strip(".,?!").lower())]


@attrs.define(eq=False)
class Told:
    """What the machine was told, and what it said of it."""

    finals: Counter[str] = attrs.field(factory=Counter)
    guesses: set[str] = attrs.field(factory=set)
    turns: list[list[str]] = attrs.field(factory=list)
    """Words of the turns that stand."""
    passed: set[str] = attrs.field(factory=set)
    """Words of backchannels, which nobody answers."""


@attrs.define(eq=False)
class TurnLaws:
    """One call's laws; what they find is in `breaches`."""

    longest_hold: float = 5.0
    strict_words: bool = True
    """False where words are not what they were, as in a recording without what callers said."""
    excused: frozenset[str] = frozenset()
    """Words of which the recogniser broke its own promise, such as to settle them once; they alone may be lost."""
    breaches: list[Breach] = attrs.field(factory=list)
    phase: Phase = Phase.IDLE
    live: int | None = None
    started: int = 0
    told: Told = attrs.field(factory=Told)
    timers: set[Timer] = attrs.field(factory=lambda: {Timer.IDLE})
    eager: EagerLaws = attrs.field(factory=EagerLaws)
    voice: VoiceLaws = attrs.field(factory=VoiceLaws)
    _audible: int = 0
    _held_since: float | None = None
    _ending: bool = False
    _wanted: set[int] = attrs.field(factory=set)
    _at: float = 0.0

    @classmethod
    def of(cls, policy: TurnPolicy) -> TurnLaws:
        """The laws of a call with these numbers."""
        eager = EagerLaws(most=policy.eager_most)
        return cls(policy.longest_hold, eager=eager, voice=VoiceLaws.of(policy))

    def _breach(self, law: str, detail: object = "") -> None:
        self.breaches.append(Breach(self._at, law, str(detail)))

    def take(self, event: ev.Event, phase: Phase, effects: Sequence[ef.Effect]) -> None:
        """Hold a step against the laws. phase: the one after it."""
        self._at = event.at
        if self.phase is Phase.CLOSED and not isinstance(event, ev.EndFailed):
            if effects or phase is not Phase.CLOSED:
                self._breach("a closed call does nothing", event)
            return
        stale = isinstance(event, OF_A_REPLY) and event.reply not in {self.live, self.eager.reply}
        if stale and (effects or phase is not self.phase):
            self._breach("late news of a reply changes nothing", event)
        self._note(event)
        before, self.phase = self.phase, phase
        for effect in effects:
            self._heed(effect)
        self._check_answers(event, effects)
        self._check_phase(event, before)
        for law, detail in (
            *self.eager.take(event, phase, effects),
            *self.voice.take(event, effects),
        ):
            self._breach(law, detail)

    # --- what the machine is told

    def _note(self, event: ev.Event) -> None:
        match event:
            case ev.TimerFired(timer=timer):
                if timer not in self.timers:
                    self._breach("only a running timer fires", timer)
                self.timers.discard(timer)
            case Transcript(text=text, final=final):
                (self.told.finals.update if final else self.told.guesses.update)(bare(text))
            case ev.ReplyAudible(reply=reply) if reply == self.live:
                self._audible = reply
            case ev.ReplyWanted(ticket=ticket) if len(self._wanted) < WANTED_LIMIT:
                self._wanted.add(ticket)
            case ev.ReplyWithdrawn(ticket=ticket):
                self._wanted.discard(ticket)
            case ev.EndWanted() | ev.ListenerFailed():
                self._ending = True
            case ev.EndFailed():
                self._ending = False

    # --- what it wants done

    def _heed(self, effect: ef.Effect) -> None:
        match effect:
            case ef.SetTimer(timer=timer):
                self.timers.add(timer)
            case ef.CancelTimer(timer=timer):
                self.timers.discard(timer)
            case ef.StartReply(reply=reply, cause=cause, eager=eager):
                self._start(reply, cause, eager=eager)
            case ef.ConfirmReply(reply=reply):
                self._go_live(reply)
            case ef.StopReply(reply=reply) | ef.DuckReply(reply=reply) | ef.HoldReply(reply=reply):
                if reply != self.live:
                    self._breach("only the live reply is stopped or held", effect)
                if not isinstance(effect, ef.StopReply) and self._held_since is None:
                    self._held_since = self._at
            case ef.ResumeReply(reply=reply):
                if reply != self.live or self._held_since is None:
                    self._breach("only a held reply is resumed", effect)
                self._held_since = None
            case ef.Keep(record=record):
                self._keep(record)
            case ef.EndCall() if self.phase is not Phase.CLOSED:
                self._breach("who ends the call closes it", effect)

    def _start(self, reply: int, cause: ef.Cause, *, eager: bool) -> None:
        if reply != self.started + 1:
            self._breach("replies are numbered in order", f"{reply} after {self.started}")
        self.started = reply
        if eager:
            return
        self._go_live(reply)
        if isinstance(cause, ev.ReplyWanted):
            if cause.ticket not in self._wanted:
                self._breach("only what is wanted is said, and once", cause)
            self._wanted.discard(cause.ticket)

    def _go_live(self, reply: int) -> None:
        if self.live is not None:
            self._breach("no reply starts while one is live", f"{reply} while {self.live}")
        self.live, self._held_since = reply, None

    def _keep(self, record: Record) -> None:
        match record:
            case TurnComplete(utterance=utterance):
                self.told.turns.append(bare(utterance.text))
            case Backchannel(utterance=utterance):
                self.told.passed.update(bare(utterance.text))
            case Said() | BargeIn() | TakenBack() | BrokenOff():
                if record.reply != self.live:
                    self._breach("every reply ends in one record", record)
                self.live, self._held_since = None, None
        if isinstance(record, TakenBack):
            if record.reply == self._audible:
                self._breach("what has sounded is not taken back", record)
            if self.told.turns:
                self.told.turns.pop()
            else:
                self._breach("only an answer is taken back", record)
        if isinstance(record, TakenBack | BargeIn) and self._ending:
            self._breach("a goodbye is not interrupted", record)

    # --- what must hold of a step as a whole

    def _check_answers(self, event: ev.Event, effects: Sequence[ef.Effect]) -> None:
        records = [effect.record for effect in effects if isinstance(effect, ef.Keep)]
        stopped = {effect.reply for effect in effects if isinstance(effect, ef.StopReply)}
        answered = [
            e.cause
            for e in effects
            if (isinstance(e, ef.StartReply) and not e.eager and isinstance(e.cause, Utterance))
            or isinstance(e, ef.ConfirmReply)
        ]
        completed = [record.utterance for record in records if isinstance(record, TurnComplete)]
        for record in records:
            if isinstance(record, BargeIn | TakenBack | BrokenOff) and record.reply not in stopped:
                self._breach("what ends early is stopped everywhere", record)
            if isinstance(record, TurnComplete) and record.utterance.ended > record.at + ROUNDING:
                self._breach("a turn is complete only after it has ended", record)
        if answered != completed and self.phase is not Phase.CLOSED:
            self._breach(
                "a turn is answered once", f"{len(answered)} answers, {len(completed)} turns"
            )
        if completed and not isinstance(event, ev.TimerFired) and self.phase is not Phase.CLOSED:
            self._breach("only a wait that is over completes a turn", event)

    def _check_phase(self, event: ev.Event, before: Phase) -> None:
        phase = self.phase
        if isinstance(event, ev.HungUp) and phase is not Phase.CLOSED:
            self._breach("a line that is gone closes the call", phase)
        if (self.live is not None) != (phase in LIVE):
            self._breach("a reply is live exactly in the phases that have one", phase)
        if not self.timers <= TIMERS[phase]:
            self._breach("no timer outlives its wait", sorted(each.value for each in self.timers))
        fresh = phase is Phase.IDLE and before is Phase.IDLE
        if not fresh and not NEEDED[phase] <= self.timers:
            self._breach("every wait has a timer", phase)
        if self._held_since is not None:
            if phase is not Phase.OVERLAP or Timer.OVERLAP not in self.timers:
                self._breach("a held reply is let go in bounded time", phase)
            elif self._at > self._held_since + self.longest_hold + 1 and isinstance(
                event, ev.TimerFired
            ):
                self._breach("a held reply is let go in bounded time", self._at - self._held_since)
        if phase is Phase.IDLE and self._wanted:
            self._breach("idle owes nobody a word", sorted(self._wanted))
        if phase is Phase.CLOSED:
            self._wanted.clear()

    def close(self, waiting: Sequence[str] = ()) -> None:
        """The call is over: hold all words that were told against those of the turns. waiting: those not answered."""
        if not self.strict_words:
            return
        answered = Counter(word for turn in self.told.turns for word in turn)
        answered.update(waiting)
        owed = self.told.finals.keys() - self.excused - self.told.passed
        if lost := sorted(word for word in owed if not answered[word]):
            self._breach("no word is lost", lost)
        if twice := sorted(
            word
            for word, count in answered.items()
            if count > max(1, self.told.finals[word]) and word not in self.excused
        ):
            self._breach("no word is answered twice", twice)
        known = self.told.finals.keys() | self.told.guesses
        if invented := sorted(word for word in answered if word not in known):
            self._breach("no word is invented", invented)
