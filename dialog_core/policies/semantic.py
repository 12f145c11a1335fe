"""The `semantic` endpointer: a language model is asked whether the caller has finished, only where words do not tell.

What punctuation, the last words or the expected answer make clear costs no request. At an ambiguous pause the heuristic
wait runs meanwhile; an answer that comes before the deadline replaces it, a late or failed one changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import attrs

from dialog_core.call.guard import closing
from dialog_core.errors import ProviderError
from dialog_core.fields import setting
from dialog_core.language import primary
from dialog_core.messages import Message, Prompt, Role, TextDelta
from dialog_core.plugins import Chosen, component
from dialog_core.policies.endpointers import Heuristic, HeuristicSettings, Look
from dialog_core.protocols import LanguageModel
from dialog_core.turns.policy import Ask, Pause, Wait

if TYPE_CHECKING:
    from dialog_core.factory import Services

__all__ = ["Semantic", "SemanticSettings"]

INSTRUCTIONS = (
    "You judge turn-taking in a telephone call. You are given the agent's last words and what the caller has said "
    "since, transcribed without reliable punctuation. Has the caller finished, or are they in the middle of saying "
    "something? Answer with one word: finished or unfinished."
)
"""The whole instructions; the answer is read from its first letters."""


@attrs.frozen
class SemanticSettings:
    """Settings of the `semantic` endpointer."""

    llm: Chosen[LanguageModel] = component("llm")
    deadline: float = setting(
        default=0.6, unit="s", above=0, at_most=2, help="how long the model may take to answer"
    )
    finished: float = setting(
        default=0.4, unit="s", above=0, help="silence that ends a turn the model calls finished"
    )
    unfinished: float = setting(
        default=2.0, unit="s", above=0, help="silence that ends one it calls unfinished"
    )
    words: HeuristicSettings = setting(
        factory=HeuristicSettings,
        help="the waits where words alone tell, and where no model answers",
    )
    language: str | None = setting(
        default=None, spoken=primary, help="ISO 639-1 code of the language whose words it knows"
    )

    def heuristic(self) -> Heuristic:
        """What judges words alone."""
        language = self.words.language or self.language
        return Heuristic(attrs.evolve(self.words, language=language))


@attrs.frozen
class Semantic:
    """Words first; a model where they do not tell."""

    settings: SemanticSettings
    llm: LanguageModel
    heuristic: Heuristic

    @classmethod
    def of(cls, settings: SemanticSettings, services: Services) -> Semantic:
        """Build one with its own model."""
        return cls(settings, settings.llm.build(services), settings.heuristic())

    def judge(self, pause: Pause) -> Wait | Ask:
        """Ask only about settled words that are neither finished nor unfinished by their looks."""
        look = self.heuristic.look(pause)
        if look.clear or not pause.settled or not pause.text.strip():
            return Wait(look.seconds, look.reason)
        return Ask(look.seconds, "words do not tell; a model is asked")

    async def ask(self, pause: Pause) -> Wait:
        """The model's opinion, or the heuristic wait if it has none in time."""
        look = self.heuristic.look(pause)
        with anyio.move_on_after(self.settings.deadline):
            try:
                return self._understood(await self._opinion(pause), look)
            except ProviderError as error:
                return Wait(look.seconds, f"the model failed: {type(error).__name__}")
        return Wait(look.seconds, "the model did not answer in time")

    async def _opinion(self, pause: Pause) -> str:
        """The first words of the model's answer; as many as tell."""
        said = ""
        question = f"Agent: {pause.previous or '(nothing yet)'}\nCaller: {pause.text}"
        messages = (Message(Role.SYSTEM, INSTRUCTIONS), Message(Role.USER, question))
        async with self.llm.generate(Prompt(messages)) as answer, closing(answer) as items:
            async for item in items:
                said += item.text if isinstance(item, TextDelta) else ""
                if len(said.strip()) >= len("unfinished"):
                    break
        return said.strip().strip("\"'*.").lower()

    def _understood(self, said: str, look: Look) -> Wait:
        if said.startswith("unf"):
            return Wait(self.settings.unfinished, "the model calls it unfinished")
        if said.startswith("fin"):
            return Wait(self.settings.finished, "the model calls it finished")
        return Wait(look.seconds, "the model's answer could not be read")


async def warm(settings: SemanticSettings, services: Services) -> None:
    """Prepare the model."""
    chosen: Chosen[Any] = settings.llm
    await chosen.factory.warm(chosen.settings, services)
