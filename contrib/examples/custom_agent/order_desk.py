"""A shop's order desk: an agent that keeps its own history, and looks orders up.

The history is the agent's: each turn with the time of the call at which it was said, each reply as the caller heard it,
and the look-ups in between. What was heard is read from the call, because only the call knows where the caller
interrupted; a turn that was taken back, since the caller went on before any answer sounded, drops out the same way.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import attrs

from dialog_core import (
    Call,
    Message,
    Prompt,
    Role,
    TextDelta,
    Tool,
    ToolCall,
    Utterance,
    setting,
)
from dialog_core.agent.tools import ToolProblem

__all__ = ["OrderDesk", "order_status"]

INSTRUCTIONS = """
You answer the telephone of a shop for bicycle parts. Callers ask for the state of their orders: ask for the order's
number, look it up with order_status, and say what it tells. Answer in one or two short sentences without lists or
markdown. Before each turn of the caller stands the time of the call at which it ended, in minutes and seconds; " —"
ends what you could not finish saying. Never say either.
"""
ORDERS = {
    "4711": "with the courier, arriving tomorrow before noon",
    "4712": "being packed, leaving the shop this evening",
}
ROUNDS = 3
"""How often in one reply the model may look things up."""


def order_status(number: str) -> str:
    """Look up where an order is.

    number: the order's number, digits only
    """
    return ORDERS.get(number, "there is no order with this number")


@attrs.frozen
class Exchange:
    """A turn of the caller, and the number of the reply that was made for it."""

    turn: Utterance
    reply: int
    look_ups: list[Message] = attrs.field(factory=list)


@attrs.define
class OrderDesk:
    """One object for each call, so what it keeps is that call's."""

    greeting: str = setting(
        default="Spoke and Chain, the order desk. What can I do for you?",
        help="spoken when the call begins",
    )
    remembered: int = setting(default=20, at_least=1, help="turns that the model is given")
    exchanges: list[Exchange] = attrs.field(factory=list, init=False)
    tool: Tool = attrs.field(factory=lambda: Tool.of(order_status), init=False)

    async def reply(self, turn: Utterance, call: Call) -> AsyncIterator[str]:
        """Answer one turn, looking orders up as the model asks for it."""
        assert call.llm is not None, "the settings file needs an llm table"
        exchange = Exchange(turn, call.reply)
        self.exchanges.append(exchange)
        for _ in range(ROUNDS):
            wanted: list[ToolCall] = []
            async with call.llm.generate(self.prompt(call)) as answer:
                async for item in answer:
                    match item:
                        case TextDelta(text=text):
                            yield text
                        case ToolCall():
                            wanted.append(item)
            if not wanted:
                return
            exchange.look_ups.append(Message(Role.ASSISTANT, tool_calls=tuple(wanted)))
            exchange.look_ups.extend(self.look_up(each, call) for each in wanted)
            yield " "

    async def silence(self, times: int, call: Call) -> AsyncIterator[str]:  # noqa: ARG002 - the same every time
        """The caller says nothing."""
        yield "Are you still there? I only need your order number."

    def look_up(self, wanted: ToolCall, call: Call) -> Message:
        """Answer a tool call; what is wrong with it is told to the model, which then mends it."""
        try:
            text = self.tool.function(**self.tool.bind(wanted.arguments, call))
        except ToolProblem as problem:
            text = f"error: {problem}"
        return Message(Role.TOOL, text, tool_call_id=wanted.id)

    def prompt(self, call: Call) -> Prompt:
        """The latest exchanges, as they were said and heard."""
        latest = self.exchanges[-self.remembered :]
        conversation = (message for each in latest for message in messages_of(each, call))
        return Prompt((Message(Role.SYSTEM, INSTRUCTIONS), *conversation), (self.tool.spec,))


def messages_of(exchange: Exchange, call: Call) -> Iterator[Message]:
    """An exchange by what was heard; nothing of a turn that was taken back."""
    entries = call.history.entries
    if not any(entry.utterance == exchange.turn for entry in entries):
        return
    minutes, seconds = divmod(int(exchange.turn.ended), 60)
    yield Message(Role.USER, f"[{minutes:02}:{seconds:02}] {exchange.turn.text}")
    yield from exchange.look_ups
    for entry in entries:
        if entry.reply == exchange.reply and entry.text:
            yield Message(Role.ASSISTANT, entry.text + (" —" if entry.cut else ""))
