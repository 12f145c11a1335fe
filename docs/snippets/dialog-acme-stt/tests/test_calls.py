"""Whole calls that Acme's recogniser hears."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from dialog_acme_stt.session import Acme
from dialog_acme_stt.settings import AcmeSettings
from dialog_acme_stt.testing import FakeAcme

from dialog_core import Call, Secret, Utterance
from dialog_core.testing.calls import in_call
from dialog_core.testing.line import FakeLine
from dialog_core.testing.vendor import in_memory

pytestmark = pytest.mark.anyio
SETTINGS = AcmeSettings(api_key=Secret("acme-test"))


class Echo:
    greeting = "Hello."

    async def reply(self, turn: Utterance, call: Call) -> AsyncIterator[str]:
        yield f"{call.info.caller} said: {turn.text}"


async def test_it_hears_a_call() -> None:
    fake = FakeAcme(["Is anybody there?", "A table for two."])
    line = FakeLine()
    async with in_memory(fake.app) as services:
        async with in_call(line, Echo(), stt=Acme(SETTINGS, services)) as call:
            await line.listen()
            await line.say("any words: the fake hears its script")
            await line.listen()
            await line.say("and again")
            await line.listen()
    assert call.history.heard().splitlines() == [
        "Hello.",
        "+15550001111 said: Is anybody there?",
        "+15550001111 said: A table for two.",
    ]


async def test_no_word_is_lost_with_the_socket() -> None:
    fake = FakeAcme(["Is anybody there?"], drops_after=2.4)
    line = FakeLine()
    async with in_memory(fake.app) as services:
        async with in_call(line, Echo(), stt=Acme(SETTINGS, services)) as call:
            await line.wait(2.0)
            await line.say("three words now")
            await line.listen()
    assert fake.connections == 2
    (turn,) = [entry.utterance for entry in call.history.entries if entry.utterance is not None]
    assert turn.text == "Is anybody there?"
    assert turn.started == pytest.approx(2.0, abs=0.1)


async def test_a_wrong_key_ends_the_call_with_an_apology() -> None:
    fake = FakeAcme(["Is anybody there?"], key="another")
    line = FakeLine()
    async with in_memory(fake.app) as services:
        async with in_call(line, Echo(), stt=Acme(SETTINGS, services)) as call:
            await call.over.wait()
    assert "Sorry, something went wrong." in call.history.heard()
    assert fake.connections == 0
