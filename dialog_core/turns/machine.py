"""The turn-taking machine: who has the floor, and what is to be done about it.

Theory. A call is in one of seven phases (:class:`~dialog_core.turns.state.Phase`). An event and the state decide the
next state and a few effects; nothing else does. :func:`step` is pure and total: no clock, no I/O, and every pair of
phase and event has an answer, if only "nothing changes"::

                 SpeechStarted            SpeechStopped              ENDPOINT timer, words
        IDLE ------------------> HEARING ----------------> ENDPOINTING -------------------> THINKING
         ^  ^                       ^  ^    SpeechStarted      |                             |    |
         |  |                       |  '-----------------------'        SpeechStarted        |    |
         |  |                       '-----------------------------------(take back)----------'    |
         |  |       ReplyPlayed               SpeechStarted                                       | ReplyAudible
         |  '-------------------- SPEAKING ------------------> OVERLAP --(cut)--> HEARING         |
         |                         ^    ^   <-----------------    |                               |
         |                         |    '------(continue)---------'                               |
         |                         '--------------------------------------------------------------'
         '--- the floor falls to the caller if they sound, to their waiting words, to a wanted reply, else to nobody

Rules that stand before the table: an event of a reply that is not the live one is late and ignored; `voiced`, the
waiting words, the wanted replies and the wish to end are kept true in every phase
(:mod:`~dialog_core.turns.notes`); an eager reply is dropped when its turn goes on
(:mod:`~dialog_core.turns.eager`). `at` is when something happened in the call, so a timer counted from it may be due
already and then fires at once: the time it took to notice a silence is not added to the silence that we wait for.

The plugged-in endpointer and barge-in policy are asked here, as values, so they can hold no timer, lock or socket.
Words settled after they were answered (:mod:`~dialog_core.turns.words`) are dropped; words that belong to the turn
being answered, and come before the answer sounds, take the reply back and are answered with the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from dialog_core.messages import Transcript, Utterance
from dialog_core.turns import events as ev
from dialog_core.turns.eager import note_eager, reconsider, start_eagerly
from dialog_core.turns.effects import (
    Apology,
    Effect,
    EndCall,
    Keep,
    SetTimer,
    StopReply,
)
from dialog_core.turns.events import Event, Timer
from dialog_core.turns.floor import (
    Step,
    begin_reply,
    close,
    end_reply,
    hear,
    is_free,
    pause_at,
    start_endpointing,
    to,
    wordless_until,
    yield_floor,
)
from dialog_core.turns.notes import note
from dialog_core.turns.overlap import judge_overlap, leave_overlap
from dialog_core.turns.policy import Done
from dialog_core.turns.records import (
    BrokenOff,
    NothingHeard,
    Said,
    TakenBack,
    TurnComplete,
)
from dialog_core.turns.silence import ask_again, nudge
from dialog_core.turns.state import LIVE, Phase, TurnPolicy, TurnState, evolve

__all__ = ["OF_A_REPLY", "TRANSITIONS", "step"]

OF_A_REPLY = (
    ev.ReplyAudible, ev.MarkReached, ev.ReplyPlayed, ev.ReplyFailed, ev.Shielded, ev.DeadAir,
    ev.AnswerExpected,
)  # fmt: skip


def step(state: TurnState, event: Event, policy: TurnPolicy) -> Step:
    """Decide what an event means. Pure: same arguments, same answer."""
    if isinstance(event, OF_A_REPLY) and is_late(state, event):
        return note_eager(state, event)
    if state.phase is Phase.CLOSED and not isinstance(event, ev.EndFailed):
        return state, ()
    noted, dropped = reconsider(note(state, event), event)
    handler = TRANSITIONS.get((state.phase, type(event)))
    stepped, effects = handler(noted, event, policy) if handler else (noted, ())
    return stepped, (*dropped, *effects)


def is_late(state: TurnState, event: ev.OfAReply) -> bool:
    """Whether an event tells of a reply that is not live any more."""
    outside = isinstance(event, ev.AnswerExpected) and event.reply == 0
    return not outside and (event.reply != state.reply or state.phase not in LIVE)


# --- the caller's turn ----------------------------------------------------------------------------------------------


def heed_judgement(state: TurnState, event: ev.EndpointJudged, _policy: TurnPolicy) -> Step:
    """The endpointer has thought: its wait replaces the one that stood in for it."""
    if event.question != state.question:
        return state, ()
    return state, (SetTimer(Timer.ENDPOINT, state.silent_since + event.wait),)


def heed_recogniser(state: TurnState, event: ev.EndOfTurn, policy: TurnPolicy) -> Step:
    """The recogniser says the turn is over while the line still seems voiced: believe it if the endpointer does.

    What nobody is sure of may still be worth an eager reply.
    """
    if not event.sure or not state.text or policy.endpointer.judge(pause_at(state, 0.0)) != Done():
        return start_eagerly(state, event, policy)
    state = evolve(state, voiced=False, silent_since=event.at)
    return to(state, Phase.ENDPOINTING, SetTimer(Timer.ENDPOINT, event.at))


def complete_turn(state: TurnState, event: Event, policy: TurnPolicy) -> Step:
    """Silence lasted: the caller's words become a turn, unless there are none yet.

    Interim ones are given time to settle, but not where the caller has waited for words as long as may be.
    """
    if not state.text:
        longest = wordless_until(state, policy)
        if event.at < longest:
            return state, (SetTimer(Timer.ENDPOINT, longest),)
        return ask_again(state, event, policy)
    lasting = event.at < wordless_until(state, policy)
    if state.interim is not None and not state.settling and lasting:
        settle = SetTimer(Timer.ENDPOINT, event.at + policy.settle)
        return evolve(state, settling=True), (settle,)
    return answer(state, event, policy)


def answer(state: TurnState, event: Event, policy: TurnPolicy) -> Step:
    """Make a reply to the waiting words."""
    utterance = state.utterance()
    state = evolve(
        state, words=(), taken=state.interim or state.taken, interim=None,
        settling=False, end_of_turn=None,
    )  # fmt: skip
    return begin_reply(state, event, policy, utterance, Keep(TurnComplete(event.at, utterance)))


def end_stuck_turn(state: TurnState, event: Event, policy: TurnPolicy) -> Step:
    """The caller seems to sound without end (noise, or a lost silence): take what words there are."""
    state = evolve(state, voiced=False, silent_since=event.at)
    if state.text:
        return answer(state, event, policy)
    return yield_floor(state, event, policy, Keep(NothingHeard(event.at)))


# --- our turn -------------------------------------------------------------------------------------------------------


def reopen(state: TurnState, event: Event) -> tuple[TurnState, tuple[Effect, ...]]:
    """Drop a reply that nobody has heard; the words it answered wait again."""
    effects = (StopReply(state.reply), Keep(TakenBack(event.at, state.reply)))
    assert isinstance(state.cause, Utterance)
    words = (*(attrs.evolve(word, final=True) for word in state.cause.transcripts), *state.words)
    state = evolve(state, words=words, started=state.cause.started, cause=None)
    return evolve(state, expecting=state.expected), effects


def take_back(state: TurnState, event: Event, policy: TurnPolicy) -> Step:
    """The caller goes on before we sound: their turn is not over. A reply that answers no words goes on."""
    if not isinstance(state.cause, Utterance) or state.protected:
        return state, ()
    state, effects = reopen(state, event)
    return hear(state, event, policy, *effects)


def take_back_for_words(state: TurnState, event: Transcript, policy: TurnPolicy) -> Step:
    """Words of the turn being answered come late: answer them with the rest."""
    cause = state.cause
    begun = event.at if event.started is None else event.started
    late = isinstance(cause, Utterance) and begun <= cause.ended
    if not (late and event.final and state.words) or state.protected:
        return state, ()
    state, effects = reopen(state, event)
    return start_endpointing(state, event, policy, *effects)


def begin_to_sound(state: TurnState, event: Event, policy: TurnPolicy) -> Step:
    """The reply is audible; if the caller is sounding too, that is an overlap from the start."""
    stepped, effects = to(
        state, Phase.SPEAKING, SetTimer(Timer.WATCHDOG, event.at + policy.watchdog)
    )
    if not state.voiced:
        return stepped, effects
    overlapped, more = judge_overlap(stepped, event, policy)
    return overlapped, (*effects, *more)


def hear_mark(state: TurnState, event: Event, policy: TurnPolicy) -> Step:
    """Playback makes progress: the watchdog starts anew."""
    return state, (SetTimer(Timer.WATCHDOG, event.at + policy.watchdog),)


def finish_reply(state: TurnState, event: ev.ReplyPlayed, policy: TurnPolicy) -> Step:
    """The reply was heard to its end. A voice that outlasted it may have words that are still to come."""
    said = Keep(Said(event.at, state.reply, state.heard))
    failures = state.failures if isinstance(state.cause, Apology) else 0
    over = evolve(end_reply(state), failures=failures)
    outlasted = state.sounded and state.sounding_until > event.ended
    if outlasted and is_free(over):
        return start_endpointing(evolve(over, sounded=state.sounded), event, policy, said)
    return yield_floor(over, event, policy, said)


def break_off(state: TurnState, event: Event, policy: TurnPolicy, error: str) -> Step:
    """The reply cannot go on: apologise without needing a provider, and after too many failures end the call.

    Words that wait are answered after the apology: it sounds at once, and their answer may take as long again.
    """
    broken = (
        StopReply(state.reply),
        Keep(BrokenOff(event.at, state.reply, state.heard, error)),
    )
    apologising = isinstance(state.cause, Apology)
    state = evolve(end_reply(state), failures=state.failures + 1)
    if state.failures >= policy.failures:
        return close(state, event, *broken, EndCall("failed", policy.give_up))
    if not apologising and not state.voiced:
        return begin_reply(state, event, policy, Apology(error), *broken)
    if not apologising:
        state = evolve(state, wanted=(Apology(error), *state.wanted))
    return yield_floor(state, event, policy, *broken)


def withdraw(state: TurnState, event: ev.ReplyWithdrawn, policy: TurnPolicy) -> Step:
    """The application takes back the message that is live; one that waits has left already."""
    if getattr(state.cause, "ticket", None) != event.ticket:
        return state, ()
    broken = Keep(BrokenOff(event.at, state.reply, state.heard, "withdrawn"))
    return yield_floor(end_reply(state), event, policy, StopReply(state.reply), broken)


def heed_shield(state: TurnState, event: ev.Shielded, policy: TurnPolicy) -> Step:
    """A shield that goes up ends a suspicion; when it comes down, a caller who sounds may interrupt."""
    if event.on:
        return leave_overlap(state, event)
    return judge_overlap(state, event, policy) if state.voiced else (state, ())


def fail_reply(state: TurnState, event: ev.ReplyFailed, policy: TurnPolicy) -> Step:
    """A provider failed for good."""
    return break_off(state, event, policy, event.error)


def end_dead_air(state: TurnState, event: ev.DeadAir, policy: TurnPolicy) -> Step:
    """Neither retries nor other providers made it sound in time: the apology needs none of them."""
    return break_off(state, event, policy, "nothing sounded for too long")


def end_stuck_reply(state: TurnState, event: Event, policy: TurnPolicy) -> Step:
    """Nothing of the reply was heard of for too long."""
    return break_off(state, event, policy, "nothing was heard of the reply in time")


# --- the end --------------------------------------------------------------------------------------------------------


def want_end(state: TurnState, event: ev.EndWanted, policy: TurnPolicy) -> Step:
    """End now if nothing is left to be heard; else a live reply, and wanted ones, are heard first.

    From now on nothing interrupts us: a goodbye is not cut by the caller's own.
    """
    if state.phase in LIVE:
        if event.now:
            return end_now(state, event)
        return leave_overlap(state, event)
    if event.now:
        state = evolve(state, wanted=())
    return yield_floor(state, event, policy)


def end_now(state: TurnState, event: ev.EndWanted) -> Step:
    """End although a reply is live."""
    stop = (
        StopReply(state.reply),
        Keep(BrokenOff(event.at, state.reply, state.heard, event.reason)),
    )
    return close(state, event, *stop, EndCall(event.reason, event.transfer))


def go_on(state: TurnState, event: ev.EndFailed, policy: TurnPolicy) -> Step:
    """The call could not be ended as wanted: say so, and go on; who had been given up is told, and let go."""
    given_up = state.failures >= policy.failures
    ending = ev.EndWanted(event.at, "failed") if given_up else None
    state = evolve(state, ending=ending, wanted=(Apology(event.error),))
    return yield_floor(state, event, policy)


def lose_listener(state: TurnState, event: Event, policy: TurnPolicy) -> Step:
    """Nobody hears the caller any more: apologise and end, after what is being said."""
    if state.phase in LIVE:
        return leave_overlap(state, event)
    return yield_floor(state, event, policy)


def hang_up(state: TurnState, event: ev.HungUp, _policy: TurnPolicy) -> Step:
    """The line is gone: close every account."""
    effects: tuple[Effect, ...] = ()
    if state.phase in LIVE:
        broken = BrokenOff(event.at, state.reply, state.heard, event.reason)
        effects = (StopReply(state.reply), Keep(broken))
    return close(state, event, *effects)


def be_patient(state: TurnState, event: Event, policy: TurnPolicy) -> Step:
    """A key was pressed: the caller is there."""
    return state, (SetTimer(Timer.IDLE, event.at + policy.patience),)


Transition = Callable[[TurnState, Any, TurnPolicy], Step]


def on(timer: Timer, act: Transition) -> Transition:
    """The transition for one timer; another one is stale and changes nothing."""
    return lambda state, event, policy: (
        act(state, event, policy) if event.timer is timer else (state, ())
    )


def on_pause_timer(state: TurnState, event: ev.TimerFired, policy: TurnPolicy) -> Step:
    """ENDPOINTING has two timers: one completes the turn if it has words, the other begins an eager reply."""
    act = start_eagerly if event.timer is Timer.EAGER else complete_turn
    return act(state, event, policy)


def on_overlap_timer(state: TurnState, event: ev.TimerFired, policy: TurnPolicy) -> Step:
    """OVERLAP has two timers: the policy's and the watchdog."""
    act = judge_overlap if event.timer is Timer.OVERLAP else end_stuck_reply
    return act(state, event, policy)


