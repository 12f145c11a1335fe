"""The smallest agent: it says what it heard."""

from __future__ import annotations

from collections.abc import AsyncIterator

from dialog_core import Call, Utterance


class Echo:
    """Repeats what it hears."""

    greeting = "Hello."

    async def reply(self, turn: Utterance, call: Call) -> AsyncIterator[str]:
        """Answer one turn."""
        yield f"{call.info.caller}, you said: {turn.text}"
