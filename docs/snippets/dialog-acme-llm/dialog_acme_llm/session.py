"""The session: a request for each answer, whose words are told as they come."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

import attrs
import httpx

from dialog_acme_llm import AcmeSettings
from dialog_core import Prompt, ProviderProtocolError, ProviderUnavailable, Services, TextDelta
from dialog_core.net.sse import SseParser
from dialog_core.resilience.refusal import refusal


@attrs.frozen
class Acme:
    """One call's model."""

    settings: AcmeSettings
    services: Services

    @asynccontextmanager
    async def generate(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[TextDelta]]:
        """Stream one answer. Leaving the block closes the request, which stops Acme."""
        messages = [{"role": each.role.value, "text": each.text} for each in prompt.messages]
        try:
            async with self.services.http.stream(
                "POST",
                self.settings.url,
                json={"model": self.settings.model, "messages": messages},
                headers={"authorization": f"Key {self.settings.api_key.reveal()}"},
                timeout=self.settings.silence,
            ) as response:
                if response.is_error:
                    raise refusal(response, provider="acme-llm", stage="llm")
                async with aclosing(words_of(response)) as words:
                    yield words
        except httpx.HTTPError as error:
            raise ProviderUnavailable("acme-llm", type(error).__name__, stage="llm") from error


async def words_of(response: httpx.Response) -> AsyncGenerator[TextDelta, None]:
    """The answer as it comes; one that ends without saying so was cut."""
    parser = SseParser()
    async for chunk in response.aiter_raw():
        for event in parser.feed(chunk):
            try:
                text = json.loads(event.data)["text"]
            except (ValueError, LookupError, TypeError) as error:
                raise ProviderProtocolError("acme-llm", "sent no event", stage="llm") from error
            if text is None:
                return
            yield TextDelta(text)
    raise ProviderUnavailable("acme-llm", "an answer was cut", stage="llm")