TRANSITIONS: dict[tuple[Phase, type], Transition] = {
    (Phase.IDLE, ev.SpeechStarted): hear,
    (Phase.IDLE, Transcript): yield_floor,
    (Phase.IDLE, ev.TimerFired): on(Timer.IDLE, nudge),
    (Phase.IDLE, ev.ReplyWanted): yield_floor,
    (Phase.IDLE, ev.Keypress): be_patient,
    (Phase.HEARING, ev.SpeechStopped): start_endpointing,
    (Phase.HEARING, ev.EndOfTurn): heed_recogniser,
    (Phase.HEARING, ev.TimerFired): on(Timer.WATCHDOG, end_stuck_turn),
    (Phase.ENDPOINTING, ev.SpeechStarted): hear,
    (Phase.ENDPOINTING, ev.SpeechStopped): start_endpointing,
    (Phase.ENDPOINTING, Transcript): start_endpointing,
    (Phase.ENDPOINTING, ev.EndOfTurn): start_endpointing,
    (Phase.ENDPOINTING, ev.TurnResumed): start_endpointing,
    (Phase.ENDPOINTING, ev.EndpointJudged): heed_judgement,
    (Phase.ENDPOINTING, ev.TimerFired): on_pause_timer,
    (Phase.THINKING, ev.SpeechStarted): take_back,
    (Phase.THINKING, Transcript): take_back_for_words,
    (Phase.THINKING, ev.TimerFired): on(Timer.WATCHDOG, end_stuck_reply),
    (Phase.THINKING, ev.ReplyAudible): begin_to_sound,
    (Phase.THINKING, ev.ReplyPlayed): finish_reply,
    (Phase.THINKING, ev.ReplyFailed): fail_reply,
    (Phase.SPEAKING, ev.SpeechStarted): judge_overlap,
    (Phase.SPEAKING, Transcript): judge_overlap,
    (Phase.SPEAKING, ev.TimerFired): on(Timer.WATCHDOG, end_stuck_reply),
    (Phase.SPEAKING, ev.MarkReached): hear_mark,
    (Phase.SPEAKING, ev.ReplyPlayed): finish_reply,
    (Phase.SPEAKING, ev.ReplyFailed): fail_reply,
    (Phase.OVERLAP, ev.SpeechStarted): judge_overlap,
    (Phase.OVERLAP, ev.SpeechStopped): judge_overlap,
    (Phase.OVERLAP, Transcript): judge_overlap,
    (Phase.OVERLAP, ev.TimerFired): on_overlap_timer,
    (Phase.OVERLAP, ev.MarkReached): hear_mark,
    (Phase.OVERLAP, ev.ReplyPlayed): finish_reply,
    (Phase.OVERLAP, ev.ReplyFailed): fail_reply,
    (Phase.THINKING, ev.DeadAir): end_dead_air,
    (Phase.SPEAKING, ev.DeadAir): end_dead_air,
    (Phase.CLOSED, ev.EndFailed): go_on,
    (Phase.THINKING, ev.ReplyWithdrawn): withdraw,
    (Phase.SPEAKING, ev.ReplyWithdrawn): withdraw,
    (Phase.OVERLAP, ev.ReplyWithdrawn): withdraw,
    (Phase.SPEAKING, ev.Shielded): heed_shield,
    (Phase.OVERLAP, ev.Shielded): heed_shield,
    **{(phase, ev.EndWanted): want_end for phase in Phase if phase is not Phase.CLOSED},
    **{(phase, ev.ListenerFailed): lose_listener for phase in Phase if phase is not Phase.CLOSED},
    **{(phase, ev.HungUp): hang_up for phase in Phase if phase is not Phase.CLOSED},
}
"""The table. A pair that is not in it changes nothing but what the notes keep; a test lists those on purpose."""
