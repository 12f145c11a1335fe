"""What an agent says: within a reply and outside, interruptible or not, withdrawn or heard."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import anyio
import attrs
import pytest

from dialog_core.agent.call import Call
from dialog_core.errors import LocalProtocolError
from dialog_core.messages import Role, Utterance
from dialog_core.testing.calls import InCall, in_call
from dialog_core.testing.fakes import FakeTts
from dialog_core.testing.line import FakeLine
from dialog_core.turns.records import BargeIn, BrokenOff, Said
from dialog_core.turns.state import WANTED_LIMIT

pytestmark = pytest.mark.anyio

LONG = "This goes on and on, for quite a while, and it could well be interrupted by somebody."


@attrs.define
class Scripted:
    """Runs what a test gives it."""

    answer: Callable[[Call], AsyncIterator[str]] | None = None
    opening: Callable[[Call], Awaitable[None]] | None = None
    greeting: str = ""
    notes: list[object] = attrs.field(factory=list)

    async def reply(self, _turn: Utterance, call: Call) -> AsyncIterator[str]:
        if self.answer is not None:
            async for text in self.answer(call):
                yield text

    async def opened(self, call: Call) -> None:
        if self.opening is not None:
            await self.opening(call)


def heard(call: InCall) -> list[str]:
    return [entry.text for entry in call.history.entries if entry.role is Role.ASSISTANT]


@pytest.mark.requirement("A.34", "A.39")
async def test_a_message_outside_a_reply_waits_for_the_floor_and_returns_when_heard() -> None:
    agent, line = Scripted(greeting="Welcome to us."), FakeLine()

    async def opening(call: Call) -> None:
        agent.notes.append(await call.say("One moment."))
        agent.notes.append(heard_by(line))
        call.update_metadata(known="yes")

    agent.opening = opening
    async with in_call(line, agent) as call:
        await line.listen()
    assert agent.notes == [True, 2]
    assert sorted(heard(call)) == ["One moment.", "Welcome to us."]
    assert call.call.metadata["known"] == "yes"


def heard_by(line: FakeLine) -> int:
    """How many times audio began after silence."""
    ends, starts = -1.0, 0
    for piece in line.played:
        starts += piece.start > ends + 0.01
        ends = piece.start + len(piece.audio) / 8000
    return starts


@pytest.mark.requirement("A.33")
async def test_tokens_become_one_reply_in_the_order_they_came() -> None:
    async def answer(_call: Call) -> AsyncIterator[str]:
        for token in ("We ", "are op", "en. Co", "me", " in!"):
            yield token

    line, tts = FakeLine(), FakeTts()
    async with in_call(line, Scripted(answer), tts=tts) as call:
        await line.say("Hello.")
        await line.listen()
    assert heard(call) == ["We are open. Come in!"]
    assert [segment.text for segment in tts.spoken] == ["We are open. ", "Come in!"]


@pytest.mark.requirement("A.33")
async def test_a_message_within_a_reply_is_said_after_what_was_yielded() -> None:
    agent = Scripted()

    async def answer(call: Call) -> AsyncIterator[str]:
        yield "Let me see"
        agent.notes.append(await call.say("It may take a minute.", interruptible=False))
        yield "Here it is."

    agent.answer = answer
    line = FakeLine()
    async with in_call(line, agent) as call:
        await line.say("Hello.")
        await line.listen()
    assert agent.notes == [True]
    assert " ".join(heard(call)[-1].split()) == "Let me see It may take a minute. Here it is."


@pytest.mark.requirement("A.34", "A.35")
async def test_an_uninterruptible_message_is_heard_to_its_end_whatever_the_caller_says() -> None:
    agent = Scripted()

    async def opening(call: Call) -> None:
        agent.notes.append(await call.say(LONG, interruptible=False))

    agent.opening = opening
    line = FakeLine()
    async with in_call(line, agent) as call:
        await line.wait(1.0)
        await line.say("Stop it please now.")
        await line.listen()
    assert agent.notes == [True]
    assert heard(call) == [LONG]
    assert line.clears == []
    assert [entry.text for entry in call.history.entries if entry.role is Role.USER] == [
        "Stop it please now."
    ]


@pytest.mark.requirement("A.35")
async def test_a_protected_message_spares_itself_and_not_what_follows_it() -> None:
    async def answer(call: Call) -> AsyncIterator[str]:
        await call.say("This call is recorded for training, by law.", interruptible=False)
        yield LONG

    line = FakeLine()
    async with in_call(line, Scripted(answer)) as call:
        await line.say("Hello.")
        await line.wait(1.0)
        await line.say("Stop it please now, stop it, stop it, would you please stop it now.")
        await line.listen()
    [cut] = [record for record in call.records if isinstance(record, BargeIn)]
    assert cut.heard.startswith("This call is recorded for training, by law.")
    assert cut.heard != f"This call is recorded for training, by law. {LONG}"


@pytest.mark.requirement("A.22", "A.32")
async def test_cancelling_the_wait_withdraws_one_message_and_the_next_is_heard() -> None:
    async def opening(call: Call) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call.say, "Second message.")
            with anyio.move_on_after(1.0):
                await call.say(LONG)
            await anyio.sleep(5.0)

    line = FakeLine()
    async with in_call(line, Scripted(opening=opening)) as call:
        await line.listen(quiet=3.0)
    ends = [record for record in call.records if isinstance(record, Said | BrokenOff)]
    assert "Second message." in heard(call)
    assert [record.error for record in ends if isinstance(record, BrokenOff)] == ["withdrawn"]
    assert len(line.clears) == 1


async def test_withdrawing_a_message_that_waits_does_not_touch_the_one_that_sounds() -> None:
    async def opening(call: Call) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call.say, LONG)
            await anyio.sleep(0.5)
            with anyio.move_on_after(1.0):
                await call.say("Never mind.")

    line = FakeLine()
    async with in_call(line, Scripted(opening=opening)) as call:
        await line.listen()
    assert heard(call) == [LONG]
    assert line.clears == []


@pytest.mark.requirement("A.32")
@pytest.mark.parametrize("text", ["", "   ", "\n"])
async def test_empty_text_makes_no_sound_and_no_entry(text: str) -> None:
    agent = Scripted()

    async def answer(call: Call) -> AsyncIterator[str]:
        yield text
        agent.notes.append(await call.say(text))

    async def opening(call: Call) -> None:
        agent.notes.append(await call.say(text))

    agent.answer, agent.opening = answer, opening
    line, tts = FakeLine(), FakeTts()
    async with in_call(line, agent, tts=tts) as call:
        await line.say("Hello.")
        await line.wait(3.0)
    assert agent.notes == [True, True]
    assert tts.spoken == []
    assert heard(call) == []


async def test_text_that_cannot_be_pronounced_does_not_keep_who_says_it_waiting() -> None:
    agent = Scripted()

    async def answer(call: Call) -> AsyncIterator[str]:
        agent.notes.append(await call.say("...", interruptible=False))
        yield "Fine."

    agent.answer = answer
    line = FakeLine()
    async with in_call(line, agent, tts=Immediate()) as call:
        await line.say("Hello.")
        await line.listen()
    assert agent.notes == [True]
    assert not [record for record in call.records if isinstance(record, BrokenOff)]


class Immediate(FakeTts):
    """Speaks without any delay, and says nothing where there is no word."""


@pytest.mark.requirement("A.31")
async def test_a_message_too_many_is_refused() -> None:
    agent = Scripted()

    async def opening(call: Call) -> None:
        async with anyio.create_task_group() as tasks:
            for number in range(WANTED_LIMIT):
                tasks.start_soon(call.say, f"Message {number}.")
            await anyio.sleep(0.01)
            try:
                await call.say("One more.")
            except LocalProtocolError as error:
                agent.notes.append(str(error))
            tasks.cancel_scope.cancel()

    agent.opening = opening
    line = FakeLine()
    async with in_call(line, agent):
        await line.wait(1.0)
    assert agent.notes == [f"{WANTED_LIMIT} messages wait to be said; await some of them first"]


async def test_saying_something_when_the_call_is_over_returns_at_once() -> None:
    class Late(Scripted):
        async def closed(self, call: Call) -> None:
            with anyio.fail_after(1.0):
                self.notes.append(await call.say("Goodbye."))

    agent = Late()
    async with in_call(FakeLine(), agent):
        pass
    assert agent.notes == [False]
