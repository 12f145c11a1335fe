"""The concierge in whole calls, with a model that answers as told."""

from __future__ import annotations

import pytest
from concierge import Concierge

from dialog_core import Role
from dialog_core.testing.calls import in_call, new_policy
from dialog_core.testing.fakes import FakeLlm
from dialog_core.testing.line import FakeLine

pytestmark = pytest.mark.anyio


async def test_the_model_answers_and_knows_who_calls() -> None:
    line, llm = FakeLine(), FakeLlm(lambda _prompt: "Breakfast is from seven to ten.")
    async with in_call(line, Concierge(), llm=llm) as call:
        await line.listen()
        await line.say("When is breakfast?")
        await line.listen()
    assert call.history.heard().splitlines() == [
        "Hello, how can I help?",
        "This call is recorded.",
        "Breakfast is from seven to ten.",
    ]
    (prompt,) = llm.prompts
    notes = [message.text for message in prompt.messages if message.role is Role.DEVELOPER]
    assert notes == ["The caller's number is +15550001111."]
    assert call.call.metadata["turns"] == "1"


async def test_the_notice_is_heard_to_its_end() -> None:
    line = FakeLine()
    async with in_call(line, Concierge(), llm=FakeLlm(lambda _prompt: "Yes.")) as call:
        await line.wait(2.2)
        await line.say("Hello? Is anybody there?")
        await line.listen()
    assert "This call is recorded." in call.history.heard()


@pytest.mark.parametrize(
    ("words", "done"),
    [
        ("The front desk, please.", ("transfer", "+15550003333")),
        ("Thank you and goodbye.", ("hang_up", "")),
    ],
)
async def test_what_must_be_certain_needs_no_model(words: str, done: tuple[str, str]) -> None:
    line = FakeLine()
    async with in_call(line, Concierge()) as call:
        await line.listen()
        await line.say(words)
        await call.over.wait()
    assert line.done == [done]


async def test_a_key_leads_to_the_desk() -> None:
    line = FakeLine()
    async with in_call(line, Concierge()) as call:
        await line.wait(0.5)
        line.press("0")
        await call.over.wait()
    assert line.done == [("transfer", "+15550003333")]


async def test_a_silent_caller_is_asked_twice() -> None:
    line = FakeLine()
    async with in_call(line, Concierge(), policy=new_policy(patience=2.0)) as call:
        await call.over.wait()
    assert call.history.heard().splitlines()[2:] == [
        "Are you still there?",
        "Call us again at +15550002222.",
    ]
