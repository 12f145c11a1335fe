"""An agent calls somebody: the documentation's example, as its settings file stands, with every vendor pretended."""

from __future__ import annotations

import importlib
from pathlib import Path

import anyio
import pytest
from dialog_deepgram.testing import FakeDeepgram
from dialog_twilio.testing import open_callees

from dialog_core.line import Progress
from dialog_core.observe.observations import CallState
from dialog_core.testing.phones import Outcome
from dialog_core.turns.records import Said
from tests.scenarios.staging import VOICE, Vendors, open_world

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("D.20")]

FILE = Path(__file__).parents[2] / "docs" / "snippets" / "outbound" / "dialog.toml"
GUEST = "+15550004444"


@pytest.fixture(autouse=True)
def beside_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(FILE.parent)


async def test_a_guest_is_reminded_and_thanked() -> None:
    reminders = importlib.import_module("reminders")
    vendors = Vendors(deepgram=FakeDeepgram(script=["We will be there."]))
    answered: list[bool] = []
    async with open_world(vendors, file=FILE, agent="reminder") as world:
        async with open_callees(world.outside, vendors.twilio) as callees:
            async with anyio.create_task_group() as tasks:

                async def remind() -> None:
                    answered.append(await reminders.remind(world.server, GUEST, "eight"))

                tasks.start_soon(remind)
                phone = await callees.dialled()
                await phone.heard_speech()
                await phone.heard_silence(1.0)
                await phone.say(VOICE)
                await phone.over()
    assert answered == [True]
    assert [record.heard for record in world.records if isinstance(record, Said)] == [
        "This is the Harbour Inn. Your table is kept for eight.",
        "Thank you. Goodbye.",
    ]
    told = [seen.progress for seen in world.observed if isinstance(seen, CallState)]
    assert told == [Progress.RINGING, Progress.ANSWERED, Progress.ENDED]
    assert world.troubles == []


async def test_a_guest_who_is_not_there_is_not_reminded() -> None:
    reminders = importlib.import_module("reminders")
    vendors = Vendors()
    async with open_world(vendors, file=FILE, agent="reminder") as world:
        async with open_callees(world.outside, vendors.twilio) as callees:
            callees.expect(Outcome.NO_ANSWER)
            assert not await reminders.remind(world.server, GUEST, "eight")
    assert world.endings == []
