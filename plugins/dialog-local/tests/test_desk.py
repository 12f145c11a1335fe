from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import anyio
import pytest
from anyio.lowlevel import checkpoint
from dialog_local.desk import Desk

from dialog_core.testing.pytest_plugin import real_loop

pytestmark = [pytest.mark.anyio, real_loop]


def work(name: str, done: list[str]) -> Callable[[], Callable[[], None]]:
    return lambda: lambda: done.append(name)


async def waiting(desk: Desk, count: int) -> None:
    while desk.waiting < count:
        await checkpoint()


async def test_urgent_work_goes_first_then_first_come_first_served() -> None:
    desk, done, gate = Desk(), list[str](), threading.Event()

    async def run(name: str, *, urgent: bool) -> None:
        await desk.do(work(name, done), urgent=urgent)

    async def hold() -> None:
        await desk.do(lambda: gate.wait, urgent=True)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hold)
        await checkpoint()
        for number, (name, urgent) in enumerate(
            [("interim 1", False), ("final 1", True), ("interim 2", False), ("final 2", True)]
        ):
            tasks.start_soon(partial(run, name, urgent=urgent))
            await waiting(desk, number + 1)
        gate.set()
    assert done == ["final 1", "final 2", "interim 1", "interim 2"]


async def test_work_that_is_no_longer_wanted_is_not_done() -> None:
    prepared = list[str]()

    def prepare() -> Callable[[], str] | None:
        prepared.append("asked")
        return None

    assert await Desk().do(prepare, urgent=False) is None
    assert prepared == ["asked"]


async def test_an_error_goes_to_the_one_who_caused_it() -> None:
    desk = Desk()

    def fail() -> None:
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        await desk.do(lambda: fail, urgent=True)
    assert await desk.do(lambda: lambda: 7, urgent=True) == 7


async def test_who_leaves_the_queue_holds_nobody_up() -> None:
    desk, done, gate = Desk(), list[str](), threading.Event()
    leaver = anyio.CancelScope()

    async def leave() -> None:
        with leaver:
            await desk.do(work("leaver", done), urgent=True)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: desk.do(lambda: gate.wait, urgent=True))
        await checkpoint()
        tasks.start_soon(leave)
        await waiting(desk, 1)
        tasks.start_soon(lambda: desk.do(work("stayer", done), urgent=True))
        await waiting(desk, 2)
        leaver.cancel()
        await checkpoint()
        gate.set()
    assert done == ["stayer"]
    assert desk.waiting == 0


async def test_who_is_called_and_cancelled_at_once_passes_the_turn_on() -> None:
    desk, done, gate = Desk(), list[str](), threading.Event()
    leaver = anyio.CancelScope()

    async def hold() -> None:
        await desk.do(lambda: gate.wait, urgent=True)
        leaver.cancel()

    async def leave() -> None:
        with leaver:
            await desk.do(work("leaver", done), urgent=True)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hold)
        await checkpoint()
        tasks.start_soon(leave)
        await waiting(desk, 1)
        gate.set()
    assert await desk.do(lambda: lambda: 7, urgent=True) == 7
