"""Eager replies in whole simulated calls: they hold the laws, and the laws notice what is done too early."""

from __future__ import annotations

from collections.abc import AsyncIterator

import attrs

from dialog_core.agent.agent import Agent
from dialog_core.agent.call import Call
from dialog_core.factory import Services
from dialog_core.messages import Utterance
from dialog_core.observe.observations import EagerReply
from dialog_core.protocols import LanguageModel
from dialog_core.testing.line import Played
from dialog_core.testing.simulate import CallPlan, Lived, broken, live, simulate_calls
from dialog_core.testing.simulate.journal import Journal, ToolRun
from dialog_core.testing.simulate.run import OWN_CAST, InSilence
from dialog_core.turns.effects import ConfirmReply
from dialog_core.turns.state import TurnPolicy
from tests.simulate.amounts import CALLS
from tests.simulate.test_calls import POLITE

EAGER = attrs.evolve(POLITE, eager=True)


def live_eagerly(plan: CallPlan) -> Lived:
    return live(attrs.evolve(plan, eager=True))


def laws(lived: Lived) -> set[str]:
    return {breach.law for breach in broken(lived)}


def test_calls_with_eager_replies_hold_every_law() -> None:
    outcomes: list[str] = []

    def lived_by(plan: CallPlan) -> Lived:
        lived = live_eagerly(plan)
        outcomes.extend(seen.missed for seen in lived.observed if isinstance(seen, EagerReply))
        return lived

    report = simulate_calls(range(CALLS // 8), lived_by=lived_by)
    assert not report.failures, str(report)
    assert outcomes.count("") > len(outcomes) / 2
    assert {"the caller went on", "the words changed", "it failed"} <= set(outcomes)


def test_a_reply_that_sounds_before_its_turn_is_complete_is_noticed() -> None:
    lived = live(EAGER)
    assert not laws(lived)
    turn = next(
        at
        for at, step in lived.timed_steps
        for effect in step.effects
        if isinstance(effect, ConfirmReply)
    )
    early = [
        Played(piece.start - 0.5 if piece.start >= turn else piece.start, piece.audio)
        for piece in lived.line.played
    ]
    lived.line.played[:] = early
    assert "replies sound for complete turns" in laws(lived)


@attrs.frozen
class Rash:
    """Uses its tool without waiting for anything."""

    journal: Journal
    greeting: str = "Hello."

    async def reply(self, _turn: Utterance, call: Call) -> AsyncIterator[str]:
        self.journal.ran.append(ToolRun(call.now, "look_up", call.reply))
        yield "Done."


@attrs.frozen
class RashCast:
    def agent(self, _plan: CallPlan, journal: Journal, _services: Services) -> Agent:
        return Rash(journal)

    def llm(self, plan: CallPlan, journal: Journal) -> LanguageModel:
        return OWN_CAST.llm(plan, journal)

    def policy(self, plan: CallPlan, services: Services) -> TurnPolicy:
        return OWN_CAST.policy(plan, services)

    def in_silence(self, plan: CallPlan) -> InSilence:
        return OWN_CAST.in_silence(plan)


def test_a_tool_that_runs_before_its_turn_is_complete_is_noticed() -> None:
    assert "tools run for complete turns" not in laws(live(POLITE, cast=RashCast()))
    assert "tools run for complete turns" in laws(live(EAGER, cast=RashCast()))
