"""Eager replies: begun before it is certain that the caller has finished, heard only after that. Used by the machine.

Theory. While an endpointer waits, the words of the turn are mostly known already. A reply to them may be made in that
time, as long as nobody notices if it was in vain::

                      .--- the caller goes on, the words change, it fails: dropped, as if it had never been
        started ------|
                      '--- the turn is complete with the same words: confirmed; from here on it is a reply like any

It belongs to HEARING and ENDPOINTING and to no other phase, and there is one at most. It starts after so many seconds
of silence (`TurnPolicy.eager_after`), or when the recogniser thinks that the turn may be over, and no more than
`TurnPolicy.eager_most` times in a turn. What it says about itself, such as which answer it expects, waits in
:class:`~dialog_core.turns.state.Eager` until it is confirmed.
"""

from __future__ import annotations

import attrs

from dialog_core.messages import Utterance
from dialog_core.turns import events as ev
from dialog_core.turns.effects import (
    CancelTimer,
    Cause,
    ConfirmReply,
    DropReply,
    Effect,
    SetTimer,
    StartReply,
)
from dialog_core.turns.events import Event, Timer
from dialog_core.turns.expectation import ANYTHING
from dialog_core.turns.state import Eager, TurnPolicy, TurnState, evolve
from dialog_core.turns.words import same_words

__all__ = [
    "confirmed", "drop", "eager_timer", "note_eager", "reconsider", "start_eagerly",
]  # fmt: skip

Effects = tuple[Effect, ...]


def eager_timer(state: TurnState, event: Event, policy: TurnPolicy, until: float) -> Effects:
    """The wait for an eager reply in a pause. until: when the pause ends the turn; later than that is too late."""
    if not policy.eager:
        return ()
    due = event.at
    if state.end_of_turn is None:
        due = max(due, state.silent_since + policy.eager_after)
    if not may_start(state, policy) or isinstance(event, ev.TurnResumed) or due >= until:
        return (CancelTimer(Timer.EAGER),)
    return (SetTimer(Timer.EAGER, due),)


def may_start(state: TurnState, policy: TurnPolicy) -> bool:
    """Whether there are words for an eager reply, and it is allowed."""
    allowed = policy.eager and state.ending is None and state.eager_starts < policy.eager_most
    return allowed and state.eager is None and bool(state.text)


def start_eagerly(state: TurnState, event: Event, policy: TurnPolicy) -> tuple[TurnState, Effects]:
    """The caller may have finished: begin to make a reply to the words so far, which nobody hears before they have."""
    if not may_start(state, policy):
        return state, ()
    ended = event.at if state.voiced else state.silent_since
    utterance = evolve(state, silent_since=ended).utterance()
    number = state.reply + 1
    state = evolve(
        state, reply=number, eager=Eager(number, utterance), eager_starts=state.eager_starts + 1
    )
    return state, (StartReply(number, utterance, eager=True),)


def reconsider(state: TurnState, event: Event) -> tuple[TurnState, Effects]:
    """Drop an eager reply to a turn that goes on. state: after the notes of the event."""
    if state.eager is None:
        return state, ()
    if isinstance(event, ev.SpeechStarted):
        return drop(state, "the caller went on")
    if isinstance(event, ev.TurnResumed):
        return drop(state, "the recogniser took it back")
    if not same_words(state.eager.utterance.text, state.text):
        return drop(state, "the words changed")
    return state, ()


def drop(state: TurnState, why: str) -> tuple[TurnState, Effects]:
    """Forget the eager reply, if there is one."""
    if state.eager is None:
        return state, ()
    return evolve(state, eager=None), (DropReply(state.eager.reply, why),)


def note_eager(state: TurnState, event: ev.OfAReply) -> tuple[TurnState, Effects]:
    """News of a reply that is not live: of the eager one it is remembered, of any other it is late."""
    eager = state.eager
    if eager is None or event.reply != eager.reply:
        return state, ()
    match event:
        case ev.ReplyFailed():
            return drop(state, "it failed")
        case ev.Shielded(on=on):
            eager = attrs.evolve(eager, shielded=on)
        case ev.AnswerExpected(expecting=expecting):
            eager = attrs.evolve(eager, expecting=expecting)
    return evolve(state, eager=eager), ()


def confirmed(state: TurnState, cause: Cause) -> tuple[TurnState, Effects] | None:
    """The eager reply as the live one, if it answers these words; None if there is none that does."""
    eager = state.eager
    if eager is None or not isinstance(cause, Utterance):
        return None
    if not same_words(eager.utterance.text, cause.text):
        return None
    expecting = ANYTHING if eager.expecting is None else eager.expecting
    state = evolve(state, eager=None, shielded=eager.shielded, expecting=expecting)
    return state, (ConfirmReply(eager.reply, cause),)
