"""Whole calls on a line that returns the agent's voice: it never interrupts itself, and a caller still can."""

from __future__ import annotations

import pytest

from dialog_core.observe.observations import Judged
from dialog_core.policies.barge_in import HardCut, HardCutSettings
from dialog_core.testing.calls import InCall, in_call, new_policy
from dialog_core.testing.line import FakeLine
from dialog_core.testing.loopback import Loopback
from dialog_core.turns.records import Said
from tests.echo.speaking import Reader, Reading

pytestmark = pytest.mark.anyio

TEXT = "This is a long message that is to be heard to its end."
DELAYS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4)
LEVELS = (-10.0, -20.0, -30.0)
WITHIN = 0.3
"""Seconds in which a caller stops the agent."""
QUICK = HardCut(HardCutSettings(after=0.1))


def stopped_at(line: FakeLine) -> float:
    """When the line was first told to throw the agent's audio away."""
    return line.clears[0]


def vetoes(call: InCall) -> list[Judged]:
    return [seen for seen in call.observed if isinstance(seen, Judged) and seen.policy == "echo"]


@pytest.mark.parametrize("decibels", LEVELS)
@pytest.mark.parametrize("delay", DELAYS)
async def test_the_agent_never_interrupts_itself(delay: float, decibels: float) -> None:
    line = FakeLine(loopback=Loopback(delay, decibels))
    async with in_call(
        line, Reader(TEXT), tts=Reading(), policy=new_policy(barge_in=QUICK)
    ) as call:
        await line.listen()
    assert line.clears == []
    assert [type(record) for record in call.records] == [Said]
    assert vetoes(call)
