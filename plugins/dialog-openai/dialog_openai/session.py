"""One HTTP request for each answer; the response is the stream, and closing it is how the model is stopped.

Entering a :meth:`OpenAIModel.generate` block waits for the first token. Until it has come, a failed try is repeated;
afterwards a failure is the caller's business, because words that are out cannot be taken back.

How an answer ends:

* with ``stop`` or ``tool_calls``: the tool calls, then the token count;
* with ``length``: the same, without a tool call that was cut; a Trouble is recorded;
* with ``content_filter``: ProviderRejected if no word is out; else like ``length``, since another model would be asked
  to go on with what was filtered;
* with a refusal: it is text like any other, for the caller to hear;
* with an error, a silence or a lost connection: ProviderError, unless the model had already stopped.

Source: OpenAI's API reference, "Chat Completions" and "Error codes"; the guide "Rate limits".
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import anyio
import attrs
import httpx

from dialog_core.errors import ProviderError, ProviderUnavailable
from dialog_core.factory import Services
from dialog_core.messages import Prompt
from dialog_core.observe.observations import ProviderTimed, Trouble
from dialog_openai.answer import Answer
from dialog_openai.body import open_body
from dialog_openai.protocol import PROVIDER, STAGE, build, failure_of, refusal
from dialog_openai.reader import Item, Reader
from dialog_openai.retry import RETRY_SECONDS, wait_before_retry
from dialog_openai.settings import OpenAISettings

__all__ = ["OpenAIModel"]

LONGEST_ERROR = 65536
"""Bytes of an error's body that are read."""


@attrs.frozen
class Setback:
    """A try that failed before its first token."""

    error: ProviderError
    wait: float | None
    """Seconds before another try; None if there should be none."""


@attrs.frozen
class OpenAIModel:
    """A streaming language model over Chat Completions; one object a call."""

    settings: OpenAISettings
    services: Services

    @asynccontextmanager
    async def generate(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[Item]]:
        """Stream one answer; entering waits for its first token. Leaving the block stops the model.

        Raises: ProviderRejected, ProviderUnavailable or ProviderProtocolError, at entry or while iterating.
        """
        content = build(prompt, self.settings)
        clock = self.services.clock
        started = clock.monotonic()
        first: float | None = None
        try:
            async with AsyncExitStack() as stack:
                answer = await self._open(stack, content)
                first = answer.first
                yield answer
        finally:
            timed = ProviderTimed("", PROVIDER, STAGE, started, first, clock.monotonic())
            self.services.observe(timed)

    async def _open(self, stack: AsyncExitStack, content: bytes) -> Answer:
        """An answer whose first token has come; `stack` closes it."""
        tries = 1 + self.settings.retries
        while True:
            tries -= 1
            outcome = await self._try(stack, content)
            if isinstance(outcome, Answer):
                return outcome
            if not tries or outcome.wait is None:
                raise outcome.error
            self.services.observe(Trouble("", PROVIDER, "asking again", str(outcome.error)))
            await anyio.sleep(outcome.wait)

    async def _try(self, stack: AsyncExitStack, content: bytes) -> Answer | Setback:
        """One request, up to its first token. A failed one is closed before another may begin."""
        async with AsyncExitStack() as own:
            try:
                with anyio.fail_after(self.settings.first_token):
                    outcome = await self._request(own, content)
            except TimeoutError:
                return Setback(unavailable(f"no token in {self.settings.first_token:g} s"), 0.0)
            except httpx.RequestError as error:
                return Setback(unavailable(f"cannot be reached: {name_of(error)}"), RETRY_SECONDS)
            except ProviderError as error:
                return Setback(error, RETRY_SECONDS if error.retryable else None)
            if isinstance(outcome, Answer):
                stack.push_async_exit(own.pop_all())
            return outcome

    async def _request(self, own: AsyncExitStack, content: bytes) -> Answer | Setback:
        """Ask, and wait for the first token; `own` closes what is opened."""
        settings, http = self.settings, self.services.http
        request = http.build_request(
            "POST",
            f"{settings.url.rstrip('/')}/chat/completions",
            content=content,
            headers=headers_of(settings),
            timeout=httpx.Timeout(None, connect=settings.connect_timeout),
        )
        response = await http.send(request, stream=True)
        body = open_body(response, self.services.clock, settings.coalesce)
        reader = Reader(response.headers.get("x-request-id"))
        answer = Answer(self.services, body, settings.token_gap, reader)
        own.push_async_callback(answer.close)
        if not response.is_success:
            return await self._refused(response)
        await answer.begin()
        return answer

    async def _refused(self, response: httpx.Response) -> Setback:
        """What an HTTP error means."""
        headers = response.headers
        failure = failure_of(self._without_key(await error_body(response)))
        request_id = headers.get("x-request-id")
        error = refusal(failure, status=response.status_code, request_id=request_id)
        wait = wait_before_retry(
            error, headers, now=self.services.clock.wall(), longest=self.settings.retry_wait
        )
        return Setback(error, wait)

    def _without_key(self, body: bytes) -> bytes:
        """An error's body, which some servers repeat the key in."""
        key = self.settings.api_key
        return body if key is None else body.replace(key.reveal().encode(), b"***")


def headers_of(settings: OpenAISettings) -> Mapping[str, str]:
    """The headers of a request; beside `_without_key` the only place where the secrets are revealed."""
    headers = {
        "accept": "text/event-stream",
        "accept-encoding": "identity",
        "content-type": "application/json",
    }
    if settings.api_key is not None:
        headers["authorization"] = f"Bearer {settings.api_key.reveal()}"
    if settings.organization:
        headers["openai-organization"] = settings.organization
    if settings.project:
        headers["openai-project"] = settings.project
    return headers | {name.lower(): value.reveal() for name, value in settings.headers.items()}


async def error_body(response: httpx.Response) -> bytes:
    """The beginning of an error's body; whatever there is, if the connection is lost."""
    body = bytearray()
    try:
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > LONGEST_ERROR:
                break
    except httpx.RequestError:
        return bytes(body)
    return bytes(body)


def unavailable(message: str) -> ProviderUnavailable:
    return ProviderUnavailable(PROVIDER, message, stage=STAGE)


def name_of(error: httpx.RequestError) -> str:
    """The error's kind; its text may be empty."""
    return type(error).__name__
