"""Whole calls through the runner on virtual time, on the shipped fakes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from dialog_core.agent.call import Call
from dialog_core.messages import Role, Utterance
from dialog_core.observe.observations import CallEnded, Trouble
from dialog_core.testing.calls import in_call
from dialog_core.testing.line import FakeLine
from dialog_core.turns.records import BargeIn, Said, TurnComplete

pytestmark = pytest.mark.anyio


class Echo:
    """Repeats what it hears."""

    greeting = "Hello, how can I help?"

    async def reply(self, turn: Utterance, call: Call) -> AsyncIterator[str]:
        yield f"You said: {turn.text} "
        yield "Is there anything else that I can do for you on this fine day?"


class Noting:
    """Keeps what came of the call."""

    async def reply(self, _turn: Utterance, call: Call) -> AsyncIterator[str]:
        call.update_metadata(table="window")
        yield "Done."


async def test_a_conversation_is_heard_and_answered() -> None:
    line = FakeLine()
    async with in_call(line, Echo()) as call:
        await line.listen()
        await line.say("I want to book a table.")
        await line.listen()
    assert [(entry.role, entry.text) for entry in call.history.entries] == [
        (Role.ASSISTANT, "Hello, how can I help?"),
        (Role.USER, "I want to book a table."),
        (
            Role.ASSISTANT,
            "You said: I want to book a table. Is there anything else that I can do for you on this fine day?",
        ),
    ]
    assert [type(record) for record in call.records] == [Said, TurnComplete, Said]
    assert not [seen for seen in call.observed if isinstance(seen, Trouble)]
    assert isinstance(call.observed[-1], CallEnded)


async def test_observers_are_told_what_the_agent_noted() -> None:
    line = FakeLine()
    async with in_call(line, Noting()) as call:
        await line.say("A table, please.")
        await line.listen()
    ended = call.observed[-1]
    assert isinstance(ended, CallEnded)
    assert {key: value.text for key, value in ended.noted.items()} == {"table": "window"}


async def test_an_interruption_leaves_only_what_was_heard() -> None:
    line = FakeLine()
    async with in_call(line, Echo()) as call:
        await line.listen()
        await line.say("Hi.")
        await line.wait(2.0)
        await line.say("Stop it please.")
        await line.listen()
    cut = [record for record in call.records if isinstance(record, BargeIn)]
    assert len(cut) == 1
    assert "You said: Hi. Is there anything else".startswith(cut[0].heard)
    assert cut[0].heard
    assert len(line.clears) == 1
    assert call.history.entries[3].text == "Stop it please."
