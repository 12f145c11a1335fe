"""What a process has one of, and how its calls are answered.

Opened once, before the server listens: services, observers, one speech engine for each voice detector in use, each
agent's apology and hold phrases rendered to audio, and what the components want to prepare.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import anyio
import attrs
from anyio.abc import TaskGroup

from dialog_core.audio import TELEPHONE
from dialog_core.call.guard import describe, guarded
from dialog_core.call.runner import CallParts, run_call
from dialog_core.cascade.ready_made import (
    HOLD_MARGIN,
    Holding,
    ReadyMade,
    in_format,
    recorded,
    render,
)
from dialog_core.container import CallContainer
from dialog_core.converter import new_converter
from dialog_core.engine.speech import SpeechEngine
from dialog_core.errors import SettingsError
from dialog_core.factory import Services
from dialog_core.net.groups import ungrouped
from dialog_core.net.services import open_services
from dialog_core.observe.buffer import ObservationBuffer
from dialog_core.observe.observations import Observation, Trouble
from dialog_core.plugins import Chosen, Plugins
from dialog_core.policies.vad import EnergyModel
from dialog_core.protocols import Line, SpeechModel, VoIP
from dialog_core.resilience.failover import members_of
from dialog_core.settings import ResolvedAgent, Settings
from dialog_core.sources import Faults, Sources

__all__ = ["Process", "open_process"]

WARM_SECONDS = 60.0
"""How long components may prepare themselves; what is not ready then gets ready during the first call."""
RENDER_SECONDS = 20.0
"""How long an apology may take to be rendered at the start."""


@attrs.define(eq=False)
class Process:
    """Everything that calls share."""

    settings: Settings
    services: Services
    plugins: Plugins
    engines: Mapping[str, SpeechEngine]
    """By agent."""
    voips: Mapping[str, VoIP]
    """By agent."""
    apologies: dict[str, ReadyMade] = attrs.field(factory=dict)
    """By agent, in the telephone's format."""
    holding: dict[str, Holding] = attrs.field(factory=dict)
    """What each agent says in silences, in the telephone's format."""

    async def answer(self, agent: str, line: Line) -> None:
        """Run a call of an agent on a line to its end. Never raises: what goes wrong ends this call only."""
        made: list[CallParts] = []

        async def assemble() -> None:
            made.append(self._assembled(agent, line))

        observe = self.services.observe
        problem = await guarded(assemble, call=line.info.id, where="assembly", observe=observe)
        if problem is None:
            await run_call(made.pop())
        else:
            await guarded(line.hang_up, call=line.info.id, where=line.info.voip, observe=observe)

    def _assembled(self, agent: str, line: Line) -> CallParts:
        """A call's parts. Its container has done its work then, and lets go of them. Raises what a component raises."""
        resolved = self.settings.agents[agent]
        container = CallContainer(
            services=attrs.evolve(
                self.services, observe=naming(self.services.observe, line.info.id)
            ),
            agent=resolved,
            engine=self.engines[agent],
            line=line,
            sorry=in_format(self.apologies.get(agent) or recorded(), line.fmt),
            swap=partial(self._build, resolved),
            holding=self.holding.get(agent, Holding()).in_format(line.fmt),
        )
        parts: CallParts = container.parts()
        container.reset_singletons()
        return parts

    def _build(
        self, agent: ResolvedAgent, kind: str, use: str, settings: Mapping[str, Any]
    ) -> object:
        """Make a component by its name and settings. Raises: SettingsError, PluginError."""
        present: Chosen[Any] | None = getattr(agent, kind)
        for member in () if present is None else members_of(present):
            if member.name == use:
                changed = attrs.evolve(member.settings, **settings)
                return attrs.evolve(member, settings=changed).build(self.services)
        converter = new_converter(Sources({}, self.settings.path.parent), choose_nothing)
        try:
            catalog = self.plugins.catalog([(kind, use)])
            chosen = catalog.choose(kind, {"use": use, **settings}, converter.structure)
            chosen = chosen.speaking(agent.language)
        except Faults as error:
            raise SettingsError(*error.problems) from error
        return chosen.build(self.services)

    async def prepare(self) -> None:
        """Let every component prepare itself, and render what is ready-made; what fails is observed and not fatal."""
        async with anyio.create_task_group() as tasks:
            for name, agent in self.settings.agents.items():
                agent.text.prepare(agent.language)
                tasks.start_soon(self._speak_as, name, agent)
                for kind, chosen in agent.components():
                    tasks.start_soon(self._warm, kind, chosen)

    async def _warm(self, kind: str, chosen: Chosen[Any]) -> None:
        """Raises: SettingsError, for what the operator must put right before any call can succeed."""
        misset: list[SettingsError] = []

        async def warm() -> None:
            try:
                await chosen.factory.warm(chosen.settings, self.services)
            except SettingsError as error:
                misset.append(error)

        with anyio.move_on_after(WARM_SECONDS):
            where = f"{kind} {chosen.name}"
            await guarded(warm, call="", where=where, observe=self.services.observe)
        if misset:
            raise misset[0]

    async def _speak_as(self, name: str, agent: ResolvedAgent) -> None:
        """Render the apology, and after it what matters less."""
        await self._apologise_as(name, agent)
        if name in self.apologies:
            await self._hold_as(name, agent)

    async def _apologise_as(self, name: str, agent: ResolvedAgent) -> None:
        where, observe = f"tts {agent.tts.name}", self.services.observe

        async def speak() -> None:
            made = await self._rendered(agent, agent.apology)
            if made.audio:
                self.apologies[name] = made

        problem = await guarded(speak, call="", where=where, observe=observe)
        if name not in self.apologies:
            what = "could not render the apology; the recorded one stands in"
            observe(Trouble("", where, what, problem or "it made no sound"))

    async def _hold_as(self, name: str, agent: ResolvedAgent) -> None:
        async def speak() -> None:
            made = [await self._rendered(agent, text) for text in agent.hold_phrases]
            said = [await self._rendered(agent, text) for text in (agent.unheard_phrase,) if text]
            self.holding[name] = Holding(
                tuple(each for each in made if each.audio),
                agent.turns.hold_after,
                agent.turns.dead_air - HOLD_MARGIN,
                next((each for each in said if each.audio), None),
            )

        where, observe = f"tts {agent.tts.name}", self.services.observe
        problem = await guarded(speak, call="", where=where, observe=observe)
        if problem is not None:
            what = "could not render the hold phrases; callers wait in silence"
            observe(Trouble("", where, what, problem))

    async def _rendered(self, agent: ResolvedAgent, text: str) -> ReadyMade:
        spoken, _ = agent.text.spelling(agent.language)(text)
        with anyio.fail_after(RENDER_SECONDS):
            audio = await render(agent.tts.build(self.services), spoken, TELEPHONE)
        return ReadyMade(text, audio)


