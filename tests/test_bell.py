from __future__ import annotations

import anyio
import anyio.lowlevel
import pytest

from dialog_core.bell import Bell

pytestmark = pytest.mark.anyio


async def test_a_ring_wakes_the_task_that_waits() -> None:
    bell, woken = Bell(), anyio.Event()

    async def wait() -> None:
        await bell.wait()
        woken.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        assert not woken.is_set()
        bell.ring()
        await woken.wait()


async def test_rings_that_nobody_waits_for_count_as_one() -> None:
    bell = Bell()
    bell.ring()
    bell.ring()
    await bell.wait()
    with anyio.move_on_after(1.0) as limit:
        await bell.wait()
    assert limit.cancelled_caught


async def test_a_wait_that_was_cancelled_leaves_the_bell_as_it_was() -> None:
    bell = Bell()
    with anyio.move_on_after(1.0):
        await bell.wait()
    bell.ring()
    with anyio.fail_after(1.0):
        await bell.wait()
