"""A hotel's concierge: a language model for what is asked, and code for what must be certain."""

from __future__ import annotations

from collections.abc import AsyncIterator

import attrs

from dialog_core import Call, TextDelta, Utterance, setting
from dialog_core.speech.prompt import new_prompt

INSTRUCTIONS = "You are the concierge of a small hotel by the sea. Answer in one or two sentences."


@attrs.define
class Concierge:
    """Fields made by `setting` are the agent's settings; the others are its own."""

    desk: str = setting(default="+15550003333", help="number of the front desk")
    notice: str = setting(default="This call is recorded.", help="said after the greeting")
    greeting: str = setting(default="Hello, how can I help?", help="spoken when the call begins")
    turns: int = attrs.field(default=0, init=False)

    async def opened(self, call: Call) -> None:
        """The call began: tell the model who calls, and say what must be heard."""
        call.note(f"The caller's number is {call.info.caller}.")
        if self.notice:
            await call.say(self.notice, interruptible=False)

    async def reply(self, turn: Utterance, call: Call) -> AsyncIterator[str]:
        """Answer one turn."""
        self.turns += 1
        if "goodbye" in turn.text.lower():
            yield "Goodbye, and have a pleasant stay."
            await call.hang_up()
            return
        if "front desk" in turn.text.lower():
            yield "One moment, I connect you."
            await call.transfer(self.desk)
            return
        assert call.llm is not None
        async with call.llm.generate(new_prompt(INSTRUCTIONS, call.history)) as answer:
            async for item in answer:
                if isinstance(item, TextDelta):
                    yield item.text

    async def silence(self, times: int, call: Call) -> AsyncIterator[str]:
        """Nobody has spoken for a while."""
        yield "Are you still there?" if times == 1 else f"Call us again at {call.info.called}."

    async def keypress(self, digit: str, call: Call) -> None:
        """The caller pressed a key."""
        if digit == "0":
            await call.transfer(self.desk, after="now")

    async def closed(self, call: Call) -> None:
        """The call is over."""
        call.update_metadata(turns=str(self.turns))
