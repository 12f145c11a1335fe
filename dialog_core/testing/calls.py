"""Whole calls of an agent on a fake line, in virtual time: how an application tests what it wrote.

::

    line = FakeLine()
    async with in_call(line, Receptionist()) as call:
        await line.listen()
        await line.say("I would like to book a table.")
        await line.listen()
    assert "what time" in call.history.heard()
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import anyio
import attrs
import httpx

from dialog_core.agent.agent import Agent
from dialog_core.agent.call import Call
from dialog_core.call.clock import SystemClock
from dialog_core.call.runner import CallParts, CallRun, run_until_over
from dialog_core.cascade.ready_made import Holding, ReadyMade
from dialog_core.engine.ears import Ears
from dialog_core.engine.speech import SpeechEngine, SpeechEngineSettings
from dialog_core.factory import Services
from dialog_core.net.shared import SharedResources
from dialog_core.net.websocket import open_websocket
from dialog_core.observe.observations import Observation, StepTaken
from dialog_core.policies.barge_in import HardCut, HardCutSettings
from dialog_core.policies.endpointers import Heuristic, HeuristicSettings
from dialog_core.policies.vad import EnergyModel
from dialog_core.protocols import Diarizer, LanguageModel, SpeechModel, SpeechToText, TextToSpeech
from dialog_core.speech.history import History
from dialog_core.testing.fakes import FakeStt, FakeTts
from dialog_core.testing.line import FakeLine
from dialog_core.turns.effects import Keep
from dialog_core.turns.gate import GateSettings
from dialog_core.turns.records import Record
from dialog_core.turns.state import TurnPolicy

__all__ = ["InCall", "in_call", "new_policy"]


def new_policy(**changes: Any) -> TurnPolicy:
    """The default policies and numbers, changed as wished."""
    policy = TurnPolicy(Heuristic(HeuristicSettings()), HardCut(HardCutSettings()))
    return attrs.evolve(policy, **changes)


@attrs.define(eq=False, repr=False)
class InCall:
    """A call that runs, and what is known of it; all of it stays readable when it is over."""

    run: CallRun
    tts: TextToSpeech
    observed: list[Observation] = attrs.field(factory=list)
    over: anyio.Event = attrs.field(factory=anyio.Event)

    @property
    def call(self) -> Call:
        """The agent's handle."""
        return self.run.call

    @property
    def history(self) -> History:
        """The conversation by what was heard."""
        return self.run.replies.history

    @property
    def records(self) -> list[Record]:
        """What became true, in order."""
        steps = (seen for seen in self.observed if isinstance(seen, StepTaken))
        return [
            effect.record for step in steps for effect in step.effects if isinstance(effect, Keep)
        ]


@cache
def trusted() -> ssl.SSLContext:
    """Certificates, which take longer to read than a call to run."""
    return httpx.create_ssl_context()


@asynccontextmanager
async def in_call(  # noqa: PLR0913 - one for each part that a test may replace
    line: FakeLine,
    agent: Agent,
    *,
    stt: SpeechToText | None = None,
    tts: TextToSpeech | None = None,
    llm: LanguageModel | None = None,
    policy: TurnPolicy | None = None,
    diarizer: Diarizer | None = None,
    components: Mapping[tuple[str, str], object] | None = None,
    holding: Holding | None = None,
    vad: SpeechModel | None = None,
    ears: Ears | None = None,
    echo: bool = True,
    language: str = "en-US",
) -> AsyncIterator[InCall]:
    """Answer the line with the agent; leaving the block hangs up and waits for the call's end.

    stt, tts: fakes unless given. components: what `call.use_stt` and `call.use_tts` find by (kind, name).
    holding: hold phrases; none unless given. vad: the energy detector unless given. echo: whether the agent's own
    voice is kept out. language: what is spoken, as a BCP-47 tag. ears: voice detection instead of an engine.
    """
    observed: list[Observation] = []
    engine = SpeechEngine(vad or EnergyModel(), SpeechEngineSettings(), observed.append)
    voice = tts if tts is not None else FakeTts()

    def build(kind: str, name: str, settings: Mapping[str, Any]) -> object:
        found: Any = (components or {})[kind, name]
        return attrs.evolve(found, **settings) if settings else found

    client = httpx.AsyncClient(verify=trusted())
    async with anyio.create_task_group() as tasks, client as http, line.calling():
        services = Services(
            http,
            open_websocket,
            SystemClock(),
            SharedResources(tasks, observed.append),
            observed.append,
        )
        parts = CallParts(
            line, agent, stt if stt is not None else FakeStt(line), voice, llm,
            engine if ears is None else ears, GateSettings(),
            policy if policy is not None else new_policy(),
            ReadyMade("Sorry, something went wrong.", line.fmt.silence(1.0)),
            language, services, build, diarizer,
            holding if holding is not None else Holding(), echo=echo,
        )  # fmt: skip
        call = InCall(CallRun.of(parts), voice, observed)
        if ears is None:
            tasks.start_soon(engine.run)
        tasks.start_soon(carry, call)
        yield call
        line.hang_up_by_caller()
        with anyio.fail_after(200):
            await call.over.wait()
        tasks.cancel_scope.cancel()


async def carry(call: InCall) -> None:
    """Run the call and say when it is over."""
    await run_until_over(call.run)
    call.over.set()
