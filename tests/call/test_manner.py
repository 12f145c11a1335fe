"""How an agent changes the manner of speaking, for a reply or a part of one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import attrs
import pytest

from dialog_core.agent.call import Call
from dialog_core.messages import PLAIN, Manner, Utterance
from dialog_core.observe.observations import Observation, Trouble
from dialog_core.speech.manner import Unheeded
from dialog_core.testing.calls import in_call
from dialog_core.testing.fakes import FakeTts
from dialog_core.testing.line import FakeLine

pytestmark = pytest.mark.anyio


@attrs.define
class Moody:
    """Answers as a test says."""

    answer: Callable[[Call], AsyncIterator[str]]
    greeting: str = ""

    def reply(self, _turn: Utterance, call: Call) -> AsyncIterator[str]:
        return self.answer(call)


async def spoken(
    answer: Callable[[Call], AsyncIterator[str]], *, turns: int = 1
) -> list[tuple[str, Manner]]:
    """What a text-to-speech is given when the caller speaks so many times."""
    line, tts = FakeLine(), FakeTts()
    async with in_call(line, Moody(answer), tts=tts):
        for _ in range(turns):
            await line.say("Hello.")
            await line.listen()
    return [(segment.text.strip(), segment.manner) for segment in tts.spoken]


@pytest.mark.requirement("D.38")
async def test_a_part_of_a_reply_is_spoken_in_another_manner() -> None:
    async def answer(call: Call) -> AsyncIterator[str]:
        yield "Let me see"
        call.speak_with(mood="cheerful", speed=1.1)
        yield "You have won!"
        call.speak_with()
        yield "Anything else?"

    assert await spoken(answer) == [
        ("Let me see", PLAIN),
        ("You have won!", Manner(speed=1.1, mood="cheerful")),
        ("Anything else?", PLAIN),
    ]


@pytest.mark.requirement("D.38")
async def test_a_manner_set_in_a_reply_ends_with_it() -> None:
    async def answer(call: Call) -> AsyncIterator[str]:
        yield "Well."
        call.speak_with(mood="calm")
        yield "No hurry."

    calm = Manner(mood="calm")
    assert await spoken(answer, turns=2) == [("Well.", PLAIN), ("No hurry.", calm)] * 2


@pytest.mark.requirement("D.38")
async def test_outside_of_a_reply_it_is_for_the_whole_next_one() -> None:
    async def answer(call: Call) -> AsyncIterator[str]:
        del call
        yield "Good morning. "
        yield "What can I do for you?"

    line, tts = FakeLine(), FakeTts()
    async with in_call(line, Moody(answer), tts=tts) as call:
        call.call.speak_with(speed=0.9)
        for _ in range(2):
            await line.say("Hello.")
            await line.listen()
    slow = Manner(speed=0.9)
    assert [segment.manner for segment in tts.spoken] == [slow, slow, PLAIN, PLAIN]


async def test_a_message_within_a_reply_is_spoken_in_its_manner() -> None:
    async def answer(call: Call) -> AsyncIterator[str]:
        call.speak_with(mood="calm")
        await call.say("This takes a moment.")
        yield "Done."

    assert {manner for _, manner in await spoken(answer)} == {Manner(mood="calm")}


@pytest.mark.parametrize("speed", [0.0, -1.0])
def test_a_pace_that_is_none_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="must be > 0"):
        Manner(speed=speed)


def test_what_a_provider_cannot_do_is_told_once() -> None:
    observed: list[Observation] = []
    unheeded = Unheeded("acme", observed.append)
    unheeded.tell(["mood 'calm'", "speed 1.1"])
    unheeded.tell(["mood 'calm'"])
    assert [(each.where, each.detail) for each in observed if isinstance(each, Trouble)] == [
        ("acme", "mood 'calm'"),
        ("acme", "speed 1.1"),
    ]
