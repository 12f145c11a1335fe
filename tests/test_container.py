"""A call's objects live as long as their call."""

from __future__ import annotations

import gc
from collections import Counter

import anyio
import pytest
from dependency_injector.containers import DynamicContainer

from dialog_core.agent.call import Call
from dialog_core.call.runner import CallParts, CallRun
from dialog_core.call.turn_loop import TurnLoop
from dialog_core.process import Process
from dialog_core.speech.ledger import Ledger
from dialog_core.testing.fakes import FakeStt, FakeTts
from dialog_core.testing.line import FakeLine
from tests.test_process import Greeter, Stage, line

pytestmark = pytest.mark.anyio

OF_A_CALL = (
    Call, CallParts, CallRun, DynamicContainer, FakeLine, FakeStt, FakeTts, Greeter, Ledger, TurnLoop,
)  # fmt: skip
CALLS = 500
LAST_FEW = 3
"""Calls that frames of the event loop and of the test may still hold."""


def living() -> Counter[str]:
    gc.collect()
    return Counter(
        type(thing).__name__ for thing in gc.get_objects() if isinstance(thing, OF_A_CALL)
    )


async def one_call(stage: Stage, process: Process, number: int) -> None:
    phone = line(number)
    async with phone.calling(), anyio.create_task_group() as tasks:
        tasks.start_soon(stage.answer, process, phone)
        await phone.wait(0.3)
        phone.hang_up_by_caller()
    stage.made.clear()
    stage.answering = None


@pytest.mark.requirement("A.3", "B.40")
async def test_calls_leave_nothing_behind_in_their_process() -> None:
    stage = Stage()
    async with stage.open(front=stage.agent()) as process:
        for number in range(CALLS):
            await one_call(stage, process, number)
        stage.seen.clear()
        assert max(living().values(), default=0) <= LAST_FEW
