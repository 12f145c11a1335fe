"""The agent of simulated calls: the core's own with two tools, and an application with wishes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import anyio
import attrs

from dialog_core.agent.agent import nothing
from dialog_core.agent.call import Call
from dialog_core.agent.chat import ChatAgent, ChatSettings
from dialog_core.agent.tools import Tool
from dialog_core.call.guard import closing
from dialog_core.factory import Services
from dialog_core.messages import Utterance
from dialog_core.testing.simulate.journal import Journal, ToolRun
from dialog_core.testing.simulate.plan import CallPlan, Wish
from dialog_core.turns.expectation import Date, Digits, Expectation, Spelling, YesNo

__all__ = ["EXPECTATIONS", "SimulatedAgent"]


def look_up(call: Call) -> str:
    """Find what the caller wants to know."""
    return call.id


def hang_up(call: Call) -> str:
    """End the call."""
    return call.id


EXPECTATIONS: Mapping[str, Expectation] = {
    "digits": Digits(4),
    "yes or no": YesNo(),
    "a date": Date(),
    "a spelling": Spelling(),
}
LOOK_UP, HANG_UP = Tool.of(look_up), Tool.of(hang_up)


@attrs.define(eq=False)
class SimulatedAgent:
    """Answers with a :class:`ChatAgent`; what it did is kept for the laws."""

    plan: CallPlan
    journal: Journal
    services: Services
    _chat: ChatAgent = attrs.field(init=False)
    _replies: int = 0

    def __attrs_post_init__(self) -> None:
        settings = ChatSettings(date=False, spoken_style=False, tool_timeout=5.0)
        tools = {
            "look_up": attrs.evolve(LOOK_UP, function=self._look_up),
            "hang_up": attrs.evolve(HANG_UP, function=self._hang_up),
        }
        self._chat = ChatAgent(settings, self.services, tools)

    @property
    def greeting(self) -> str:
        """Spoken first."""
        return self.plan.greeting

    async def reply(self, turn: Utterance, call: Call) -> AsyncIterator[str]:
        self._replies += 1
        wanted = self.plan.answers[(self._replies - 1) % len(self.plan.answers)].expects
        if wanted:
            call.expect(EXPECTATIONS[wanted])
        async with closing(self._chat.reply(turn, call)) as pieces:
            async for piece in pieces:
                yield piece

    def silence(self, times: int, call: Call) -> AsyncIterator[str]:
        if self.journal.always("agent", "has nothing to say"):
            return nothing()
        return self._chat.silence(times, call)

    async def opened(self, call: Call) -> None:
        async with anyio.create_task_group() as tasks:
            for wish in self.plan.wishes:
                tasks.start_soon(self._say, wish, call)

    async def _say(self, wish: Wish, call: Call) -> None:
        await anyio.sleep(max(0.0, wish.at - call.now))
        patience = float("inf") if wish.withdrawn is None else wish.withdrawn
        with anyio.move_on_after(patience):
            heard = await call.say(wish.text, interruptible=wish.interruptible)
            self.journal.promised.append((wish.text, heard))

    async def _look_up(self, call: Call) -> str:
        self.journal.ran.append(ToolRun(call.now, "look_up", call.reply))
        self.journal.note("tool", "look_up")
        fault = self.journal.trouble("tool", len(self.journal.ran))
        if fault is not None and fault.what == "breaks":
            raise ValueError("simulated: the application's mistake")
        if fault is not None:
            await anyio.sleep(fault.seconds)
        return "found"

    async def _hang_up(self, call: Call) -> str:
        self.journal.ran.append(ToolRun(call.now, "hang_up", call.reply))
        self.journal.note("tool", "hang_up")
        await call.hang_up(reason="said goodbye")
        return "the call ends"
