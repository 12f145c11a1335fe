"""Calls guests to remind them of their table."""

from __future__ import annotations

from collections.abc import AsyncIterator

from dialog_core import Call, CallServer, Progress, Utterance


class Reminder:
    """Says when the table is kept, and leaves."""

    async def opened(self, call: Call) -> None:
        """The guest has answered; what `dial` was told of the call is in its metadata."""
        time = call.metadata["time"]
        await call.say(f"This is the Harbour Inn. Your table is kept for {time}.")

    async def reply(self, turn: Utterance, call: Call) -> AsyncIterator[str]:
        """Whatever the guest says, thank them."""
        call.update_metadata(answer=turn.text)
        yield "Thank you. Goodbye."
        await call.hang_up()


async def remind(server: CallServer, number: str, time: str) -> bool:
    """Call a guest; returns when the call is over, True if they answered."""
    call = await server.dial("reminder", number, {"time": time})
    last = await server.states.reached(call, Progress.ENDED)
    return last.progress is Progress.ENDED
