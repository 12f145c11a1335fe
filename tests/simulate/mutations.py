"""Deliberate bugs, each named by what it breaks. Every one must be caught by the laws."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from dialog_core.audio import AudioFormat
from dialog_core.messages import SpeakText, Transcript, Utterance
from dialog_core.speech.ledger import Key, Ledger
from dialog_core.testing.simulate import Machinery
from dialog_core.turns import effects as ef
from dialog_core.turns import events as ev
from dialog_core.turns.events import Timer
from dialog_core.turns.gate import Gate, GateSettings
from dialog_core.turns.machine import step
from dialog_core.turns.records import BargeIn, Said, TakenBack, TurnComplete
from dialog_core.turns.state import OPEN, Phase, TurnPolicy, TurnState

__all__ = ["MUTATIONS"]

Effects = tuple[ef.Effect, ...]
Stepped = tuple[TurnState, Effects]
Before = Callable[[TurnState, ev.Event], tuple[TurnState, ev.Event]]
After = Callable[[TurnState, ev.Event, TurnState, Effects], Stepped]


def unchanged(state: TurnState, event: ev.Event) -> tuple[TurnState, ev.Event]:
    return state, event


def mutated(*, before: Before = unchanged, after: After | None = None) -> Machinery:
    """A machine that is told something else, or whose answer is tampered with."""

    def mutant(state: TurnState, event: ev.Event, policy: TurnPolicy) -> Stepped:
        told_state, told_event = before(state, event)
        stepped, effects = step(told_state, told_event, policy)
        return (stepped, effects) if after is None else after(state, event, stepped, effects)

    return Machinery(step=mutant)


def dropping(drops: Callable[[ef.Effect, TurnState], bool]) -> Machinery:
    """A machine some of whose effects are lost. drops: told the effect and the state afterwards."""
    return mutated(
        after=lambda _old, _event, new, effects: (
            new,
            tuple(effect for effect in effects if not drops(effect, new)),
        )
    )


def doubling(doubles: Callable[[ef.Effect], bool]) -> Machinery:
    """A machine that wants some things done twice."""
    return mutated(
        after=lambda _old, _event, new, effects: (
            new,
            tuple(e for effect in effects for e in ([effect] * (2 if doubles(effect) else 1))),
        )
    )


def deaf_to(ignores: Callable[[TurnState, ev.Event], bool]) -> Machinery:
    """A machine that does not take some events at all."""

    def mutant(state: TurnState, event: ev.Event, policy: TurnPolicy) -> Stepped:
        return (state, ()) if ignores(state, event) else step(state, event, policy)

    return Machinery(step=mutant)


def believing(kind: type) -> Machinery:
    """A machine that takes late news of an old reply for news of the live one."""

    def before(state: TurnState, event: ev.Event) -> tuple[TurnState, ev.Event]:
        if isinstance(event, kind):
            changes: dict[str, Any] = {"reply": state.reply}
            return state, attrs.evolve(event, **changes)
        return state, event

    return mutated(before=before)


def keeps(effect: ef.Effect, kind: type) -> bool:
    return isinstance(effect, ef.Keep) and isinstance(effect.record, kind)


def answers(effect: ef.Effect) -> bool:
    return isinstance(effect, ef.StartReply) and isinstance(effect.cause, Utterance)


# --- tampered states


def second_reply(old: TurnState, event: ev.Event, new: TurnState, effects: Effects) -> Stepped:
    if isinstance(event, ev.ReplyWanted) and old.phase is Phase.SPEAKING:
        number = new.reply + 1
        return attrs.evolve(new, reply=number), (*effects, ef.StartReply(number, event))
    return new, effects


def words_lost_at_a_cut(_o: TurnState, _e: ev.Event, new: TurnState, effects: Effects) -> Stepped:
    cut = any(keeps(effect, BargeIn) for effect in effects)
    return (attrs.evolve(new, words=()) if cut else new), effects


def words_kept(old: TurnState, _e: ev.Event, new: TurnState, effects: Effects) -> Stepped:
    answered = any(keeps(effect, TurnComplete) for effect in effects)
    return (attrs.evolve(new, words=old.words) if answered else new), effects


def forgetful(_o: TurnState, _e: ev.Event, new: TurnState, effects: Effects) -> Stepped:
    return attrs.evolve(new, taken=None), effects


def wanted_again(_o: TurnState, _e: ev.Event, new: TurnState, effects: Effects) -> Stepped:
    for effect in effects:
        if isinstance(effect, ef.StartReply) and isinstance(effect.cause, ev.ReplyWanted):
            new = attrs.evolve(new, wanted=(*new.wanted, effect.cause))
    return new, effects


def same_number(_o: TurnState, _e: ev.Event, new: TurnState, effects: Effects) -> Stepped:
    started = tuple(
        ef.StartReply(1, effect.cause) if isinstance(effect, ef.StartReply) else effect
        for effect in effects
    )
    return (attrs.evolve(new, reply=1) if started != effects else new), started


def eager_resume(old: TurnState, event: ev.Event, new: TurnState, effects: Effects) -> Stepped:
    if isinstance(event, ev.SpeechStopped) and new.phase is Phase.SPEAKING:
        return new, (*effects, ef.ResumeReply(old.reply))
    return new, effects


def voice_forgotten(_o: TurnState, _e: ev.Event, new: TurnState, effects: Effects) -> Stepped:
    return (attrs.evolve(new, voiced=False) if new.phase is Phase.SPEAKING else new), effects


# --- tampered eager replies


def confirmed_at_once(_o: TurnState, _e: ev.Event, new: TurnState, effects: Effects) -> Stepped:
    for effect in effects:
        if isinstance(effect, ef.StartReply) and effect.eager:
            assert isinstance(effect.cause, Utterance)
            return new, (*effects, ef.ConfirmReply(effect.reply, effect.cause))
    return new, effects


def confirmed_for_other_words(
    old: TurnState, event: ev.Event, new: TurnState, effects: Effects
) -> Stepped:
    if isinstance(event, Transcript) and any(isinstance(each, ef.DropReply) for each in effects):
        effects = tuple(each for each in effects if not isinstance(each, ef.DropReply))
        assert old.eager is not None
        new = attrs.evolve(new, eager=attrs.evolve(old.eager, utterance=new.utterance()))
    return new, effects


def certain_from_the_start(
    _o: TurnState, _e: ev.Event, new: TurnState, effects: Effects
) -> Stepped:
    return new, tuple(
        attrs.evolve(each, eager=False) if isinstance(each, ef.StartReply) else each
        for each in effects
    )


def recorded_although_dropped(
    _o: TurnState, event: ev.Event, new: TurnState, effects: Effects
) -> Stepped:
    records = tuple(
        ef.Keep(TakenBack(event.at, each.reply))
        for each in effects
        if isinstance(each, ef.DropReply)
    )
    return new, (*records, *effects)


def as_if(phase: Phase, *, was: Phase, on: type) -> Machinery:
    """A machine that mistakes one phase for another when something happens."""

    def before(state: TurnState, event: ev.Event) -> tuple[TurnState, ev.Event]:
        mistaken = state.phase is was and isinstance(event, on)
        return (attrs.evolve(state, phase=phase) if mistaken else state), event

    return mutated(before=before)


def hiding(**values: Any) -> Machinery:
    """A machine that does not look at a part of its state."""

    def mutant(state: TurnState, event: ev.Event, policy: TurnPolicy) -> Stepped:
        hidden = {name: getattr(state, name) for name in values}
        new, effects = step(attrs.evolve(state, **values), event, policy)
        kept = {name: value for name, value in hidden.items() if getattr(new, name) == values[name]}
        return attrs.evolve(new, **kept), effects

    return Machinery(step=mutant)


def impatient(state: TurnState, event: ev.Event, policy: TurnPolicy) -> Stepped:
    """Completes the turn at once when the caller falls silent."""
    new, effects = step(state, event, policy)
    if isinstance(event, ev.SpeechStopped) and new.phase is Phase.ENDPOINTING:
        new, more = step(new, ev.TimerFired(event.at, Timer.ENDPOINT), policy)
        return new, (*effects, *more)
    return new, effects


# --- tampered accounts: subclasses here alone, where a bug must look like the real thing


class CountsWhatWasSent(Ledger):
    def position(self, key: Key, now: float) -> float:
        return self._sent.get(key, 0.0)


class CountsWhatWasCut(Ledger):
    def stop(self, now: float) -> None:
        for entry in self.entries.values():
            entry.stopped_at = entry.made
        super().stop(now)


class SettlesTheWholeReply(Ledger):
    def reached(self, key: Key, now: float) -> tuple[SpeakText, ...]:
        settled = super().reached(key, now)
        for other, entry in self.entries.items():
            if other[0] == key[0]:
                entry.heard = True
                self._awaited.pop(other, None)
        return settled


class StartsAgainAfterAHold(Ledger):
    def hold(self, reply: int, now: float) -> tuple[Key, float] | None:
        held = super().hold(reply, now)
        for key in self._sent:
            self._sent[key] = 0.0
        return held


class KeepsPlayingWhenStopped(Ledger):
    def stop(self, now: float) -> None:
        super().stop(now + 1.0)


class TellsTwice(Gate):
    def push(
        self, probability: float, at: float, seconds: float
    ) -> ev.SpeechStarted | ev.SpeechStopped | None:
        event = super().push(probability, at, seconds)
        return ev.SpeechStarted(at) if event is None and self.sounding else event


class TellsWhenItNoticed(Gate):
    def push(
        self, probability: float, at: float, seconds: float
    ) -> ev.SpeechStarted | ev.SpeechStopped | None:
        event = super().push(probability, at, seconds)
        return ev.SpeechStopped(at + seconds) if isinstance(event, ev.SpeechStopped) else event


def ledger(new_ledger: Callable[[AudioFormat], Ledger]) -> Machinery:
    return Machinery(new_ledger=new_ledger)


def gate(new_gate: Callable[[GateSettings], Gate]) -> Machinery:
    return Machinery(new_gate=new_gate)


def when(kind: type, *phases: Phase) -> Callable[[TurnState, ev.Event], bool]:
    return lambda state, event: isinstance(event, kind) and (not phases or state.phase in phases)


def sets(timer: Timer) -> Callable[[ef.Effect, TurnState], bool]:
    return lambda effect, _state: isinstance(effect, ef.SetTimer) and effect.timer is timer


MUTATIONS: Mapping[str, Machinery] = {
    "a stale mark counts": believing(ev.MarkReached),
    "an old reply's failure ends the live one": believing(ev.ReplyFailed),
    "an old reply's end ends the live one": believing(ev.ReplyPlayed),
    "timers are not cancelled": dropping(lambda effect, _: isinstance(effect, ef.CancelTimer)),
    "a silence has no timer": dropping(sets(Timer.ENDPOINT)),
    "a stuck turn has no watchdog": dropping(sets(Timer.WATCHDOG)),
    "an idle call has no patience": dropping(sets(Timer.IDLE)),
    "a held reply is never let go": dropping(sets(Timer.OVERLAP)),
    "a second reply starts while one sounds": mutated(after=second_reply),
    "a cut reply goes on": dropping(lambda effect, _: isinstance(effect, ef.StopReply)),
    "a reply ends without a record": dropping(lambda effect, _: keeps(effect, Said)),
    "a barge-in is recorded twice": doubling(lambda effect: keeps(effect, BargeIn)),
    "a turn is answered twice": doubling(answers),
    "a turn is recorded and not answered": dropping(lambda effect, _: answers(effect)),
    "a turn is answered and not recorded": dropping(lambda effect, _: keeps(effect, TurnComplete)),
    "a turn is complete at the first silence": Machinery(step=impatient),
    "words are lost at a barge-in": mutated(after=words_lost_at_a_cut),
    "words under a reply are not heard": deaf_to(when(Transcript, Phase.SPEAKING)),
    "answered words wait again": mutated(after=words_kept),
    "text that settles late is answered again": mutated(after=forgetful),
    "a sounding reply is taken back": as_if(
        Phase.THINKING, was=Phase.SPEAKING, on=ev.SpeechStarted
    ),
    "a goodbye may be interrupted": hiding(ending=None),
    "a protected segment may be interrupted": hiding(shielded=False),
    "a closed call goes on": as_if(Phase.IDLE, was=Phase.CLOSED, on=ev.SpeechStarted),
    "a hang-up is not heard": deaf_to(when(ev.HungUp)),
    "a withdrawn message is said": deaf_to(when(ev.ReplyWithdrawn)),
    "a message is said twice": mutated(after=wanted_again),
    "idle forgets what is wanted": as_if(Phase.HEARING, was=Phase.IDLE, on=ev.ReplyWanted),
    "two replies have one number": mutated(after=same_number),
    "a reply is resumed that was not held": mutated(after=eager_resume),
    "a voice under a reply is forgotten": mutated(after=voice_forgotten),
    "a voice without words is forgotten": hiding(sounded=0.0),
    "a caller whom nobody understands is told so for ever": hiding(unheard=0),
    "an eager reply is confirmed before the turn is complete": mutated(after=confirmed_at_once),
    "an eager reply is confirmed for other words": mutated(after=confirmed_for_other_words),
    "an eager reply is not told that it is one": mutated(after=certain_from_the_start),
    "an eager reply goes on when the caller does": dropping(
        lambda effect, _: isinstance(effect, ef.DropReply)
    ),
    "an eager reply that was taken back is on record": mutated(after=recorded_although_dropped),
    "an eager reply that failed is confirmed": deaf_to(when(ev.ReplyFailed, *OPEN)),
    "an eager reply survives that the turn is resumed": deaf_to(when(ev.TurnResumed)),
    "a second reply is started beside the eager one": hiding(eager=None),
    "eager replies are begun without end": hiding(eager_starts=0),
    "what is on its way counts as heard": ledger(CountsWhatWasSent),
    "what was cut counts as heard": ledger(CountsWhatWasCut),
    "a mark settles the whole reply": ledger(SettlesTheWholeReply),
    "a held reply starts again": ledger(StartsAgainAfterAHold),
    "a stop is noticed a second late": ledger(KeepsPlayingWhenStopped),
    "a voice begins twice": gate(TellsTwice),
    "a silence counts from when it was noticed": gate(TellsWhenItNoticed),
}
"""The bugs, by name."""
