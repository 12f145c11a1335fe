from __future__ import annotations

import anyio
import pytest

from dialog_core.call.clock import SystemClock
from dialog_core.carriers.owed import SEEN_MOST, WAITING_MOST, Grace, Owed
from dialog_core.line import Recording

pytestmark = pytest.mark.anyio


def nothing() -> None:
    pass


async def test_a_line_waits_until_what_it_is_owed_has_come() -> None:
    owed, grace = Owed(nothing), Grace(SystemClock(), 10.0)
    grace.begin()
    owed.expect("r1")
    async with anyio.create_task_group() as tasks:

        async def callback() -> None:
            owed.deliver(Recording("r1", "completed"))
            owed.settle("r1")

        tasks.start_soon(callback)
        assert await owed.news(grace)
    assert list(owed.waiting) == [Recording("r1", "completed")]
    assert not await owed.news(grace)


async def test_it_does_not_wait_for_ever() -> None:
    clock = SystemClock()
    owed, grace = Owed(nothing), Grace(clock, 10.0)
    grace.begin()
    began = clock.monotonic()
    owed.expect("r1")
    assert await owed.news(grace)
    assert not await owed.news(grace)
    assert clock.monotonic() - began == pytest.approx(10.0)


async def test_what_is_settled_before_it_is_expected_is_not_expected() -> None:
    owed = Owed(nothing)
    owed.settle("r1")
    owed.expect("r1")
    assert owed.complete


async def test_each_callback_counts_once_and_memory_is_bounded() -> None:
    drops: list[None] = []
    owed = Owed(lambda: drops.append(None))
    assert owed.is_new("r1", "completed")
    assert not owed.is_new("r1", "completed")
    for number in range(SEEN_MOST):
        assert owed.is_new("r2", number)
    assert owed.is_new("r1", "completed")
    for number in range(WAITING_MOST + 3):
        owed.deliver(Recording(str(number), "completed"))
    assert len(owed.waiting) == WAITING_MOST
    assert len(drops) == 3
