"""Whole calls in Acme's voice."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from dialog_acme_tts.session import Acme
from dialog_acme_tts.settings import AcmeSettings
from dialog_acme_tts.testing import FakeAcme

from dialog_core import Call, Secret, Utterance
from dialog_core.observe.observations import Trouble
from dialog_core.testing.calls import in_call
from dialog_core.testing.line import FakeLine
from dialog_core.testing.vendor import in_memory
from dialog_core.turns.records import BargeIn

pytestmark = pytest.mark.anyio
SETTINGS = AcmeSettings(api_key=Secret("acme-test"))


class Echo:
    greeting = "Hello."

    async def reply(self, turn: Utterance, _call: Call) -> AsyncIterator[str]:
        yield f"You said: {turn.text}"


async def test_it_speaks_and_is_interrupted() -> None:
    fake = FakeAcme()
    line = FakeLine()
    async with in_memory(fake.app) as services:
        async with in_call(line, Echo(), tts=Acme(SETTINGS, services)) as call:
            await line.listen()
            await line.say("I have a question about my very long order.")
            await line.wait(3.0)
            await line.say("Stop, please.")
            await line.listen()
    assert fake.spoken[0] == "Hello."
    (cut,) = [record for record in call.records if isinstance(record, BargeIn)]
    assert "You said: I have a question about my very long order.".startswith(cut.heard)
    assert cut.heard.startswith("You said:")
    assert not cut.heard.endswith("order.")
    assert call.history.heard().endswith("said: Stop, please.")


async def test_an_error_says_whose_fault_it_is() -> None:
    line = FakeLine()
    async with in_memory(FakeAcme(status=503).app) as services:
        async with in_call(line, Echo(), tts=Acme(SETTINGS, services)) as call:
            await line.listen()
    troubles = [seen.detail for seen in call.observed if isinstance(seen, Trouble)]
    assert troubles == ["acme-tts tts: refused (status 503)"]
    assert call.history.heard() == "Sorry, something went wrong."
