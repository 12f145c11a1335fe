"""A desk that asks for a number, and then whether it was understood."""

from collections.abc import AsyncIterator

from dialog_core import Call, Digits, Utterance, YesNo


class Desk:
    """Reads the number back."""

    greeting = "Good morning. What is the number of your booking?"

    async def opened(self, call: Call) -> None:
        """Say what the greeting asks for."""
        call.expect(Digits(6))

    async def reply(self, turn: Utterance, call: Call) -> AsyncIterator[str]:
        """Ask whether it was understood."""
        yield f"You said {turn.text}. "
        call.expect(YesNo())
        yield "Is that right?"
