"""A chain whose first member is dead obeys the contract of the member that lives."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
from dialog_cartesia.kits import kits as cartesia
from dialog_deepgram.kits import kits as deepgram
from dialog_openai.kits import kits as openai

from dialog_core.audio import AudioFormat, AudioFrame
from dialog_core.errors import ProviderUnavailable
from dialog_core.factory import Factory
from dialog_core.messages import Prompt
from dialog_core.plugins import Chosen
from dialog_core.protocols import SttEvent
from dialog_core.resilience.failover import chain_of
from dialog_core.testing.contracts import LlmContract, LlmKit, SttContract, TtsContract
from dialog_core.testing.contracts.component import choose
from dialog_core.testing.contracts.stage import Stage
from dialog_core.turns.events import SpeechStarted, SpeechStopped


@attrs.frozen
class NoSettings:
    """Of what is dead."""


@attrs.frozen
class Dead:
    """A vendor that is gone, whatever it was."""

    @asynccontextmanager
    async def open(self, _fmt: AudioFormat) -> AsyncIterator[Dead]:
        yield self

    def feed(self, frame: AudioFrame) -> None:
        """Hear nothing."""

    def note(self, event: SpeechStarted | SpeechStopped) -> None:
        """Note nothing."""

    async def events(self) -> AsyncIterator[SttEvent]:
        fail("stt")
        yield SpeechStopped(0.0)

    @asynccontextmanager
    async def generate(self, _prompt: Prompt) -> AsyncIterator[AsyncIterator[Any]]:
        fail("llm")
        yield self.events()

    @asynccontextmanager
    async def voice(self, _reply: int) -> AsyncIterator[Any]:
        fail("tts")
        yield self


def fail(stage: str) -> None:
    """Be gone."""
    raise ProviderUnavailable("dead", "is gone", stage=stage)


DEAD: Chosen[Any] = Chosen(Factory("dead", NoSettings, lambda *_: Dead()), NoSettings())


@attrs.frozen(eq=False)
class ChainStage(Stage[Any]):
    """Builds the component under test behind a dead one."""

    def new(self, **settings: object) -> Any:
        chain = chain_of(self.kit.kind, [DEAD, choose(self.kit, **settings)])
        return chain.build(self.services)


class Chained:
    """Puts a dead member before the kit's component."""

    @asynccontextmanager
    async def stage(self, *script: Any) -> AsyncIterator[Any]:
        contract: Any = super()
        async with contract.stage(*script) as stage:
            yield ChainStage(stage.kit, stage.vendor, stage.services, stage.observed)


class TestStt(Chained, SttContract):
    kit = deepgram()[0]


class TestTts(Chained, TtsContract):
    kit = cartesia()[0]


class TestLlm(Chained, LlmContract):
    kit = next(kit for kit in openai() if isinstance(kit, LlmKit))
