"""The examples of contrib hold whole calls, as their settings files stand, against the pretended vendors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from dialog_deepgram.testing import FakeDeepgram
from dialog_openai.testing import FakeOpenAI, Reply
from dialog_twilio.testing import Phone

from dialog_core.messages import ToolCall
from dialog_core.turns.records import BargeIn, Said, TurnComplete
from tests.scenarios.staging import EXAMPLES, VOICE, Vendors, World, open_world

pytestmark = pytest.mark.anyio

CUSTOM_AGENT = EXAMPLES / "custom_agent" / "dialog.toml"
LONG = "A double room costs ninety euros a night. Breakfast is included, and served until ten."
STATUS = "Order 4711 is with the courier. It arrives tomorrow, before noon."
LOOK_UP = Reply(calls=(ToolCall("call_1", "order_status", '{"number": "4711"}'),))


async def greeted(phone: Phone) -> None:
    await phone.heard_speech()
    await phone.heard_silence(1.0)


async def ask(phone: Phone) -> None:
    await phone.say(VOICE)
    await phone.heard_speech()


def heard(world: World) -> list[str]:
    return [record.heard for record in world.records if isinstance(record, Said | BargeIn)]


def conversation(request: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a model was asked, without its instructions: (role, text)."""
    said = [message for message in request["messages"] if message["role"] != "system"]
    return [(message["role"], message.get("content") or "") for message in said]


@pytest.mark.requirement("A.1", "A.49")
async def test_the_minimal_example_answers_and_is_interrupted() -> None:
    vendors = Vendors(
        deepgram=FakeDeepgram(script=["What does a room cost?", "And with a dog?"]),
        openai=FakeOpenAI(script=[LONG, "Dogs stay for free."]),
    )
    async with open_world(vendors) as world:
        async with world.call() as phone:
            await greeted(phone)
            await ask(phone)
            await phone.silent(1.0)
            await ask(phone)
            await phone.heard_silence(1.5)
    turns = [record for record in world.records if isinstance(record, TurnComplete)]
    assert [turn.utterance.text for turn in turns] == ["What does a room cost?", "And with a dog?"]
    (cut,) = [record.heard for record in world.records if isinstance(record, BargeIn)]
    assert LONG.startswith(cut)
    assert cut != LONG
    assert conversation(vendors.openai.requests[1].body)[2] == ("assistant", f"{cut} —")
    assert heard(world)[-1] == "Dogs stay for free."
    assert phone.warnings == []
    assert world.troubles == []


@pytest.mark.requirement("A.41", "A.49")
async def test_the_custom_agent_looks_an_order_up_and_remembers_what_was_heard() -> None:
    vendors = Vendors(
        deepgram=FakeDeepgram(script=["Where is my order 4711?", "Thank you."]),
        openai=FakeOpenAI(script=[LOOK_UP, STATUS, "You are welcome."]),
    )
    async with open_world(vendors, file=CUSTOM_AGENT, agent="order_desk") as world:
        async with world.call() as phone:
            await greeted(phone)
            await ask(phone)
            await phone.silent(1.0)
            await ask(phone)
            await phone.heard_silence(1.5)
    (cut,) = [record.heard for record in world.records if isinstance(record, BargeIn)]
    first, second, third = (conversation(request.body) for request in vendors.openai.requests)
    assert [role for role, _ in first] == ["user"]
    assert first[0][1].startswith("[00:0")
    assert first[0][1].endswith("] Where is my order 4711?")
    assert second[1:] == [
        ("assistant", ""),
        ("tool", "with the courier, arriving tomorrow before noon"),
    ]
    assert third[:4] == [*second, ("assistant", f"{cut} —")]
    assert STATUS.startswith(cut)
    assert cut
    assert cut != STATUS
    assert third[4][1].endswith("] Thank you.")
    assert heard(world)[-1] == "You are welcome."
    assert phone.warnings == []
    assert world.troubles == []
