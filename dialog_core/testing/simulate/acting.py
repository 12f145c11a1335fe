"""Plays a scenario against its agent, and says what was expected, what was heard, and when."""

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
from dialog_core.messages import Prompt, Role, TextDelta, ToolCall, Usage
from dialog_core.observe.observations import Trouble
from dialog_core.own_agent import choose_own_agent
from dialog_core.plugins import Plugins
from dialog_core.protocols import LanguageModel
from dialog_core.settings import ResolvedAgent, load
from dialog_core.sources import Faults, Sources
from dialog_core.testing.simulate.call_laws import broken
from dialog_core.testing.simulate.journal import Journal
from dialog_core.testing.simulate.plan import Act, CallPlan, Cue, Deed, Pace
from dialog_core.testing.simulate.run import Lived, live, policy_of
from dialog_core.testing.simulate.scenario import (
    CallerLine,
    Expectation,
    ModelAnswer,
    Scenario,
    choose_nothing,
    load_scenario,
)
from dialog_core.testing.simulate.sound import Heard, heard_in
from dialog_core.testing.simulate.stories import story
from dialog_core.testing.simulate.turn_laws import bare
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
NEVER = 1e9
QUIET = 1.0
"""Seconds of silence after which the caller takes it that the agent has finished."""


@attrs.frozen
class Missed:
    """An expectation that was not met."""

    where: str
    """Which line of the caller, and when it was said."""
    expected: str
    heard: str
    """What happened instead, and when."""

    def __str__(self) -> str:
        return f"{self.where}\n    expected  {self.expected}\n    heard     {self.heard}"


@attrs.frozen(eq=False)
class ScenarioReport:
    """What came of a scenario."""

    scenario: Scenario
    lived: Lived
    missed: tuple[Missed, ...]

    def as_json(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        return {
            "scenario": str(self.scenario.path),
            "lines": len(self.scenario.caller),
            "missed": [attrs.asdict(missed) for missed in self.missed],
            "story": story(self.lived).splitlines(),
        }

    def __str__(self) -> str:
        name = self.scenario.path.name
        if not self.missed:
            return f"{name}: {len(self.scenario.caller)} lines, all as expected"
        told = "\n".join(f"  {missed}" for missed in self.missed)
        return f"{name}: not as expected\n{told}\n\n{story(self.lived)}"


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
    return ScenarioReport(scenario, lived, tuple(missed_in(scenario, lived)))


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


# --- what was expected


def missed_in(scenario: Scenario, lived: Lived) -> Iterator[Missed]:
    """Everything that was not as expected, in order."""
    acted = lived.journal.acted
    for number, line in enumerate(scenario.caller):
        if number >= len(acted):
            yield Missed(
                f"caller line {number + 1} ({line.told})", "to be said", "the call was over"
            )
            continue
        begun, ended = acted[number]
        until = acted[number + 1][0] if number + 1 < len(acted) else NEVER
        where = f"caller line {number + 1} ({line.told}), {begun:.2f} to {ended:.2f} s"
        yield from Window(lived, where, begun, ended, until).missed(line.expect)
    yield from Window(lived, "the whole call", 0.0, 0.0, NEVER).missed(scenario.expect)
    for breach in broken(lived):
        if breach.law != "nothing of ours fails":
            yield Missed(
                "the laws of every call", breach.law, f"{breach.detail}, {breach.at:.2f} s"
            )


@attrs.frozen
class Window:
    """A stretch of a call, from a line of the caller to the next."""

    lived: Lived
    where: str
    begun: float
    ended: float
    """The end of the caller's line."""
    until: float

    def missed(self, expect: Expectation) -> Iterator[Missed]:
        """What was expected here and did not come."""
        spoken = [
            s
            for s in heard_in(self.lived.line.played)
            if s.number and self.begun < s.end and s.start < self.until
        ]
        said = " ".join(bare(" ".join(self._word(sound) for sound in spoken)))
        for words in expect.words:
            if " ".join(bare(words)) not in said:
                yield self._missed(f"the words {words!r}", spoken)
        for words in expect.without:
            if " ".join(bare(words)) in said:
                yield self._missed(f"not the words {words!r}", spoken)
        if expect.silence and spoken:
            yield self._missed("silence", spoken)
        if expect.within is not None:
            after = [sound.start for sound in spoken if sound.start >= self.ended]
            waited = after[0] - self.ended if after else NEVER
            if waited > expect.within:
                how = f"after {waited:.2f} s" if after else "nothing"
                yield Missed(self.where, f"an answer within {expect.within:g} s", how)
        yield from self._missed_deeds(expect)

    def _missed_deeds(self, expect: Expectation) -> Iterator[Missed]:
        called = self._tools()
        for tool in expect.tools:
            if tool not in called:
                yield Missed(
                    self.where, f"the tool {tool!r} to be called", f"calls of {called or 'none'}"
                )
        cut = any(
            isinstance(effect, Keep) and isinstance(effect.record, BargeIn)
            for at, step in self.lived.timed_steps
            if self.begun <= at <= self.until
            for effect in step.effects
        )
        if expect.interrupted is not None and cut is not expect.interrupted:
            wanted, real = (
                ("to be interrupted", "it spoke on")
                if expect.interrupted
                else ("to speak on", "it was cut")
            )
            yield Missed(self.where, f"the agent {wanted}", real)
        asked = [how for at, how in self.lived.line.asked if self.begun <= at < self.until]
        if expect.ended is not None and bool(asked) is not expect.ended:
            wanted = "the agent to end the call" if expect.ended else "the call to go on"
            yield Missed(self.where, wanted, asked[0] if asked else "the caller hung up")
        if expect.transferred and f"transfer to {expect.transferred}" not in asked:
            yield Missed(
                self.where, f"a transfer to {expect.transferred}", ", ".join(asked) or "none"
            )

    def _tools(self) -> list[str]:
        """Tools that the model called here."""
        entries = self.lived.run.replies.history.entries
        return [
            call.name
            for entry in entries
            if entry.role is Role.ASSISTANT and self.begun <= entry.at < self.until
            for message in entry.messages
            for call in message.tool_calls
        ]

    def _word(self, sound: Heard) -> str:
        return self.lived.tts.sound.words[sound.number - 1][2]

    def _missed(self, expected: str, spoken: list[Heard]) -> Missed:
        heard = "nothing"
        if spoken:
            text = " ".join(self._word(sound) for sound in spoken)
            heard = f"{text!r}, {spoken[0].start:.2f} to {spoken[-1].end:.2f} s"
        troubles = [
            f"{seen.where}: {seen.detail or seen.what}"
            for at, seen in zip(self.lived.seen_at, self.lived.observed, strict=True)
            if isinstance(seen, Trouble) and self.begun <= at <= self.until
        ]
        return Missed(self.where, expected, "; ".join([heard, *troubles]))
