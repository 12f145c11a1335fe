"""A language model in a simulation: it answers as planned, token by token, and fails as planned."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

import anyio
import attrs

from dialog_core.errors import ProviderProtocolError, ProviderUnavailable
from dialog_core.messages import Prompt, Role, TextDelta, ToolCall, Usage
from dialog_core.testing.simulate.journal import Journal
from dialog_core.testing.simulate.plan import Answer, CallPlan, Fault

__all__ = ["SimulatedLlm"]

Item = TextDelta | ToolCall | Usage
TOKENS_IN_A_PIECE = 4


@attrs.define(eq=False)
class SimulatedLlm:
    """Answers the n-th request with the plan's n-th answer."""

    plan: CallPlan
    journal: Journal
    prompts: list[Prompt] = attrs.field(factory=list)

    @asynccontextmanager
    async def generate(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[Item]]:
        number = self.journal.begin("llm")
        self.prompts.append(prompt)
        fault = self.journal.trouble("llm", number)
        if fault is not None and fault.what == "is busy":
            raise ProviderUnavailable("simulated", "too many requests", stage="llm", status=429)
        self.journal.open["llm"] += 1
        try:
            async with aclosing(self._stream(number, fault, self._answer(prompt))) as answer:
                yield answer
        finally:
            self.journal.open["llm"] -= 1

    def _answer(self, prompt: Prompt) -> Answer:
        """What to answer; after a tool's result, that it was found."""
        if prompt.messages and prompt.messages[-1].role is Role.TOOL:
            return Answer("I have found it for you.")
        asked = sum(1 for each in self.prompts if each.messages[-1].role is not Role.TOOL)
        return self.plan.answers[(asked - 1) % len(self.plan.answers)]

    async def _stream(
        self, number: int, fault: Fault | None, answer: Answer
    ) -> AsyncGenerator[Item]:
        pace = self.plan.pace
        dice = random.Random(f"{self.plan.seed}/llm/{number}")  # noqa: S311 - a simulation
        what = fault.what if fault is not None else ""
        await anyio.sleep(pace.llm * dice.lognormvariate(0, pace.spread))
        if fault is not None and what in {"stalls", "late"}:
            await anyio.sleep(fault.seconds)
        if what == "is mute":
            await anyio.sleep_forever()
        if what == "says nothing":
            return
        tokens = [f"{word} " for word in answer.text.split(" ")]
        for start in range(0, len(tokens), TOKENS_IN_A_PIECE):
            piece = tokens[start : start + TOKENS_IN_A_PIECE]
            yield TextDelta("".join(piece))
            await anyio.sleep(pace.token * len(piece))
            if fault is not None:
                await strike_amid(fault)
        if answer.tool and what != "garbles":
            yield ToolCall(f"call-{number}", answer.tool, "{}")
        elif what == "garbles":
            yield ToolCall(f"call-{number}", "no_such_tool", '{"half": ')


async def strike_amid(fault: Fault) -> None:
    """What may go wrong in the middle of an answer."""
    match fault.what:
        case "drops":
            raise ProviderUnavailable("simulated", "lost the stream", stage="llm")
        case "lies":
            raise ProviderProtocolError("simulated", "sent what nobody can read", stage="llm")
        case "breaks":
            raise ValueError("simulated: a plugin's mistake")
        case "pauses":
            await anyio.sleep(fault.seconds)
        case "falls silent":
            await anyio.sleep_forever()