def naming(observe: Callable[[Observation], None], call: str) -> Callable[[Observation], None]:
    """Put the call's id into what its components observe: they need not know it."""

    def named(observation: Observation) -> None:
        observe(observation if observation.call else attrs.evolve(observation, call=call))

    return named


def choose_nothing(kind: str, _table: object) -> Chosen[Any]:
    """Components made during a call have no components of their own."""
    raise AssertionError(kind)


@asynccontextmanager
async def open_process(
    settings: Settings,
    *,
    services: Services | None = None,
    plugins: Plugins | None = None,
    observe: Callable[[Observation], None] | None = None,
) -> AsyncIterator[Process]:
    """Open all that calls share; leaving the block closes it.

    services: in place of real ones, for tests. observe: sees every observation at once, besides the observers.
    """
    buffer = ObservationBuffer()

    def seen(observation: Observation) -> None:
        buffer.observe(observation)
        if observe is not None:
            observe(observation)

    with ungrouped():
        async with anyio.create_task_group() as tasks, AsyncExitStack() as stack:
            if services is None:
                services = await stack.enter_async_context(open_services(observe=seen))
            services = attrs.evolve(services, observe=seen)
            observers = {chosen.name: chosen.build(services) for chosen in settings.observers}
            tasks.start_soon(buffer.run, observers)
            engines = start_engines(settings, services, tasks)
            voips = {name: agent.voip.build(services) for name, agent in settings.agents.items()}
            screened = (plugins or Plugins()).screened(settings.plugins)
            process = Process(settings, services, screened, engines, voips)
            await process.prepare()
            try:
                yield process
            finally:
                tasks.cancel_scope.cancel()


def start_engines(
    settings: Settings, services: Services, tasks: TaskGroup
) -> dict[str, SpeechEngine]:
    """One engine for each voice detector in use, shared by the agents that use it alike."""
    engines: list[tuple[Chosen[Any], SpeechEngine]] = []
    by_agent = {}
    for name, agent in settings.agents.items():
        engine = next((made for vad, made in engines if vad == agent.vad), None)
        if engine is None:
            engine = SpeechEngine(model_of(agent.vad, services), settings.engine, services.observe)
            engines.append((agent.vad, engine))
            tasks.start_soon(engine.run)
        by_agent[name] = engine
    return by_agent


def model_of(vad: Chosen[SpeechModel], services: Services) -> SpeechModel:
    """The voice detector; if it cannot be made, the energy detector, so that callers are heard all the same."""
    try:
        return vad.build(services)
    except Exception as error:  # noqa: BLE001 - whatever a plugin raises, callers are heard
        what = "voice detector cannot be made; the energy detector stands in"
        services.observe(Trouble("", f"vad {vad.name}", what, describe(error)))
        return EnergyModel()
