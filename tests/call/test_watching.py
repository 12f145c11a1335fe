"""A line that wants to see what happens in its call, as one does that shows the caller a transcript."""

from __future__ import annotations

from collections.abc import AsyncIterator

import attrs
import pytest

from dialog_core.agent.call import Call
from dialog_core.messages import Utterance
from dialog_core.observe.observations import CallEnded, CallStarted, Observation
from dialog_core.testing.calls import in_call
from dialog_core.testing.line import FakeLine

pytestmark = pytest.mark.anyio


class Echo:
    async def reply(self, turn: Utterance, _call: Call) -> AsyncIterator[str]:
        yield turn.text


@attrs.define(eq=False)
class Display(FakeLine):
    """A line with eyes."""

    seen: list[Observation] = attrs.field(factory=list)

    def watch(self, observation: Observation) -> None:
        self.seen.append(observation)


async def test_a_line_that_watches_sees_what_the_call_observes_and_in_that_order() -> None:
    line = Display()
    async with in_call(line, Echo()) as call:
        await line.say("Is anybody there?")
        await line.listen()
    assert isinstance(line.seen[0], CallStarted)
    assert isinstance(line.seen[-1], CallEnded)
    assert line.seen == [each for each in call.observed if each in line.seen]
