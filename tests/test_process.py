"""What the calls of a process share, and what they do not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import attrs
import httpx
import pytest

from dialog_core.agent.call import Call
from dialog_core.call.clock import SystemClock
from dialog_core.cascade.ready_made import recorded
from dialog_core.errors import DialogError, ProviderError, SettingsError
from dialog_core.factory import Factory, Services
from dialog_core.messages import Utterance
from dialog_core.net.shared import SharedResources
from dialog_core.net.websocket import open_websocket
from dialog_core.observe.observations import CallEnded, CallStarted, Observation, StepTaken, Trouble
from dialog_core.plugins import Chosen
from dialog_core.policies.barge_in import HardCut, HardCutSettings
from dialog_core.policies.endpointers import Heuristic, HeuristicSettings
from dialog_core.policies.vad import EnergyModel
from dialog_core.process import Process, open_process
from dialog_core.protocols import CallInfo
from dialog_core.resilience.failover import chain_of
from dialog_core.settings import ResolvedAgent, Settings
from dialog_core.speech.sentences import holding_in, unheard_in
from dialog_core.testing.fakes import FakeStt, FakeTts
from dialog_core.testing.line import FakeLine
from dialog_core.turns.effects import Keep
from dialog_core.turns.records import Said

pytestmark = pytest.mark.anyio


@attrs.frozen
class Nothing:
    """No settings."""


@attrs.define
class Greeter:
    """Greets, and answers what it is asked."""

    greeting: str = "Hello there."
    calls: list[Call] = attrs.field(factory=list)

    async def reply(self, turn: Utterance, _call: Call) -> AsyncIterator[str]:
        if "crash" in turn.text:
            raise ZeroDivisionError
        yield f"You said {turn.text}"

    async def opened(self, call: Call) -> None:
        self.calls.append(call)


@attrs.define(eq=False)
class Stage:
    """A process of fakes: what it was made of, and what was seen."""

    seen: list[Observation] = attrs.field(factory=list)
    made: list[tuple[str, object]] = attrs.field(factory=list)
    answering: FakeLine | None = None
    """The line that is being answered."""

    def chosen(self, kind: str, make: Callable[[], object], name: str = "fake") -> Chosen[Any]:
        def build(_settings: Nothing, _services: Services) -> object:
            component = make()
            self.made.append((kind, component))
            return component

        return Chosen(Factory(name, Nothing, build), Nothing())

    def new_stt(self) -> FakeStt:
        assert self.answering is not None
        return FakeStt(self.answering)

    def agent(self, **changes: Any) -> ResolvedAgent:
        parts: dict[str, Any] = {
            "agent": self.chosen("agent", Greeter),
            "voip": self.chosen("voip", object),
            "stt": self.chosen("stt", self.new_stt),
            "tts": self.chosen("tts", FakeTts),
            "vad": self.chosen("vad", EnergyModel),
            "endpointer": self.chosen("endpointer", lambda: Heuristic(HeuristicSettings())),
            "barge_in": self.chosen("barge_in", lambda: HardCut(HardCutSettings())),
        }
        return ResolvedAgent(**{**parts, **changes})

    @asynccontextmanager
    async def open(self, **agents: ResolvedAgent) -> AsyncIterator[Process]:
        named = {name: attrs.evolve(agent, name=name) for name, agent in agents.items()}
        async with anyio.create_task_group() as tasks, httpx.AsyncClient() as http:
            shared = SharedResources(tasks, self.seen.append)
            services = Services(http, open_websocket, SystemClock(), shared, self.seen.append)
            opened = open_process(Settings(named), services=services, observe=self.seen.append)
            async with opened as process:
                self.made.clear()
                yield process
            await shared.close()
            tasks.cancel_scope.cancel()

    async def answer(self, process: Process, line: FakeLine, agent: str = "front") -> None:
        self.answering = line
        await process.answer(agent, line)

    def troubles(self) -> list[str]:
        return [f"{seen.what}: {seen.detail}" for seen in self.seen if isinstance(seen, Trouble)]

    def endings(self) -> dict[str, str]:
        return {seen.call: seen.reason for seen in self.seen if isinstance(seen, CallEnded)}

    def said(self, call: str) -> list[str]:
        steps = (seen for seen in self.seen if isinstance(seen, StepTaken) and seen.call == call)
        kept = (
            effect.record for step in steps for effect in step.effects if isinstance(effect, Keep)
        )
        return [record.heard for record in kept if isinstance(record, Said)]


def line(number: int) -> FakeLine:
    return FakeLine(info=CallInfo(f"call-{number}", "front", "fake"))


def failing(error: Exception) -> Callable[[], object]:
    def make() -> object:
        raise error

    return make


# --- before the first call


async def test_the_apology_is_spoken_at_the_start_by_the_agents_own_voice() -> None:
    stage = Stage()
    async with stage.open(front=stage.agent(sorry="Excuse me, please.")) as process:
        apology = process.apologies["front"]
    assert apology.text == "Excuse me, please."
    assert len(apology.audio) / 8000 == pytest.approx(len("Excuse me, please. ") * 0.06, abs=0.01)


@pytest.mark.parametrize(
    "tts",
    [
        lambda: FakeTts(fails_on="Sorry"),
        lambda: FakeTts(seconds_per_character=0.0),
        lambda: FakeTts(latency=1000.0),
        failing(ProviderError("fake", "no key", stage="tts")),
        failing(KeyError("voice")),
    ],
)
async def test_an_apology_that_cannot_be_spoken_is_replaced_by_the_recorded_one(
    tts: Callable[[], object],
) -> None:
    stage = Stage()
    speechless = stage.chosen("tts", tts)
    async with stage.open(front=stage.agent(tts=speechless)) as process:
        assert process.apologies == {}
    assert "could not render the apology; the recorded one stands in" in str(stage.troubles())
    assert len(recorded().audio) > 8000


@pytest.mark.requirement("B.14")
@pytest.mark.parametrize("error", [DialogError("no model"), ImportError("onnxruntime")])
async def test_a_voice_detector_that_cannot_be_made_is_replaced_and_callers_are_heard(
    error: Exception,
) -> None:
    stage, phone = Stage(), line(1)
    deaf = stage.agent(vad=stage.chosen("vad", failing(error), "clever"))
    async with (
        stage.open(front=deaf) as process,
        anyio.create_task_group() as tasks,
        phone.calling(),
    ):
        tasks.start_soon(stage.answer, process, phone)
        await phone.listen()
        await phone.say("One.")
        await phone.listen()
        phone.hang_up_by_caller()
    assert stage.said("call-1") == ["Hello there.", "You said One."]
    assert "the energy detector stands in" in stage.troubles()[0]


@pytest.mark.requirement("B.9")
async def test_agents_with_the_same_voice_detector_share_an_engine() -> None:
    stage = Stage()
    vad = stage.chosen("vad", EnergyModel)
    async with stage.open(
        front=stage.agent(vad=vad), back=stage.agent(vad=vad), other=stage.agent()
    ) as process:
        assert process.engines["front"] is process.engines["back"]
        assert process.engines["front"] is not process.engines["other"]


# --- calls


@pytest.mark.requirement("A.2", "A.3")
async def test_every_call_has_components_of_its_own_and_one_call_object() -> None:
    stage = Stage()
    async with stage.open(front=stage.agent()) as process:
        for number in (1, 2):
            phone = line(number)
            async with anyio.create_task_group() as tasks, phone.calling():
                tasks.start_soon(stage.answer, process, phone)
                await phone.listen()
                phone.hang_up_by_caller()
    kinds = [kind for kind, _ in stage.made]
    once = ["agent", "barge_in", "endpointer", "stt", "tts"]
    assert sorted(kinds) == sorted(once * 2)
    assert len({id(component) for _, component in stage.made}) == 10
    agents = [component for _, component in stage.made if isinstance(component, Greeter)]
    assert [[call.id for call in agent.calls] for agent in agents] == [["call-1"], ["call-2"]]
    started = [seen.call for seen in stage.seen if isinstance(seen, CallStarted)]
    assert started == ["call-1", "call-2"]


@pytest.mark.requirement("A.6", "A.43")
async def test_simultaneous_calls_of_several_agents_do_not_touch_each_other() -> None:
    stage = Stage()
    one, two, three = line(1), line(2), line(3)
    back = stage.agent(agent=stage.chosen("agent", lambda: Greeter("Back office.")))
    async with (
        stage.open(front=stage.agent(), back=back) as process,
        one.calling(), two.calling(), three.calling(), anyio.create_task_group() as tasks,
    ):  # fmt: skip
        for phone, agent in ((one, "front"), (two, "front"), (three, "back")):
            tasks.start_soon(stage.answer, process, phone, agent)
            await phone.wait(0.1)
        await three.listen()
        async with anyio.create_task_group() as callers:
            callers.start_soon(one.say, "crash")
            callers.start_soon(two.say, "Two.")
            callers.start_soon(three.say, "Three.")
        await three.listen()
        one.vanish()
        await two.say("Still here.")
        await two.listen()
        for phone in (two, three):
            phone.hang_up_by_caller()
    assert "You said crash" not in stage.said("call-1")
    assert stage.said("call-2") == ["Hello there.", "You said Two.", "You said Still here."]
    assert stage.said("call-3") == ["Back office.", "You said Three."]
    assert stage.endings() == {"call-1": "lost", "call-2": "hangup", "call-3": "hangup"}


@pytest.mark.requirement("A.43")
@pytest.mark.parametrize("kind", ["agent", "stt", "tts", "endpointer", "barge_in"])
async def test_a_component_that_cannot_be_made_ends_its_call_and_not_the_process(kind: str) -> None:
    stage, phone, next_phone = Stage(), line(1), line(2)
    broken = stage.chosen(kind, failing(KeyError("part")))
    async with stage.open(front=stage.agent(**{kind: broken}), back=stage.agent()) as process:
        async with phone.calling():
            await stage.answer(process, phone)
        assert phone.done == [("hang_up", "")]
        async with next_phone.calling(), anyio.create_task_group() as tasks:
            tasks.start_soon(stage.answer, process, next_phone, "back")
            await next_phone.listen()
            next_phone.hang_up_by_caller()
    assert stage.said("call-2") == ["Hello there."]
    assert any("KeyError: 'part'" in trouble for trouble in stage.troubles())


@attrs.frozen
class Pace:
    """Settings of a voice."""

    seconds_per_character: float = 0.06


@pytest.mark.requirement("A.37")
async def test_a_voice_is_swapped_by_its_name_and_with_other_settings() -> None:
    stage, phone, refused = Stage(), line(1), list[str]()
    voices: list[FakeTts] = []

    def build(settings: Pace, _services: Services) -> FakeTts:
        voices.append(FakeTts(settings.seconds_per_character))
        return voices[-1]

    class Swapping(Greeter):
        async def opened(self, call: Call) -> None:
            try:
                await call.use_tts("nobody")
            except SettingsError as error:
                refused.append(str(error))
            await call.use_tts("fake", seconds_per_character=0.01)

    front = stage.agent(
        agent=stage.chosen("agent", Swapping), tts=Chosen(Factory("fake", Pace, build), Pace())
    )
    async with (
        stage.open(front=front) as process,
        phone.calling(),
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(stage.answer, process, phone)
        await phone.listen()
        await phone.say("One.")
        await phone.listen()
        phone.hang_up_by_caller()
    assert [voice.seconds_per_character for voice in voices[-2:]] == [0.06, 0.01]
    assert [segment.text.strip() for segment in voices[-1].spoken] == ["You said One."]
    assert "no text-to-speech named 'nobody'" in refused[0]


@pytest.mark.requirement("A.37", "D.21")
async def test_a_member_of_a_chain_is_swapped_in_by_its_name() -> None:
    stage, phone = Stage(), line(1)
    made: list[tuple[str, float]] = []

    def voice(name: str) -> Chosen[Any]:
        def build(settings: Pace, _services: Services) -> FakeTts:
            made.append((name, settings.seconds_per_character))
            return FakeTts(settings.seconds_per_character)

        return Chosen(Factory(name, Pace, build), Pace())

    class Swapping(Greeter):
        async def opened(self, call: Call) -> None:
            await call.use_tts("standby", seconds_per_character=0.01)

    chain = chain_of("tts", [voice("preferred"), voice("standby")])
    front = stage.agent(agent=stage.chosen("agent", Swapping), tts=chain)
    async with (
        stage.open(front=front) as process,
        phone.calling(),
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(stage.answer, process, phone)
        await phone.listen()
        phone.hang_up_by_caller()
    assert made[-1] == ("standby", 0.01)
    assert ("preferred", 0.06) in made


async def test_hold_phrases_of_the_agents_language_are_spoken_at_the_start_too() -> None:
    stage = Stage()
    async with stage.open(front=stage.agent()) as process:
        holding = process.holding["front"]
    assert [phrase.text for phrase in holding.sentences] == list(holding_in("en-US"))
    assert holding.unheard is not None
    assert holding.unheard.text == unheard_in("en-US")
    assert all(phrase.audio for phrase in (*holding.sentences, holding.unheard))
