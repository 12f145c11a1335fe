"""The conformance kits of OpenAI's components."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dialog_core.testing.contracts import Answer, Door, LlmAbility, LlmKit, LlmVendor
from dialog_openai.testing import KEY, FakeOpenAI, Reply

__all__ = ["kits"]


def chat() -> LlmVendor:
    """A fresh fake of Chat Completions."""
    fake = FakeOpenAI()

    def will_answer(*answers: str | Answer) -> None:
        given = len(fake.requests)
        script = [a if isinstance(a, str) else Reply(a.text, a.calls) for a in answers]

        def answer(_messages: Sequence[Mapping[str, object]]) -> str | Reply:
            return script[min(len(fake.requests) - given, len(script)) - 1]

        fake.script = answer

    return LlmVendor(
        Door(fake.app),
        will_answer,
        lambda: [request.body for request in fake.requests],
        lambda: fake.cancelled,
    )


def at(base_url: str) -> Mapping[str, object]:
    """Settings that reach a fake there."""
    return {"url": f"{base_url}/v1"}


def kits() -> tuple[LlmKit, ...]:
    """All kits of this plugin."""
    return (LlmKit("openai", {"api_key": KEY}, chat, frozenset(LlmAbility), at),)
