"""Plays a scenario against its agent, on a simulated line in virtual time."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import attrs

from dialog_core.agent.agent import Agent
from dialog_core.agent.chat import ChatAgent
from dialog_core.container import new_policy
from dialog_core.converter import did_you_mean, new_converter
from dialog_core.errors import ProviderError, SettingsError, SettingsProblem
from dialog_core.factory import Services
from dialog_core.messages import Prompt, TextDelta, ToolCall, Usage
from dialog_core.observe.observations import Trouble
from dialog_core.own_agent import choose_own_agent
from dialog_core.plugins import Plugins
from dialog_core.protocols import LanguageModel
from dialog_core.settings import ResolvedAgent, load
from dialog_core.sources import Faults, Sources
from dialog_core.speech.sentences import holding_in, unheard_in
from dialog_core.testing.simulate.call_laws import broken
from dialog_core.testing.simulate.journal import Journal
from dialog_core.testing.simulate.performance import Missed, Performance, Sounded, missed_in
from dialog_core.testing.simulate.plan import Act, CallPlan, Cue, Deed, Pace
from dialog_core.testing.simulate.run import InSilence, Lived, live, policy_of
from dialog_core.testing.simulate.scenario import (
    CallerLine,
    ModelAnswer,
    Scenario,
    choose_nothing,
    load_scenario,
)
from dialog_core.testing.simulate.sound import heard_in
from dialog_core.testing.simulate.stories import story
from dialog_core.turns.effects import Keep
from dialog_core.turns.records import BargeIn
from dialog_core.turns.state import TurnPolicy

__all__ = ["Missed", "ScenarioReport", "check_scenario", "play"]

SECONDS_A_WORD = 0.3
COUGH_SECONDS = 0.4
DEEDS = {
    "says": Deed.SAY, "acknowledges": Deed.BACKCHANNEL, "coughs": Deed.COUGH, "presses": Deed.KEY,
    "waits": Deed.WAIT, "listens": Deed.WAIT, "hangs_up": Deed.HANG_UP,
}  # fmt: skip
STEADY = Pace(spread=0.0)
QUIET = 1.0
"""Seconds of silence after which the caller takes it that the agent has finished."""


@attrs.frozen(eq=False)
class ScenarioReport:
    """What came of a scenario."""

    scenario: Scenario
    performance: Performance
    missed: tuple[Missed, ...]
    story: str
    """The call, line by line."""

    def as_json(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        return {
            "scenario": str(self.scenario.path),
            "lines": len(self.scenario.caller),
            "missed": [attrs.asdict(missed) for missed in self.missed],
            "story": self.story.splitlines(),
        }

    def __str__(self) -> str:
        name = self.scenario.path.name
        if not self.missed:
            return f"{name}: {len(self.scenario.caller)} lines, all as expected"
        told = "\n".join(f"  {missed}" for missed in self.missed)
        return f"{name}: not as expected\n{told}\n\n{self.story}"


def check_scenario(path: str | Path, *, plugins: Plugins | None = None) -> ScenarioReport:
    """Play a scenario file. Raises: AssertionError telling what was not as expected; SettingsError."""
    report = play(load_scenario(path), plugins=plugins)
    if report.missed:
        raise AssertionError(str(report))
    return report


def play(scenario: Scenario, *, plugins: Plugins | None = None) -> ScenarioReport:
    """Play a scenario, in no time. Raises: SettingsError if its agent cannot be made."""
    actors = Actors.of(scenario, plugins)
    plan = CallPlan(0, tuple(acts_of(scenario)), greeting="", pace=STEADY, quiet=QUIET)
    lived = live(plan, cast=actors)
    played = performance_of(lived)
    return ScenarioReport(scenario, played, tuple(missed_in(scenario, played)), story(lived))


def performance_of(lived: Lived) -> Performance:
    """What a simulated call came to."""
    words = lived.tts.sound.words
    heard = heard_in(lived.line.played)
    history = lived.run.replies.history.entries
    return Performance(
        acted=lived.journal.acted,
        sounded=[Sounded(s.start, s.end, words[s.number - 1][2]) for s in heard if s.number],
        cuts=[
            at
            for at, step in lived.timed_steps
            for effect in step.effects
            if isinstance(effect, Keep) and isinstance(effect.record, BargeIn)
        ],
        asked=lived.line.asked,
        tools=[
            (entry.at, call.name)
            for entry in history
            for message in entry.messages
            for call in message.tool_calls
        ],
        troubles=[
            (at, f"{seen.where}: {seen.detail or seen.what}")
            for at, seen in zip(lived.seen_at, lived.observed, strict=True)
            if isinstance(seen, Trouble)
        ],
        breaches=[each for each in broken(lived) if each.law != "nothing of ours fails"],
    )


# --- who acts


@attrs.define(eq=False)
class Actors:
    """The scenario's agent, and a model that answers as it says."""

    scenario: Scenario
    make: ResolvedAgent | None

    @classmethod
    def of(cls, scenario: Scenario, plugins: Plugins | None) -> Actors:
        """Find the agent. Raises: SettingsError."""
        if not scenario.settings:
            return cls(scenario, None)
        settings = load(scenario.path.parent / scenario.settings, plugins=plugins)
        resolved = settings.agents.get(scenario.agent)
        if resolved is None:
            hint = did_you_mean(scenario.agent, settings.agents)
            message = f"no agent {scenario.agent!r} in {scenario.settings!r}{hint}"
            raise SettingsError(SettingsProblem("agent", message))
        return cls(scenario, resolved)

    def agent(self, plan: CallPlan, journal: Journal, services: Services) -> Agent:  # noqa: ARG002 - Cast's signature
        """A fresh instance, as for a call."""
        if self.make is not None:
            made: Agent = self.make.agent.build(services)
            return made
        folder = self.scenario.path.parent
        if self.scenario.agent == "chat":
            if (path := str(folder.resolve())) not in sys.path:
                sys.path.insert(0, path)
            return ChatAgent.of(self.scenario.chat, services)
        converter = new_converter(Sources({}, folder), choose_nothing)
        try:
            chosen = choose_own_agent(
                self.scenario.agent, {}, folder=folder, structure=converter.structure
            )
        except Faults as error:
            raise SettingsError(SettingsProblem("agent", str(error))) from error
        own: Agent = chosen.build(services)
        return own

    def llm(self, plan: CallPlan, journal: Journal) -> LanguageModel:  # noqa: ARG002 - Cast's signature
        """A model that answers as the scenario says."""
        return ScriptedLlm(self.scenario.answers, journal)

    def policy(self, plan: CallPlan, services: Services) -> TurnPolicy:
        """Of the settings, if the scenario names some; else the defaults."""
        if self.make is None:
            return policy_of(plan)
        endpointer = self.make.endpointer.build(services)
        barge_in = self.make.barge_in.build(services)
        return new_policy(self.make.turns, endpointer, barge_in)

    def in_silence(self, plan: CallPlan) -> InSilence:  # noqa: ARG002 - Cast's signature
        """What the settings say, if the scenario names some; else the defaults."""
        if self.make is None:
            return InSilence(holding_in("en"), unheard_in("en"))
        make = self.make
        return InSilence(make.hold_phrases, make.unheard_phrase, make.turns.hold_after)


