"""Words for specifications of the turn machine: given a state, when events come, then what."""

from __future__ import annotations

from dialog_core.messages import Transcript
from dialog_core.policies.barge_in import HardCut, HardCutSettings
from dialog_core.policies.endpointers import Acoustic, AcousticSettings
from dialog_core.turns import effects as ef
from dialog_core.turns import events as ev
from dialog_core.turns.events import Timer
from dialog_core.turns.machine import step
from dialog_core.turns.state import Phase, TurnPolicy, TurnState

__all__ = [
    "POLICY", "endpoint", "final", "hearing", "interim", "overlap", "phases", "run", "speaking",
    "thinking", "watchdog",
]  # fmt: skip

POLICY = TurnPolicy(Acoustic(AcousticSettings(0.5)), HardCut(HardCutSettings(0.3)))


def run(
    *events: ev.Event, given: TurnState | None = None, policy: TurnPolicy = POLICY
) -> tuple[TurnState, list[ef.Effect]]:
    """The state after the events, and the effects of the last."""
    state = given or TurnState()
    effects: tuple[ef.Effect, ...] = ()
    for event in events:
        state, effects = step(state, event, policy)
    return state, list(effects)


def final(text: str, at: float, started: float | None = None) -> Transcript:
    return Transcript(at, text, final=True, started=started)


def interim(text: str, at: float, started: float | None = None) -> Transcript:
    return Transcript(at, text, final=False, started=started)


def endpoint(at: float) -> ev.TimerFired:
    return ev.TimerFired(at, Timer.ENDPOINT)


def watchdog(at: float) -> ev.TimerFired:
    return ev.TimerFired(at, Timer.WATCHDOG)


def hearing(at: float = 1.0) -> TurnState:
    return run(ev.SpeechStarted(at))[0]


def thinking() -> TurnState:
    """Reply 1 is being made to "hello", said from 1.0 to 2.0."""
    return run(
        ev.SpeechStarted(1.0), ev.SpeechStopped(2.0), final("hello", 2.0, 1.0), endpoint(2.5)
    )[0]


def speaking() -> TurnState:
    return run(ev.ReplyAudible(3.0, 1), given=thinking())[0]


def phases(*events: ev.Event, given: TurnState | None = None) -> list[Phase]:
    state, seen = given or TurnState(), []
    for event in events:
        state, _ = step(state, event, POLICY)
        seen.append(state.phase)
    return seen


def overlap() -> TurnState:
    """The caller sounds since 3.5 while reply 1 does."""
    return run(ev.SpeechStarted(3.5), given=speaking())[0]
