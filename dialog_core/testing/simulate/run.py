"""One simulated call, through the real runner, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeVar

import anyio
import attrs
import httpx

from dialog_core.agent.agent import Agent
from dialog_core.call.clock import SystemClock
from dialog_core.call.runner import CallParts, CallRun, run_until_over
from dialog_core.cascade.ready_made import HOLD_MARGIN, Holding, ReadyMade
from dialog_core.errors import LocalProtocolError
from dialog_core.factory import Services, Shared
from dialog_core.net.shared import SharedResources
from dialog_core.net.websocket import open_websocket
from dialog_core.observe.observations import Observation, StepTaken
from dialog_core.protocols import LanguageModel
from dialog_core.testing.simulate.agent import SimulatedAgent
from dialog_core.testing.simulate.caller import SimulatedCaller
from dialog_core.testing.simulate.ears import SimulatedEngine
from dialog_core.testing.simulate.hearing import SimulatedStt
from dialog_core.testing.simulate.journal import Journal
from dialog_core.testing.simulate.line import SimulatedLine
from dialog_core.testing.simulate.loop import run_virtual
from dialog_core.testing.simulate.plan import CallPlan
from dialog_core.testing.simulate.policies import new_barge_in, new_endpointer
from dialog_core.testing.simulate.sound import WordSound
from dialog_core.testing.simulate.speaking import SimulatedTts
from dialog_core.testing.simulate.thinking import SimulatedLlm
from dialog_core.turns.effects import Keep
from dialog_core.turns.gate import GateSettings
from dialog_core.turns.records import Record
from dialog_core.turns.state import TurnPolicy

__all__ = [
    "HOLDING",
    "LONGEST_CALL",
    "Cast",
    "InSilence",
    "Lived",
    "live",
    "policy_of",
    "quiet_services",
]

T = TypeVar("T")

LONGEST_CALL = 600.0
"""Seconds after which a call that has not ended never will."""
SORRY = "Sorry, something went wrong."
UNHEARD = "Excuse me?"
HOLDING = ("Bear with us.", "Nearly there now.")
"""Words that no answer has: they are found again in what was heard."""


@attrs.frozen(eq=False)
class Lived:
    """A call that was lived through, and all that is known of it."""

    plan: CallPlan
    policy: TurnPolicy
    journal: Journal
    line: SimulatedLine
    tts: SimulatedTts
    run: CallRun
    observed: tuple[Observation, ...]
    seen_at: tuple[float, ...]
    """When each observation was made; what it tells of may lie before, since speech has the time of its audio."""
    ended: float | None
    """When everything of the call was closed; None if it never was."""
    left: tuple[str, ...]
    """Tasks that outlived it."""

    @property
    def steps(self) -> tuple[StepTaken, ...]:
        """What the turn machine did."""
        return tuple(seen for seen in self.observed if isinstance(seen, StepTaken))

    @property
    def timed_steps(self) -> Iterator[tuple[float, StepTaken]]:
        """What the turn machine did, and when it did so."""
        for at, seen in zip(self.seen_at, self.observed, strict=True):
            if isinstance(seen, StepTaken):
                yield at, seen

    @property
    def records(self) -> tuple[Record, ...]:
        """What became true, in order."""
        return tuple(
            effect.record
            for step in self.steps
            for effect in step.effects
            if isinstance(effect, Keep)
        )


class Cast(Protocol):
    """Who answers in a call."""

    def agent(self, plan: CallPlan, journal: Journal, services: Services) -> Agent:
        """The agent."""
        ...

    def llm(self, plan: CallPlan, journal: Journal) -> LanguageModel:
        """Its language model."""
        ...

    def policy(self, plan: CallPlan, services: Services) -> TurnPolicy:
        """When it takes its turns."""
        ...

    def in_silence(self, plan: CallPlan) -> InSilence:
        """What is said in silences that are the agent's."""
        ...


@attrs.frozen
class InSilence:
    """Sentences for silences that are the agent's."""

    holding: tuple[str, ...] = ()
    unheard: str = ""
    after: float = 2.5
    """Seconds of silence before a hold phrase."""

    def spoken(self, policy: TurnPolicy, sound: WordSound) -> Holding:
        """With their audio, whose words the ear can tell."""
        made = tuple(ReadyMade(text, spoken(sound, text)) for text in self.holding)
        unheard = ReadyMade(self.unheard, spoken(sound, self.unheard)) if self.unheard else None
        return Holding(made, self.after, policy.dead_air - HOLD_MARGIN, unheard)


