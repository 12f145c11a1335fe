"""What an ended call leaves is freed at once, without the garbage collector."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections import Counter
from collections.abc import Callable, Iterator

import anyio
import attrs
import pytest

from dialog_core.agent.call import Call
from dialog_core.audio import AudioFrame
from dialog_core.call.runner import CallRun
from dialog_core.call.turn_loop import TurnLoop
from dialog_core.cascade.listener import CascadeListener
from dialog_core.echo.guard import EchoGuard
from dialog_core.engine.slot import Slot
from dialog_core.garbage import THRESHOLDS, keep_tidy, new_task
from dialog_core.speech.ledger import Ledger
from dialog_core.testing.line import FakeLine
from dialog_core.testing.pytest_plugin import real_loop
from tests.test_container import one_call
from tests.test_process import Stage

pytestmark = pytest.mark.anyio
OF_A_CALL = (Call, CallRun, CascadeListener, EchoGuard, Ledger, Slot, TurnLoop)
CALLS = 10
LAST_FEW = 2
"""Calls that frames of the event loop and of the test may still hold."""


class Held:
    """Something that a task holds."""


@pytest.fixture
def no_collector() -> Iterator[Callable[[], list[object]]]:
    """Yields what tells the parts of calls that live; what others keep, as an exception's traceback, does not count."""
    gc.collect()
    others = weakref.WeakValueDictionary({id(each): each for each in parts_of_calls()})
    gc.disable()
    try:
        yield lambda: [each for each in parts_of_calls() if id(each) not in others]
    finally:
        gc.enable()


def parts_of_calls() -> list[object]:
    return [each for each in gc.get_objects() if isinstance(each, OF_A_CALL)]


async def cancelled() -> weakref.ref[Held]:
    """What a task held that was cancelled."""
    kept: list[weakref.ref[Held]] = []

    async def hold() -> None:
        held = Held()
        kept.append(weakref.ref(held))
        await anyio.sleep_forever()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hold)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    return kept[0]


@real_loop
@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("tidy", [True, False])
async def test_a_cancelled_task_keeps_nothing_alive(*, tidy: bool) -> None:
    loop = asyncio.get_running_loop()
    before = loop.get_task_factory()
    loop.set_task_factory(new_task if tidy else None)
    try:
        held = await cancelled()
    finally:
        loop.set_task_factory(before)
    assert (held() is None) == tidy, "without this, it waits for the collector"


@real_loop
async def test_a_task_returns_and_fails_as_ever() -> None:
    loop = asyncio.get_running_loop()

    async def work(fails: bool) -> str:
        if fails:
            raise KeyError("lost")
        return "found"

    assert await new_task(loop, work(False), name="search") == "found"
    failed = new_task(loop, work(True))
    with pytest.raises(KeyError, match="lost") as error:
        await failed
    assert [entry.name for entry in error.traceback][-1] == "work"


@real_loop
@pytest.mark.requirement("A.3")
async def test_ended_calls_are_freed_without_the_collector(
    no_collector: Callable[[], list[object]],
) -> None:
    loop = asyncio.get_running_loop()
    before = loop.get_task_factory()
    stage = Stage()
    async with stage.open(front=stage.agent()) as process:
        loop.set_task_factory(new_task)
        try:
            for number in range(CALLS):
                await one_call(stage, process, number)
        finally:
            loop.set_task_factory(before)
        stage.seen.clear()
        living = Counter(map(type, no_collector()))
        assert max(living.values(), default=0) <= LAST_FEW


@attrs.define(eq=False)
class Direct(FakeLine):
    """A line that hands audio over by itself, and keeps to whom."""

    feed: Callable[[AudioFrame], None] | None = None

    def divert(self, feed: Callable[[AudioFrame], None]) -> None:
        self.feed = feed


@real_loop
async def test_a_line_that_is_kept_keeps_nothing_of_its_call(
    no_collector: Callable[[], list[object]],
) -> None:
    loop = asyncio.get_running_loop()
    before = loop.get_task_factory()
    stage, phone = Stage(), Direct()
    async with stage.open(front=stage.agent()) as process:
        loop.set_task_factory(new_task)
        try:
            async with phone.calling(), anyio.create_task_group() as tasks:
                tasks.start_soon(stage.answer, process, phone)
                await phone.wait(0.3)
                assert phone.feed is not None
                (listener,) = (each for each in no_collector() if type(each) is CascadeListener)
                fed = weakref.ref(listener)
                del listener
                phone.hang_up_by_caller()
        finally:
            loop.set_task_factory(before)
        stage.made.clear()
        await anyio.wait_all_tasks_blocked()
        assert fed() is None


@real_loop
async def test_a_process_of_ours_is_set_up_so() -> None:
    loop, before = asyncio.get_running_loop(), gc.get_threshold()
    factory = loop.get_task_factory()
    try:
        keep_tidy()
        assert gc.get_threshold() == THRESHOLDS
        assert loop.get_task_factory() is new_task
        assert gc.get_freeze_count() > 0
    finally:
        loop.set_task_factory(factory)
        gc.unfreeze()
        gc.set_threshold(*before)
