"""What the turn machine keeps true in every phase, whatever the phase makes of an event."""

from __future__ import annotations

from dialog_core.messages import Transcript, Utterance
from dialog_core.turns import events as ev
from dialog_core.turns.effects import Apology
from dialog_core.turns.events import Event
from dialog_core.turns.rhythm import Rhythm
from dialog_core.turns.state import WANTED_LIMIT, Phase, TurnState, evolve
from dialog_core.turns.words import sift, spoken_until

__all__ = ["note"]


def note(state: TurnState, event: Event) -> TurnState:  # noqa: PLR0912 - one case an event
    """Remember what an event says, whatever the phase makes of it."""
    match event:
        case ev.SpeechStarted(at=at, probability=probability):
            started = state.started if state.text else at
            return evolve(
                state, voiced=True, sounding_since=at, started=started, probability=probability,
                end_of_turn=None, settling=False, nudges=0, rhythm=rhythm_at(state, at),
            )  # fmt: skip
        case ev.SpeechStopped(at=at):
            sounded = max(state.sounded, at - state.sounding_since)
            return evolve(state, voiced=False, silent_since=at, sounding_until=at, sounded=sounded)
        case Transcript():
            return note_words(state, event)
        case ev.EndOfTurn(sure=sure):
            return evolve(state, end_of_turn=sure)
        case ev.TurnResumed():
            return evolve(state, end_of_turn=None)
        case ev.ReplyWanted() if len(state.wanted) < WANTED_LIMIT:
            return evolve(state, wanted=(*state.wanted, event))
        case ev.ReplyWithdrawn(ticket=ticket):
            left = (cause for cause in state.wanted if getattr(cause, "ticket", None) != ticket)
            return evolve(state, wanted=tuple(left))
        case ev.AnswerExpected(expecting=expecting):
            return evolve(state, expecting=expecting)
        case ev.Shielded(on=on):
            return evolve(state, shielded=on)
        case ev.EndWanted() if state.ending is None:
            return evolve(state, ending=event)
        case ev.ListenerFailed(at=at, error=error):
            ending = state.ending or ev.EndWanted(at, "listener failed")
            return evolve(state, ending=ending, wanted=(Apology(error), *state.wanted))
        case ev.MarkReached(text=text):
            return evolve(state, heard=f"{state.heard} {text.strip()}".strip())
        case ev.Keypress():
            return evolve(state, nudges=0, unheard=0)
        case _:
            return state


def rhythm_at(state: TurnState, at: float) -> Rhythm:
    """The caller's rhythm when they sound again: a pause was within a turn if it is not answered audibly yet."""
    open_ = bool(state.text) and state.phase is Phase.ENDPOINTING
    taken = state.phase is Phase.THINKING and isinstance(state.cause, Utterance)
    return state.rhythm.with_pause(at - state.silent_since) if open_ or taken else state.rhythm


def was_unnoticed(state: TurnState, event: Transcript) -> bool:
    """Whether the words tell of a voice after the last voiced sample, too soft for the voice detector.

    A recogniser's span may end in silence, so what began in a sound that was noticed ended with it: only a word that
    began later moves the anchor of all waits. A word that was told of before is no later than that, whatever its times.
    """
    if event.words:
        last, told = event.words[-1], state.interim
        early = 0.0
        if told is not None and len(told.text.split()) >= len(event.text.split()):
            early = max(0.0, last.end - told.at)
        return last.start - early >= state.sounding_until
    if event.started is not None:
        return event.started >= state.sounding_until
    noticed = state.phase is Phase.ENDPOINTING and state.silent_since == state.sounding_until
    return not noticed


def note_words(state: TurnState, event: Transcript) -> TurnState:
    """Collect settled words, replace interim ones, drop what was answered already."""
    taken, fresh = sift(state.taken, event)
    if fresh is None:
        interim = None if event.final else state.interim
        return evolve(state, taken=taken, interim=interim)
    started, silent_since = state.started, state.silent_since
    if not state.voiced:
        if was_unnoticed(state, event):
            silent_since = max(silent_since, spoken_until(event))
        if not state.text and state.phase is not Phase.ENDPOINTING:  # there it is the sound's start
            started = event.at if event.started is None else event.started
    words = (*state.words, fresh) if event.final else state.words
    return evolve(
        state, taken=taken, words=words, interim=None if event.final else fresh,
        started=started, silent_since=silent_since, nudges=0, unheard=0, sounded=0.0,
    )  # fmt: skip
