"""A recorded call, stepped through the turn machine again."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from dialog_core.container import new_policy
from dialog_core.factory import Services
from dialog_core.observe.recorder import RecordedStep
from dialog_core.settings import ResolvedAgent
from dialog_core.testing.simulate.plan import CallPlan
from dialog_core.testing.simulate.run import policy_of, quiet_services
from dialog_core.testing.simulate.stories import told_effect, told_event
from dialog_core.testing.simulate.turn_laws import Breach, TurnLaws
from dialog_core.turns.machine import step
from dialog_core.turns.state import TurnPolicy, TurnState

__all__ = ["Replayed", "policy_of_agent", "replay"]

Row = tuple[float, str, str, str, bool]
"""When, the event, the phase after it, what was wanted, and whether the phase is the recorded one."""


@attrs.frozen
class Replayed:
    """What came of it."""

    rows: tuple[Row, ...]
    breaches: tuple[Breach, ...]


def replay(recorded: Sequence[RecordedStep], policy: TurnPolicy | None = None) -> Replayed:
    """Step through a recording. policy: the default one unless given."""
    wanted = policy if policy is not None else policy_of(CallPlan(0))
    laws, state, rows = TurnLaws(wanted.longest_hold, strict_words=False), TurnState(), []
    for taken in recorded:
        state, effects = step(state, taken.event, wanted)
        laws.take(taken.event, state.phase, effects)
        told = "; ".join(told_effect(effect) for effect in effects)
        same = not taken.phase or state.phase.value == taken.phase
        rows.append((taken.event.at, told_event(taken.event), state.phase.value, told, same))
    return Replayed(tuple(rows), tuple(laws.breaches))


def policy_of_agent(agent: ResolvedAgent) -> TurnPolicy:
    """The policy that an agent's calls have."""
    services: Services = quiet_services()
    return new_policy(agent.turns, agent.endpointer.build(services), agent.barge_in.build(services))
