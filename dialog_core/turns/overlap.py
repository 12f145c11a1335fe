"""Both sound at once: what it means, as the plugged-in barge-in policy judges it. Used by the turn machine."""

from __future__ import annotations

import math

from dialog_core.messages import Transcript
from dialog_core.turns.effects import (
    CancelTimer,
    DuckReply,
    Effect,
    HoldReply,
    Keep,
    ResumeReply,
    SetTimer,
    StopReply,
)
from dialog_core.turns.events import Event, Timer
from dialog_core.turns.floor import Step, end_reply, hear, to, yield_floor
from dialog_core.turns.policy import (
    Continue,
    Cut,
    Doubt,
    Duck,
    Hold,
    Ignore,
    Judgement,
    Overlap,
)
from dialog_core.turns.records import Backchannel, BargeIn
from dialog_core.turns.state import Phase, TurnPolicy, TurnState, evolve
from dialog_core.turns.words import beginning, spoken_until

__all__ = ["judge_overlap", "leave_overlap"]


def judge_overlap(state: TurnState, event: Event, policy: TurnPolicy) -> Step:
    """The caller sounds, or is understood, while we speak: ask the barge-in policy what it means."""
    if state.protected or policy.forbids_interrupting(state.cause):
        return state, ()
    overlap = Overlap(
        voiced=max(0.0, round(voiced_seconds(state, event), 6)),
        sounding=state.voiced,
        text=state.text,
        probability=state.probability,
        ducked=state.held_since is not None,
        heard=state.heard,
        expecting=state.expecting,
    )
    decision = policy.barge_in.judge(overlap)
    if state.held_since is not None and event.at >= state.held_since + policy.longest_hold:
        reason = "the reply was held for as long as it may be"
        decision = Cut(reason) if state.voiced else Continue(reason=reason)
    state = evolve(state, judged=Judgement(event.at, overlap, decision))
    match decision:
        case Cut():
            return barge_in(state, event, policy)
        case Continue(again=again) | Doubt(again=again):
            return speak_on(state, event, again)
        case Ignore():
            return ignore_words(state, event)
        case Duck(again=again, fade=fade):
            return hold(state, event, policy, DuckReply(state.reply, fade), again)
        case Hold(again=again):
            return hold(state, event, policy, HoldReply(state.reply), again)


def hold(state: TurnState, event: Event, policy: TurnPolicy, how: Effect, again: float) -> Step:
    """Let the reply wait, for a bounded time, until it is clear what the caller wants."""
    held = state.held_since is not None
    since = state.held_since if state.held_since is not None else event.at
    due, longest = state.sounding_since + again, since + policy.longest_hold
    timer = SetTimer(Timer.OVERLAP, min(due, longest) if due > event.at else longest)
    state = evolve(state, held_since=since)
    return to(state, Phase.OVERLAP, *(() if held else (how,)), timer)


def ignore_words(state: TurnState, event: Event) -> Step:
    """A backchannel: nobody answers the words, but they are recorded; the reply goes on."""
    if not state.text:
        return speak_on(state, event, None)
    backchannel = Backchannel(event.at, state.reply, state.utterance())
    state = evolve(state, words=(), taken=state.interim or state.taken, interim=None)
    stepped, effects = speak_on(state, event, None)
    return stepped, (Keep(backchannel), *effects)


def voiced_seconds(state: TurnState, event: Event) -> float:
    """How long the caller has sounded. Words tell only of a voice that the detector did not notice.

    Words come after the sound that they tell of: a reply that is held already has been sounded over for as long as that
    took, whatever the words' own time.
    """
    if state.voiced:
        now = event.at if state.held_since is None else max(event.at, state.held_since)
        return now - state.sounding_since
    if isinstance(event, Transcript):
        begun = beginning(event)
        begun = begun if math.isfinite(begun) else event.at
        if begun > state.sounding_until:
            return spoken_until(event) - begun
    return state.sounding_until - state.sounding_since


def speak_on(state: TurnState, event: Event, again: float | None) -> Step:
    """It was no interruption, at least not yet: go on, from where the caller stopped hearing us."""
    resume: tuple[Effect, ...] = ()
    if state.held_since is not None:
        resume = (ResumeReply(state.reply),)
        state = evolve(state, held_since=None)
    if not state.voiced:
        return to(state, Phase.SPEAKING, *resume)
    if again is not None and state.sounding_since + again > event.at:
        timer: Effect = SetTimer(Timer.OVERLAP, state.sounding_since + again)
    else:
        timer = CancelTimer(Timer.OVERLAP)
    return to(state, Phase.OVERLAP, *resume, timer)


def barge_in(state: TurnState, event: Event, policy: TurnPolicy) -> Step:
    """The caller takes the floor."""
    cut = (StopReply(state.reply), Keep(BargeIn(event.at, state.reply, state.heard)))
    state = end_reply(state)
    if state.voiced:
        return hear(state, event, policy, *cut)
    return yield_floor(state, event, policy, *cut)


def leave_overlap(state: TurnState, event: Event) -> Step:
    """Nothing may interrupt us any more: go on, and let the caller sound."""
    if state.phase is not Phase.OVERLAP:
        return state, ()
    stepped, effects = speak_on(evolve(state, voiced=False), event, None)
    return evolve(stepped, voiced=state.voiced), effects
