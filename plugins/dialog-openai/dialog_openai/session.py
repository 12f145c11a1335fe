"""One HTTP request for each answer; the response is the stream, and closing it is how the model is stopped.

Entering a :meth:`OpenAIModel.generate` block waits for the first token. Until it has come, a failed try is repeated;
afterwards a failure is the caller's business, because words that are out cannot be taken back.

The same holds for both interfaces, Chat Completions and Responses: a :class:`Form` is what differs. How an answer ends:

* with ``stop`` or ``tool_calls``: the tool calls, then the token count;
* with ``length``: the same, without a tool call that was cut; a Trouble is recorded;
* with ``content_filter``: ProviderRejected if no word is out; else like ``length``, since another model would be asked
  to go on with what was filtered;
* with a refusal: it is text like any other, for the caller to hear;
* with an error, a silence or a lost connection: ProviderError, unless the model had already stopped.

Source: OpenAI's API reference, "Chat Completions", "Responses" and "Error codes"; the guide "Rate limits".
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import attrs

from dialog_core.factory import Services
from dialog_core.messages import Prompt
from dialog_core.observe.observations import ProviderTimed
from dialog_openai.answer import Answer, AnswerReader
from dialog_openai.asking import Asker, Setback
from dialog_openai.body import open_body
from dialog_openai.failures import PROVIDER
from dialog_openai.protocol import STAGE, build
from dialog_openai.protocol_responses import build as build_responses
from dialog_openai.reader import Item, Reader
from dialog_openai.responses_reader import ResponsesReader
from dialog_openai.settings import OpenAISettings

__all__ = ["OpenAIModel"]

HEADERS = {"accept": "text/event-stream", "content-type": "application/json"}


@attrs.frozen
class Form:
    """One of the two interfaces."""

    path: str
    build: Callable[[Prompt, OpenAISettings], bytes]
    reader: Callable[[str | None], AnswerReader]
    """Makes the reader of an answer; it is given the request's id."""


FORMS = {
    "chat": Form("/chat/completions", build, Reader),
    "responses": Form("/responses", build_responses, ResponsesReader),
}


@attrs.frozen
class OpenAIModel:
    """A streaming language model; one object a call."""

    settings: OpenAISettings
    services: Services

    @asynccontextmanager
    async def generate(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[Item]]:
        """Stream one answer; entering waits for its first token. Leaving the block stops the model.

        Raises: ProviderRejected, ProviderUnavailable or ProviderProtocolError, at entry or while iterating.
        """
        form = FORMS[self.settings.api]
        asker = Asker(self.settings, self.services, STAGE)
        attempt = partial(self._begin, asker, form, form.build(prompt, self.settings))
        clock = self.services.clock
        started = clock.monotonic()
        first: float | None = None
        try:
            async with AsyncExitStack() as stack:
                limit = self.settings.first_token
                answer = await asker.ask(stack, attempt, limit=limit, awaited="token")
                first = answer.first
                yield answer
        finally:
            timed = ProviderTimed("", PROVIDER, STAGE, started, first, clock.monotonic())
            self.services.observe(timed)

    async def _begin(
        self, asker: Asker, form: Form, content: bytes, own: AsyncExitStack
    ) -> Answer | Setback:
        """Ask, and wait for the first token; `own` closes what is opened."""
        response = await asker.post(form.path, headers=HEADERS, content=content)
        body = open_body(
            response,
            self.services.clock,
            coalesce=self.settings.coalesce,
            gather=self.settings.gather,
        )
        reader = form.reader(response.headers.get("x-request-id"))
        answer = Answer(self.services, body, self.settings.token_gap, reader)
        own.push_async_callback(answer.close)
        if not response.is_success:
            return await asker.refused(response)
        await answer.begin()
        return answer