@attrs.frozen
class OwnCast:
    """The simulation's own agent and model."""

    def agent(self, plan: CallPlan, journal: Journal, services: Services) -> Agent:
        return SimulatedAgent(plan, journal, services)

    def llm(self, plan: CallPlan, journal: Journal) -> LanguageModel:
        return SimulatedLlm(plan, journal)

    def policy(self, plan: CallPlan, services: Services) -> TurnPolicy:  # noqa: ARG002 - these need none
        return policy_of(plan)

    def in_silence(self, plan: CallPlan) -> InSilence:
        return InSilence(HOLDING if plan.holding else (), UNHEARD)


OWN_CAST = OwnCast()


def live(plan: CallPlan, *, policy: TurnPolicy | None = None, cast: Cast = OWN_CAST) -> Lived:
    """Run a call to its end; takes no time. policy: instead of what the plan says. cast: who answers."""
    return run_virtual(lived, plan, policy, cast)


def policy_of(plan: CallPlan) -> TurnPolicy:
    """The policies that a plan names, and the default numbers."""
    return TurnPolicy(
        new_endpointer(plan), new_barge_in(plan), interruptible=plan.interruptible, eager=plan.eager
    )


class NoNetwork(httpx.AsyncBaseTransport):
    """Refuses every request."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("a simulation has no network", request=request)


CLIENT = httpx.AsyncClient(transport=NoNetwork(), trust_env=False)


class NothingShared:
    """For parts that may be made, and never used."""

    async def get(self, key: Hashable, open_: Callable[[], AbstractAsyncContextManager[T]]) -> T:  # noqa: ARG002
        raise LocalProtocolError(f"nothing is shared in a replay: {key!r}")


def ignore(_observation: Observation) -> None:
    """Nobody watches."""


def quiet_services(
    shared: Shared | None = None, observe: Callable[[Observation], None] = ignore
) -> Services:
    """Services without a network."""
    found = shared if shared is not None else NothingShared()
    return Services(CLIENT, open_websocket, SystemClock(), found, observe)


async def lived(plan: CallPlan, wanted: TurnPolicy | None, cast: Cast) -> Lived:
    """The call, on a virtual loop."""
    journal = Journal(plan.faults)
    line = SimulatedLine(plan, journal)
    observed: list[Observation] = []
    seen_at: list[float] = []

    def observe(observation: Observation) -> None:
        seen_at.append(line.now)
        observed.append(observation)

    tts = SimulatedTts(plan, journal)
    async with anyio.create_task_group() as tasks:
        services = quiet_services(SharedResources(tasks, observe), observe)
        agent = cast.agent(plan, journal, services)
        policy = wanted if wanted is not None else cast.policy(plan, services)
        parts = CallParts(
            line, agent, SimulatedStt(line, journal), tts, cast.llm(plan, journal),
            SimulatedEngine(), GateSettings(), policy, ReadyMade(SORRY, spoken(tts.sound, SORRY)),
            "en-US", services, swap_nothing, holding=cast.in_silence(plan).spoken(policy, tts.sound),
            providers={"stt": "simulated", "llm": "simulated", "tts": "simulated"},
        )  # fmt: skip
        run = CallRun.of(parts)
        tasks.start_soon(line.run)
        tasks.start_soon(SimulatedCaller(line, journal).run)
        before = asyncio.all_tasks()
        with anyio.move_on_after(LONGEST_CALL) as scope:
            await run_until_over(run)
        ended = None if scope.cancelled_caught else line.now
        left = tuple(str(task.get_coro()) for task in asyncio.all_tasks() - before)
        tasks.cancel_scope.cancel()
    line.close()
    return Lived(
        plan, policy, journal, line, tts, run, tuple(observed), tuple(seen_at), ended, left
    )


def spoken(sound: WordSound, text: str) -> bytes:
    """Ready-made audio, whose words the ear can tell."""
    return b"".join(sound.make(0, 0, word, 0.25) for word in text.split())


def swap_nothing(_kind: str, _use: str, _settings: Mapping[str, Any]) -> object:
    """Simulated calls swap no providers."""
    raise AssertionError
