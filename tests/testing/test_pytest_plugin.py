from __future__ import annotations

import time

import anyio
import pytest
import sniffio
from anyio.lowlevel import checkpoint
from starlette.websockets import WebSocket

from dialog_core.testing.pytest_plugin import real_loop
from dialog_core.testing.vendor import in_memory

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.anyio


async def test_an_hour_takes_no_time() -> None:
    began, really = anyio.current_time(), time.perf_counter()
    await anyio.sleep(3600)
    assert anyio.current_time() - began == 3600
    assert time.perf_counter() - really < 1


@pytest.mark.parametrize("_again", [1, 2])
async def test_each_test_has_a_fresh_clock(_again: int) -> None:
    assert anyio.current_time() < 60
    await anyio.sleep(3600)


@real_loop
async def test_real_loop_means_asyncio() -> None:
    assert sniffio.current_async_library() == "asyncio"


@real_loop
@pytest.mark.usefixtures("no_tasks_left", "quick_loop")
async def test_the_guards_pass_what_is_well_behaved() -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(checkpoint)


@real_loop
@pytest.mark.usefixtures("no_tasks_left")
async def test_a_vendor_in_memory_works_on_asyncio_too() -> None:
    async def app(scope: object, receive: object, send: object) -> None:
        socket = WebSocket(scope, receive, send)  # type: ignore[arg-type]
        await socket.accept()
        await socket.send_text(await socket.receive_text())

    async with in_memory(app) as services, services.connect("wss://vendor.example/") as socket:
        await socket.send("hello")
        assert await socket.receive() == "hello"


MISBEHAVING = """
import asyncio, time
import pytest
from dialog_core.testing.pytest_plugin import no_tasks_left, quick_loop, real_loop

pytestmark = [pytest.mark.anyio, real_loop]

@pytest.mark.usefixtures("quick_loop")
async def test_blocks():
    await asyncio.sleep(0)
    time.sleep(0.2)
    await asyncio.sleep(0)

@pytest.mark.usefixtures("no_tasks_left")
async def test_leaves():
    global left
    left = asyncio.get_running_loop().create_task(asyncio.sleep(60))
"""


def test_the_guards_catch_what_is_not(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(MISBEHAVING)
    result = pytester.runpytest()
    result.assert_outcomes(passed=2, errors=2)
    result.stdout.fnmatch_lines(["*the loop was blocked*", "*tasks outlived the test*"])
