"""A bakery's telephone: one method, and the agent is whole."""

from __future__ import annotations

from collections.abc import AsyncIterator

from dialog_core import Call, Utterance


class Bakery:
    """Tells the opening hours."""

    greeting = "Good morning, this is the bakery. How can I help?"

    async def reply(self, turn: Utterance, call: Call) -> AsyncIterator[str]:
        """Answer one turn of the caller."""
        if "open" in turn.text.lower():
            yield "We open at seven, every day but Monday. "
            yield "On Sundays we close at noon."
        else:
            call.update_metadata(unanswered=turn.text)
            yield "Sorry, I only know when we are open."
