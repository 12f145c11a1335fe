"""One request after another until an answer has begun: what all HTTP components of this plugin have in common.

An attempt sends a request and waits until the first piece of the answer is here: a token, a sample, a word. Until then
a failed attempt is repeated, if that may help; afterwards a failure is the caller's business.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any, Protocol, TypeVar

import anyio
import attrs
import httpx

from dialog_core.errors import ProviderError, ProviderUnavailable
from dialog_core.factory import Services
from dialog_core.observe.observations import Trouble
from dialog_openai.account import Account, account_headers, without_key
from dialog_openai.failures import PROVIDER, failure_of, refusal
from dialog_openai.retry import RETRY_SECONDS, wait_before_retry

__all__ = ["Asker", "Attempt", "Setback"]

LONGEST_ERROR = 65536
"""Bytes of an error's body that are read."""

T = TypeVar("T")


class HttpAccount(Account, Protocol):
    """Settings of a component that asks over HTTP."""

    @property
    def url(self) -> str: ...

    @property
    def connect_timeout(self) -> float: ...

    @property
    def retries(self) -> int: ...

    @property
    def retry_wait(self) -> float: ...


@attrs.frozen
class Setback:
    """An attempt that failed before its answer had begun."""

    error: ProviderError
    wait: float | None
    """Seconds before another attempt; None if there should be none."""


Attempt = Callable[[AsyncExitStack], Awaitable[T | Setback]]
"""Sends a request and waits until its answer has begun; the stack closes what it opens."""


@attrs.frozen
class Asker:
    """Asks one server on behalf of one component."""

    account: HttpAccount
    services: Services
    stage: str

    async def ask(
        self, stack: AsyncExitStack, attempt: Attempt[T], *, limit: float, awaited: str
    ) -> T:
        """An answer that has begun; `stack` closes it. limit: seconds for each attempt to bring what is awaited.

        Raises: ProviderError.
        """
        failed = 0
        while True:
            outcome = await self._try(stack, attempt, limit, awaited)
            if not isinstance(outcome, Setback):
                return outcome
            if failed == self.account.retries or outcome.wait is None:
                raise outcome.error
            self.services.observe(Trouble("", PROVIDER, "asking again", str(outcome.error)))
            longest = max(outcome.wait, self.account.retry_wait)
            await anyio.sleep(min(outcome.wait * 2**failed, longest))
            failed += 1

    async def _try(
        self, stack: AsyncExitStack, attempt: Attempt[T], limit: float, awaited: str
    ) -> T | Setback:
        """One attempt. A failed one is closed before another may begin."""
        async with AsyncExitStack() as own:
            try:
                with anyio.fail_after(limit):
                    outcome = await attempt(own)
            except TimeoutError:
                return Setback(self.unavailable(f"no {awaited} in {limit:g} s"), 0.0)
            except httpx.RequestError as error:
                reason = f"cannot be reached: {type(error).__name__}"
                return Setback(self.unavailable(reason), RETRY_SECONDS)
            except ProviderError as error:
                return Setback(error, RETRY_SECONDS if error.retryable else None)
            if not isinstance(outcome, Setback):
                stack.push_async_exit(own.pop_all())
            return outcome

    async def post(self, path: str, *, headers: Mapping[str, str], **body: Any) -> httpx.Response:
        """Send a request; its answer is to be streamed. body: as httpx takes it. Raises: httpx.RequestError."""
        http = self.services.http
        request = http.build_request(
            "POST",
            self.account.url.rstrip("/") + path,
            headers={"accept-encoding": "identity", **headers, **account_headers(self.account)},
            timeout=httpx.Timeout(None, connect=self.account.connect_timeout),
            **body,
        )
        return await http.send(request, stream=True)

    async def refused(self, response: httpx.Response) -> Setback:
        """What an HTTP error means."""
        headers = response.headers
        failure = failure_of(without_key(self.account, await error_body(response)))
        error = refusal(
            failure,
            stage=self.stage,
            status=response.status_code,
            request_id=headers.get("x-request-id"),
        )
        now, longest = self.services.clock.wall(), self.account.retry_wait
        return Setback(error, wait_before_retry(error, headers, now=now, longest=longest))

    def unavailable(self, message: str) -> ProviderUnavailable:
        """The error of a server that is away, slow or broken."""
        return ProviderUnavailable(PROVIDER, message, stage=self.stage)


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
