from __future__ import annotations

from typing import Any, Literal, cast

import attrs
import pytest
from dialog_local.booking.agent import BookingAgent
from dialog_local.settings import BookingSettings

from dialog_core.agent.call import Call
from dialog_core.messages import Utterance

pytestmark = pytest.mark.anyio

SATURDAY = 1795262400.0


@attrs.frozen
class Clock:
    def monotonic(self) -> float:
        return 0.0

    def wall(self) -> float:
        return SATURDAY


@attrs.define
class CallStub:
    """What the agent uses of its call."""

    metadata: dict[str, str] = attrs.field(factory=dict)
    hung_up: list[str] = attrs.field(factory=list)

    def update_metadata(self, **values: str) -> None:
        self.metadata.update(values)

    async def hang_up(self, *, after: Literal["heard", "now"] = "heard", **_: Any) -> None:
        self.hung_up.append(after)


@attrs.define
class Conversation:
    """An agent and its call; every turn begins a second after the last, unless said."""

    agent: BookingAgent
    call: CallStub
    now: float = 0.0

    async def say(self, text: str, *, goes_on: bool = False) -> str:
        self.now += 0.0 if goes_on else 1.0
        turn = Utterance(text, self.now, self.now + 0.5)
        return " ".join([piece async for piece in self.agent.reply(turn, cast("Call", self.call))])


@pytest.fixture
def talk() -> Conversation:
    return Conversation(BookingAgent(BookingSettings(), Clock()), CallStub())


async def test_a_booking_is_put_into_the_calls_metadata(talk: Conversation) -> None:
    assert "Riverside Dental" in talk.agent.greeting
    await talk.say("My name is Anna Miller, can I come on Tuesday at ten thirty?")
    assert talk.call.metadata == {}
    await talk.say("yes")
    assert talk.call.metadata == {"appointment": "2026-11-24 10:30 Anna Miller"}
    assert talk.call.hung_up == []
    assert "Goodbye" in await talk.say("No, thank you, that is all good bye.")
    assert talk.call.hung_up == ["heard"]


async def test_a_turn_that_goes_on_is_answered_as_one(talk: Conversation) -> None:
    await talk.say("elephants")
    text = await talk.say("elephants Can I come on Tuesday?", goes_on=True)
    assert text.startswith("Tuesday, November 24th.")
    assert talk.agent._state.misses == 0


async def test_a_yes_that_goes_on_as_a_no_books_nothing(talk: Conversation) -> None:
    await talk.say("My name is Anna Miller, can I come on Tuesday at ten thirty?")
    await talk.say("yes")
    await talk.say("yes wait no, on Wednesday", goes_on=True)
    assert talk.call.metadata["appointment"] == ""


async def test_silence_ends_the_call_at_last(talk: Conversation) -> None:
    call = cast("Call", talk.call)
    for times, over in ((1, False), (2, False), (3, True)):
        said = [text async for text in talk.agent.silence(times, call)]
        assert len(said) == 1
        assert bool(talk.call.hung_up) is over


async def test_the_day_is_that_of_the_settings_time_zone() -> None:
    late = Conversation(
        BookingAgent(BookingSettings(timezone="Pacific/Auckland"), Clock()), CallStub()
    )
    assert late.agent._state.today.isoformat() == "2026-11-22"
