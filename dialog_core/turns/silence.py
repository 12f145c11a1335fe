"""Silences that nobody's words end: a caller who says nothing, and one of whom nothing is understood.

Used by the turn machine's transitions.
"""

from __future__ import annotations

from dialog_core.turns import events as ev
from dialog_core.turns.effects import Apology, EndCall, Keep, Nudge, SetTimer, Unheard
from dialog_core.turns.events import Event, Timer
from dialog_core.turns.floor import Step, begin_reply, close, yield_floor
from dialog_core.turns.records import NothingHeard
from dialog_core.turns.state import TurnPolicy, TurnState, evolve

__all__ = ["ask_again", "nudge"]

SHORTEST_WORD = 0.2
"""Seconds of a voice that may have been a word; nobody answers a shorter one."""
SENTENCE = 0.5
"""Seconds of a voice that was more than a cough: of many in a row something should have been understood."""


def nudge(state: TurnState, event: Event, policy: TurnPolicy) -> Step:
    """Nobody has spoken for a while: ask whether the caller is there; after enough times, end the call."""
    nothing = Keep(NothingHeard(event.at))
    if policy.idle_prompts == 0:
        return state, (nothing, SetTimer(Timer.IDLE, event.at + policy.patience))
    if state.nudges >= policy.idle_prompts:
        return close(state, event, nothing, EndCall("silence"))
    state = evolve(state, nudges=state.nudges + 1)
    return begin_reply(state, event, policy, Nudge(state.nudges), nothing)


def ask_again(state: TurnState, event: Event, policy: TurnPolicy) -> Step:
    """The caller sounded and no word of it came: say so, before all messages; after enough times nobody can help."""
    nothing = Keep(NothingHeard(event.at))
    if state.sounded < SHORTEST_WORD or policy.idle_prompts == 0:
        return yield_floor(state, event, policy, nothing)
    if state.sounded >= SENTENCE:
        state = evolve(state, unheard=state.unheard + 1)
    if state.unheard >= policy.failures:
        why = "nothing of the caller is understood"
        ending = state.ending or ev.EndWanted(event.at, "unheard", policy.give_up)
        state = evolve(state, ending=ending, wanted=(Apology(why), *state.wanted))
        return yield_floor(state, event, policy, nothing)
    return begin_reply(state, event, policy, Unheard(max(1, state.unheard)), nothing)