@attrs.define(eq=False)
class ScriptedLlm:
    """Answers the n-th request with the n-th answer."""

    answers: tuple[ModelAnswer, ...]
    journal: Journal
    asked: int = 0

    @asynccontextmanager
    async def generate(
        self, prompt: Prompt
    ) -> AsyncIterator[AsyncIterator[TextDelta | ToolCall | Usage]]:
        self.asked += 1
        last = prompt.messages[-1].text if prompt.messages else ""
        self.journal.note("llm", f"is asked {last!r}")
        if self.asked > len(self.answers):
            message = (
                f"the scenario has {len(self.answers)} answers, and this is request {self.asked}"
            )
            raise ProviderError("scenario", message, stage="llm")
        yield self._stream(self.answers[self.asked - 1])

    async def _stream(self, answer: ModelAnswer) -> AsyncIterator[TextDelta | ToolCall | Usage]:
        await anyio.sleep(STEADY.llm)
        if answer.text:
            yield TextDelta(answer.text)
        if answer.tool:
            yield ToolCall(f"call-{self.asked}", answer.tool, json.dumps(answer.arguments))


def acts_of(scenario: Scenario) -> Iterator[Act]:
    """The caller's lines as the simulation plays them. Words are to be answered; coughs and keys need not be."""
    answered = True
    for line in scenario.caller:
        yield act_of(line, Cue.HEARD if answered or line.listens else Cue.QUIET)
        answered = bool(line.says)


def act_of(line: CallerLine, cue: Cue) -> Act:
    """A line of the caller. cue: what it waits for, unless it says itself."""
    text = line.says or line.acknowledges or line.presses
    seconds = line.seconds
    if seconds is None:
        words = len(text.split()) * SECONDS_A_WORD
        seconds = COUGH_SECONDS if line.coughs else line.waits or words
    deed = Deed.WHISPER if line.softly and line.says else DEEDS[line.deed]
    if line.pause is not None:
        return Act(deed, Cue.NEXT, line.pause, text, seconds)
    into = line.into if line.into is not None else 0.5 if line.acknowledges else None
    if into is not None:
        return Act(deed, Cue.SOUNDING, into, text, seconds)
    after = max(0.0, line.after - QUIET)
    return Act(deed, Cue.NEXT if line.waits else cue, after, text, seconds)
