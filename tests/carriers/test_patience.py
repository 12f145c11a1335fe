from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator

import anyio
import httpx
import pytest

from dialog_core.carriers.patience import Patience, is_busy
from dialog_core.errors import ProviderUnavailable

pytestmark = pytest.mark.anyio

Outcome = httpx.Response | Exception


def attempts(
    *outcomes: Outcome,
) -> tuple[Callable[[], Awaitable[httpx.Response]], Iterator[Outcome]]:
    """A request that ends so, one attempt after another; and what is left of that."""
    left = iter(outcomes)

    async def once() -> httpx.Response:
        match next(left):
            case httpx.Response() as response:
                return response
            case error:
                raise error

    return once, left


def patience(*, retries: int = 2, deadline: float = 10.0) -> Patience:
    return Patience("acme", retries, deadline, lambda: 0.0)


async def waited(work: Awaitable[object]) -> float:
    before = anyio.current_time()
    await work
    return anyio.current_time() - before


@pytest.mark.parametrize("status", [200, 301, 400, 404])
async def test_a_clear_answer_is_the_answer(status: int) -> None:
    once, left = attempts(httpx.Response(status))
    assert (await patience().ask(once, twice=True)).status_code == status
    assert list(left) == []


@pytest.mark.parametrize("outcome", [httpx.Response(503), httpx.ReadError("lost")])
async def test_what_may_have_been_done_is_asked_again_where_that_is_harmless(
    outcome: Outcome,
) -> None:
    once, _ = attempts(outcome, httpx.Response(200))
    assert (await patience().ask(once, twice=True)).status_code == 200


async def test_what_must_not_be_done_twice_is_not_asked_again() -> None:
    once, left = attempts(httpx.Response(503), httpx.ReadError("lost"), httpx.Response(200))
    assert (await patience().ask(once, twice=False)).status_code == 503
    with pytest.raises(ProviderUnavailable, match="no answer: ReadError"):
        await patience().ask(once, twice=False)
    assert len(list(left)) == 1


@pytest.mark.parametrize("outcome", [httpx.Response(429), httpx.ConnectError("refused")])
async def test_what_was_not_done_is_asked_again_in_any_case(outcome: Outcome) -> None:
    once, _ = attempts(outcome, outcome, httpx.Response(200))
    assert (await patience().ask(once, twice=False)).status_code == 200


async def test_waits_grow_and_are_as_long_as_the_carrier_asks() -> None:
    busy, asking = httpx.Response(503), httpx.Response(429, headers={"retry-after": "3"})
    dated = httpx.Response(429, headers={"retry-after": "Thu, 01 Jan 2026 00:00:00 GMT"})
    done = httpx.Response(200)
    for outcomes, seconds in (((busy, busy, done), 0.75), ((asking, dated, done), 3.5)):
        once, _ = attempts(*outcomes)
        assert await waited(patience().ask(once, twice=True)) == pytest.approx(seconds)


async def test_the_last_refusal_is_the_answer_and_the_last_failure_an_error() -> None:
    once, _ = attempts(*[httpx.Response(503)] * 3)
    assert (await patience().ask(once, twice=True)).status_code == 503
    once, _ = attempts(*[httpx.ConnectTimeout("slow")] * 3)
    with pytest.raises(ProviderUnavailable, match="not reached: ConnectTimeout"):
        await patience().ask(once, twice=True)


async def test_all_attempts_together_have_a_deadline() -> None:
    once, _ = attempts(httpx.Response(429, headers={"retry-after": "3600"}))
    with pytest.raises(ProviderUnavailable, match="no answer in 10 s"):
        await patience().ask(once, twice=True)


def test_too_many_requests_and_server_errors_are_busy() -> None:
    assert [each for each in (200, 404, 429, 500, 503) if is_busy(each)] == [429, 500, 503]
