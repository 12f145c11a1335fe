"""The floor: who gets it next, and what entering a phase entails. Used by the turn machine's transitions."""

from __future__ import annotations

from dialog_core.messages import Utterance
from dialog_core.turns.eager import confirmed, drop, eager_timer
from dialog_core.turns.effects import (
    AskEndpointer,
    CancelTimer,
    Cause,
    Effect,
    EndCall,
    Keep,
    SetTimer,
    StartReply,
)
from dialog_core.turns.events import Event, ReplyWanted, Timer
from dialog_core.turns.expectation import ANYTHING
from dialog_core.turns.policy import Abstain, Ask, Done, Judgement, Pause
from dialog_core.turns.records import TurnComplete
from dialog_core.turns.state import OPEN, TIMERS, Phase, TurnPolicy, TurnState, evolve

__all__ = [
    "Step",
    "begin_reply",
    "close",
    "end_reply",
    "hear",
    "is_free",
    "pause_at",
    "start_endpointing",
    "to",
    "wordless_until",
    "yield_floor",
]

Step = tuple[TurnState, tuple[Effect, ...]]


def to(state: TurnState, phase: Phase, *effects: Effect) -> Step:
    """Enter a phase, dropping what it has no use for: timers, and an eager reply to a turn that is not open."""
    if state.eager is not None and phase not in OPEN:
        state, dropped = drop(state, "its turn was not answered")
        effects = (*dropped, *effects)
    if phase is Phase.IDLE and state.eager_starts:
        state = evolve(state, eager_starts=0)
    stale = TIMERS[state.phase] - TIMERS[phase]
    cancelled = tuple([CancelTimer(timer) for timer in Timer if timer in stale]) if stale else ()
    changed = state if state.phase is phase else evolve(state, phase=phase)
    return changed, (*cancelled, *effects)


def is_free(state: TurnState) -> bool:
    """Whether nobody wants the floor."""
    return not (state.voiced or state.text or state.wanted or state.ending)


def yield_floor(state: TurnState, event: Event, policy: TurnPolicy, *effects: Effect) -> Step:
    """Give the floor to whom it belongs: the caller, their waiting words, a wanted reply, or nobody."""
    if state.ending is not None and not state.wanted:
        return close(state, event, *effects, EndCall(state.ending.reason, state.ending.transfer))
    if state.ending is None:
        if state.voiced:
            return hear(state, event, policy, *effects)
        if state.text:
            return start_endpointing(state, event, policy, *effects)
    if state.wanted:
        cause, *rest = state.wanted
        return begin_reply(evolve(state, wanted=tuple(rest)), event, policy, cause, *effects)
    return to(state, Phase.IDLE, *effects, SetTimer(Timer.IDLE, event.at + policy.patience))


def hear(state: TurnState, event: Event, policy: TurnPolicy, *effects: Effect) -> Step:
    """The caller has the floor; a turn that does not end by itself is ended by the watchdog."""
    due = event.at + policy.watchdog
    if state.text:
        due = max(event.at, min(due, state.started + policy.longest_turn))
    return to(state, Phase.HEARING, *effects, SetTimer(Timer.WATCHDOG, due))


def close(state: TurnState, event: Event, *effects: Effect) -> Step:
    """The call is over. Words that nobody will answer are still kept."""
    last: tuple[Effect, ...] = ()
    if state.text:
        last = (Keep(TurnComplete(event.at, state.utterance())),)
        state = evolve(state, words=(), interim=None, taken=state.interim or state.taken)
    state = evolve(state, wanted=(), cause=None, held_since=None, voiced=False)
    return to(state, Phase.CLOSED, *last, *effects)


def start_endpointing(state: TurnState, event: Event, policy: TurnPolicy, *effects: Effect) -> Step:
    """The caller fell silent: ask the endpointer how long to wait, counted from the last voiced sample."""
    pause = pause_at(state, max(0.0, event.at - state.silent_since))
    verdict = policy.endpointer.judge(pause)
    if state.is_rambling(event.at, policy.longest_turn):
        verdict = Done("the turn has lasted long enough")
    state = evolve(
        state, settling=False, question=state.question + 1,
        judged=Judgement(event.at, pause, verdict),
    )  # fmt: skip
    match verdict:
        case Done():
            due = event.at
        case Ask(seconds=seconds):
            due = state.silent_since + seconds
            effects = (*effects, AskEndpointer(state.question, pause))
        case Abstain(at_most=seconds):
            due = state.silent_since + seconds
        case wait:
            due = state.silent_since + wait.seconds
    if not state.text:
        due = min(due, wordless_until(state, policy))
    eagerly = eager_timer(state, event, policy, due)
    return to(state, Phase.ENDPOINTING, *effects, *eagerly, SetTimer(Timer.ENDPOINT, due))


def wordless_until(state: TurnState, policy: TurnPolicy) -> float:
    """When a silence without words is to end: words may come late, but the caller does not wait for ever."""
    return state.silent_since + min(policy.max_silence, policy.dead_air)


def pause_at(state: TurnState, silent: float) -> Pause:
    """The present pause, as an endpointer is asked about it. silent: seconds so far."""
    return Pause(
        silent, state.text, state.interim is None, state.end_of_turn, state.previous,
        state.silent_since, state.expecting, state.rhythm,
    )  # fmt: skip


def begin_reply(
    state: TurnState, event: Event, policy: TurnPolicy, cause: Cause, *effects: Effect
) -> Step:
    """Start a reply, or confirm the one that was started eagerly; and start the clock on its first audio."""
    state = evolve(
        state, cause=cause, heard="", held_since=None, shielded=False, sounded=0.0,
        previous=state.heard or state.previous,
    )  # fmt: skip
    if isinstance(cause, Utterance):
        state = evolve(state, expected=state.expecting, expecting=ANYTHING)
    elif isinstance(cause, ReplyWanted) and cause.expecting is not None:
        state = evolve(state, expecting=cause.expecting)
    deadline = SetTimer(Timer.WATCHDOG, event.at + policy.first_audio)
    if (begun := confirmed(state, cause)) is not None:
        state, confirm = begun
        return to(state, Phase.THINKING, *effects, *confirm, deadline)
    state = evolve(state, reply=state.reply + 1)
    return to(state, Phase.THINKING, *effects, StartReply(state.reply, cause), deadline)


def end_reply(state: TurnState) -> TurnState:
    """No reply is live any more."""
    return evolve(state, cause=None, held_since=None, shielded=False, eager_starts=0, sounded=0.0)
