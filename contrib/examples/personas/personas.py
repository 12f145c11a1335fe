"""One telephone number, several characters: a persona chosen in the settings, and one way of speaking for all.

What a persona is and what it says first are its own; how one speaks on the telephone is not, so it stands apart and is
put behind every persona's instructions.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import attrs

from dialog_core import Call, TextDelta, Utterance, setting
from dialog_core.speech.prompt import new_prompt

__all__ = ["PERSONAS", "SPEAKING", "Character", "Persona"]

SPEAKING = """
You are heard, not read: you speak on the telephone.
Answer in one to three short sentences, then stop and let the caller speak.
Use plain words and no markdown, lists, headings, emojis, links or stage directions.
Write numbers, dates, times and amounts as words, the way one says them.
Say so if you do not know something, and never make up names, prices or facts.
If you did not understand, ask the caller to say it again.
"""


@attrs.frozen
class Character:
    """Who answers."""

    greeting: str
    instructions: str


PERSONAS: Mapping[str, Character] = {
    "ada": Character(
        "Hello, this is Ada. What would you like to understand today?",
        "You are Ada, a patient tutor of mathematics and science. You explain with everyday examples, one step at a "
        "time, and ask whether it was clear.",
    ),
    "basil": Character(
        "Good day, Basil speaking, at the garden line. What is growing?",
        "You are Basil, a gardener of seventy years. You know plants, soil and weather, you are dry and kind, and you "
        "always ask where the plant stands before you advise.",
    ),
    "iris": Character(
        "Iris here, from the night desk. Take your time.",
        "You are Iris, who listens at night to people who cannot sleep. You are calm, you ask little, and you never "
        "give medical advice; in an emergency you tell the caller to hang up and dial the emergency number.",
    ),
}


@attrs.define
class Persona:
    """Answers as one of the characters. One object a call."""

    persona: str = setting(default="ada", one_of=tuple(PERSONAS), help="who answers")
    remembered: int = setting(
        default=40, at_least=2, help="messages of the conversation that the model is given"
    )

    @property
    def character(self) -> Character:
        """Who answers."""
        return PERSONAS[self.persona]

    @property
    def greeting(self) -> str:
        """Spoken when the call begins."""
        return self.character.greeting

    async def reply(self, turn: Utterance, call: Call) -> AsyncIterator[str]:  # noqa: ARG002 - it ends the history
        """Answer from the conversation as it was heard."""
        assert call.llm is not None, "the settings file needs an llm table"
        instructions = f"{self.character.instructions}\n{SPEAKING}"
        prompt = new_prompt(instructions, call.history, limit=self.remembered)
        async with call.llm.generate(prompt) as answer:
            async for item in answer:
                if isinstance(item, TextDelta):
                    yield item.text

    async def silence(self, times: int, call: Call) -> AsyncIterator[str]:  # noqa: ARG002 - the same every time
        """The caller says nothing."""
        yield "Are you still there?"
