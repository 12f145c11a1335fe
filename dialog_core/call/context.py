"""What every part of a call knows of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import attrs

from dialog_core.messages import Prompt, TextDelta, ToolCall, Usage
from dialog_core.observe.observations import Observation
from dialog_core.protocols import LanguageModel, Line

__all__ = ["CallContext", "shown", "watched"]


@attrs.frozen
class CallContext:
    """A call's name, its clock, and where to tell what happens."""

    id: str
    now: Callable[[], float]
    """Seconds since the call began."""
    observe: Callable[[Observation], None]
    providers: dict[str, str] = attrs.field(factory=dict)
    """Who does the work now, by kind: ``stt``, ``llm``, ``tts``; for the log."""

    asked: Counter[str] = attrs.field(factory=Counter)
    """Requests that providers are working on, by kind."""

    def asks(self, kind: str) -> bool:
        """Whether a provider of a kind works on a request."""
        return self.asked[kind] > 0

    def who(self, kind: str) -> str:
        """A kind and its provider, as a log tells them."""
        return f"{kind} {self.providers[kind]}" if kind in self.providers else kind


@attrs.frozen
class WatchedLlm:
    """A language model, and whether it works on a request; see :class:`dialog_core.protocols.LanguageModel`."""

    model: LanguageModel
    context: CallContext

    @property
    def name(self) -> str:
        """What it is called in the settings."""
        return self.context.providers.get("llm", "llm")

    @asynccontextmanager
    async def generate(
        self, prompt: Prompt
    ) -> AsyncIterator[AsyncIterator[TextDelta | ToolCall | Usage]]:
        self.context.asked["llm"] += 1
        try:
            async with self.model.generate(prompt) as answer:
                yield answer
        finally:
            self.context.asked["llm"] -= 1


def watched(model: LanguageModel | None, context: CallContext) -> LanguageModel | None:
    """The call's model, whose requests the context knows of."""
    return None if model is None else WatchedLlm(model, context)


def shown(line: Line, observe: Callable[[Observation], None]) -> Callable[[Observation], None]:
    """Let a line that wants to see what is observed of its call; see :class:`dialog_core.protocols.Watching`."""
    watch: Callable[[Observation], None] | None = getattr(line, "watch", None)
    if watch is None:
        return observe
    see = watch

    def both(observation: Observation) -> None:
        observe(observation)
        see(observation)

    return both
