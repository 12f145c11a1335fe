from __future__ import annotations

import random
from collections.abc import Awaitable, Callable

import anyio
import attrs
import httpx

from dialog_core.errors import ProviderUnavailable
from dialog_core.resilience.backoff import Backoff

__all__ = ["Patience", "is_busy"]

BACKOFF = Backoff(first=0.25, cap=2.0, jitter=1.0)
TOO_MANY = 429
SERVER_ERRORS = 500
NOT_REACHED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""Nothing was sent, so nothing can have been done."""


@attrs.frozen
class Patience:
    """How often, and how long, a carrier's REST interface is asked for one thing.

    Refusals with 429 were not processed and are tried again; so are server errors and lost answers, unless doing the
    thing twice would be worse.
    """

    vendor: str
    retries: int
    deadline: float
    """Seconds for all attempts together."""
    chance: Callable[[], float] = random.random

    async def ask(
        self, once: Callable[[], Awaitable[httpx.Response]], *, twice: bool
    ) -> httpx.Response:
        """The last answer, whatever it says.

        once: makes one attempt. twice: whether doing it two times is harmless. Raises: ProviderUnavailable.
        """
        try:
            with anyio.fail_after(self.deadline):
                return await self._tries(once, twice=twice)
        except TimeoutError as error:
            raise self._unavailable(f"no answer in {self.deadline:g} s") from error

    async def _tries(
        self, once: Callable[[], Awaitable[httpx.Response]], *, twice: bool
    ) -> httpx.Response:
        for attempt in range(self.retries + 1):
            is_last = attempt == self.retries
            asked = 0.0
            try:
                response = await once()
            except NOT_REACHED as error:
                if is_last:
                    raise self._unavailable(f"not reached: {type(error).__name__}") from error
            except httpx.HTTPError as error:
                if is_last or not twice:
                    raise self._unavailable(f"no answer: {type(error).__name__}") from error
            else:
                status = response.status_code
                again = status == TOO_MANY or (twice and is_busy(status))
                if is_last or not again:
                    return response
                asked = _asked_to_wait(response)
            await anyio.sleep(max(asked, BACKOFF.wait(attempt, self.chance)))
        raise AssertionError("the last attempt returns or raises")

    def _unavailable(self, message: str) -> ProviderUnavailable:
        return ProviderUnavailable(self.vendor, message, stage="voip")


def is_busy(status: int) -> bool:
    """Whether an HTTP status says that another time, or another server, might do."""
    return status == TOO_MANY or status >= SERVER_ERRORS


def _asked_to_wait(response: httpx.Response) -> float:
    """Seconds that the carrier asks for; 0 if it does not, or asks with a date."""
    value: str = response.headers.get("retry-after", "")
    return float(value) if value.isdecimal() else 0.0
