"""What tests of async code need: virtual time, a marker for the tests that need real time, and two guards.

A tests folder puts its async tests on virtual time with one line in its ``conftest.py``::

    from dialog_core.testing.pytest_plugin import virtual_backend as anyio_backend

A project of its own may load all of this instead, with the markers, by naming this module in the ``pytest_plugins`` of
its topmost ``conftest.py``. Nothing is loaded into projects that do not ask.

Under the virtual clock a wait takes no time: as soon as every task waits, the clock jumps to the next deadline. Tests
that use threads, sockets or processes are marked :data:`real_loop`, because the clock cannot see those work.

Trio shuffles the tasks that are ready at once. The shuffling, and all chance drawn from :mod:`random`, begin each test
anew from ``DIALOG_SCHEDULE`` (0 if it is not set), so that a test which passed passes again; other numbers look for
tests, and code, that lean on one order.

Loaded whole, it also brings ``--contract-report``: see :mod:`dialog_core.testing.contract_report`.
"""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

__all__ = ["no_tasks_left", "quick_loop", "real_loop", "virtual_backend"]

BLOCKING_SECONDS = 0.1
pytest_plugins = ("dialog_core.testing.contract_report",)

real_loop = pytest.mark.parametrize("anyio_backend", ["asyncio"])
"""Runs an ``anyio`` test on asyncio, whatever its folder's default."""


@pytest.fixture
def virtual_backend() -> tuple[str, dict[str, Any]]:
    """Trio with a fresh clock that jumps over every wait, and with tasks in an order that can be had again."""
    from trio._core import _run as scheduler  # noqa: PLC0415 - only tests on virtual time need trio
    from trio.testing import MockClock  # noqa: PLC0415

    schedule = int(os.environ.get("DIALOG_SCHEDULE", "0"))
    random.seed(schedule)
    scheduler._r.seed(schedule)  # noqa: SLF001 - trio has no public way to make a run repeatable
    scheduler._ALLOW_DETERMINISTIC_SCHEDULING = True  # type: ignore[misc] # noqa: SLF001
    return "trio", {"clock": MockClock(autojump_threshold=0)}


@pytest.fixture
async def no_tasks_left(anyio_backend_name: str) -> AsyncIterator[None]:
    """Fails an asyncio test that leaves a task behind; trio cannot leave one."""
    yield
    if anyio_backend_name != "asyncio":
        return
    import asyncio  # noqa: PLC0415 - only on this backend

    left = [task for task in asyncio.all_tasks() if "TestRunner." not in repr(task.get_coro())]
    assert not left, f"tasks outlived the test: {left}"


@pytest.fixture
async def quick_loop(
    anyio_backend_name: str, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[None]:
    """Fails an asyncio test in which one step kept the loop for more than 100 ms."""
    if anyio_backend_name != "asyncio":
        yield
        return
    import asyncio  # noqa: PLC0415 - only on this backend

    loop = asyncio.get_running_loop()
    before, loop.slow_callback_duration = loop.slow_callback_duration, BLOCKING_SECONDS
    loop.set_debug(True)
    with caplog.at_level("WARNING", logger="asyncio"):
        yield
    loop.set_debug(False)
    loop.slow_callback_duration = before
    slow = [
        record.getMessage() for record in caplog.get_records("call") if record.name == "asyncio"
    ]
    assert not slow, f"the loop was blocked: {slow}"


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers, so that plugins' own test runs may be strict about them."""
    for marker in markers():
        config.addinivalue_line("markers", marker)


def markers() -> Iterator[str]:
    """The markers' declarations."""
    yield "requirement(*ids): lines of the requirement ledger that the test shows"
    yield "certify: needs the vendors' own SDKs"
    yield "models: needs the local speech models"
