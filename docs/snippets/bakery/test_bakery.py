"""The bakery's agent in whole calls; half a minute of talk takes a few milliseconds."""

from __future__ import annotations

import pytest
from bakery import Bakery

from dialog_core.testing.calls import in_call
from dialog_core.testing.line import FakeLine
from dialog_core.turns.records import BargeIn

pytestmark = pytest.mark.anyio


async def test_it_knows_when_it_is_open() -> None:
    line = FakeLine()
    async with in_call(line, Bakery()) as call:
        await line.listen()
        await line.say("When do you open?")
        await line.listen()
    assert "We open at seven" in call.history.heard()


async def test_an_impatient_caller_is_answered_and_history_holds_what_they_heard() -> None:
    line = FakeLine()
    async with in_call(line, Bakery()) as call:
        await line.listen()
        await line.say("When do you open?")
        await line.wait(2.5)
        await line.say("And what do you bake?")
        await line.listen()
    (cut,) = [record for record in call.records if isinstance(record, BargeIn)]
    assert "We open at seven, every day but Monday.".startswith(cut.heard)
    assert "Sunday" not in call.history.heard()
    assert "Sorry, I only know when we are open." in call.history.heard()
