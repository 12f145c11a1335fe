from __future__ import annotations

import time

import anyio
import pytest

from dialog_core.call.clock import SystemClock


@pytest.mark.anyio
async def test_the_clock_is_the_event_loops() -> None:
    clock = SystemClock()
    began = clock.monotonic()
    await anyio.sleep(5)
    assert clock.monotonic() - began == 5


def test_the_wall_clock_is_the_machines() -> None:
    assert abs(SystemClock().wall() - time.time()) < 5
