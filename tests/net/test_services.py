from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import anyio
import pytest

from dialog_core.net.services import open_services
from dialog_core.net.shared import SharedResources
from dialog_core.net.version import USER_AGENT
from dialog_core.observe.observations import Observation, Trouble
from dialog_core.testing.pytest_plugin import real_loop

pytestmark = pytest.mark.anyio

seen: list[str] = []


@pytest.fixture(autouse=True)
def nothing_seen() -> None:
    seen.clear()


def resource(
    name: str, fault: Exception | None = None
) -> Callable[[], AbstractAsyncContextManager[str]]:
    @asynccontextmanager
    async def opened() -> AsyncIterator[str]:
        await anyio.sleep(1)
        if fault:
            raise fault
        seen.append(f"+{name}")
        try:
            yield name
        finally:
            await anyio.lowlevel.checkpoint()
            seen.append(f"-{name}")

    return opened


@asynccontextmanager
async def sharing(
    observe: Callable[[Observation], None] = lambda _: None,
) -> AsyncIterator[SharedResources]:
    async with anyio.create_task_group() as tasks:
        shared = SharedResources(tasks, observe)
        try:
            yield shared
        finally:
            await shared.close()
            tasks.cancel_scope.cancel()


async def test_all_who_ask_get_the_same_opened_once() -> None:
    async with sharing() as shared:
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(shared.get, "a", resource("a"))
        assert await shared.get("a", resource("b")) == "a"
    assert seen == ["+a", "-a"]


async def test_they_are_closed_in_reverse_order() -> None:
    async with sharing() as shared:
        await shared.get("a", resource("a"))
        await shared.get("b", resource("b"))
    assert seen == ["+a", "+b", "-b", "-a"]


async def test_order_is_kept_when_the_process_is_cancelled() -> None:
    with anyio.move_on_after(5):
        async with sharing() as shared:
            await shared.get("a", resource("a"))
            await shared.get("b", resource("b"))
            await anyio.sleep_forever()
    assert seen == ["+a", "+b", "-b", "-a"]


async def test_the_first_who_asked_may_leave() -> None:
    async with sharing() as shared:
        with anyio.move_on_after(0.5):
            await shared.get("a", resource("a"))
        assert await shared.get("a", resource("b")) == "a"


async def test_a_failure_goes_to_all_who_waited_and_is_forgotten() -> None:
    errors: list[str] = []

    async def ask(shared: SharedResources) -> None:
        with pytest.raises(ZeroDivisionError):
            await shared.get("a", resource("a", ZeroDivisionError()))
        errors.append("failed")

    async with sharing() as shared:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask, shared)
            tasks.start_soon(ask, shared)
        assert errors == ["failed", "failed"]
        assert await shared.get("a", resource("a")) == "a"


async def test_one_that_dies_is_observed_and_opened_again() -> None:
    observed: list[Observation] = []
    dying = anyio.Event()

    @asynccontextmanager
    async def mortal() -> AsyncIterator[str]:
        async with anyio.create_task_group() as tasks:

            async def die() -> None:
                await dying.wait()
                raise ZeroDivisionError

            tasks.start_soon(die)
            yield "first"

    async with sharing(observed.append) as shared:
        assert await shared.get("a", mortal) == "first"
        dying.set()
        await anyio.wait_all_tasks_blocked()
        assert await shared.get("a", resource("second")) == "second"
    assert [type(each) for each in observed] == [Trouble]


async def test_one_that_is_still_opening_is_cancelled() -> None:
    async with sharing() as shared, anyio.create_task_group() as tasks:
        tasks.start_soon(shared.get, "a", resource("a"))
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    assert seen == []


@real_loop
async def test_the_services_of_a_process_introduce_themselves_and_use_no_proxy() -> None:
    async with open_services(observe=lambda _: None) as services:
        assert services.http.headers["user-agent"] == USER_AGENT
        assert not services.http.trust_env
        assert services.clock.monotonic() <= anyio.current_time()
