"""The caller on a phone, against answers of every kind, on virtual time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from dialog_demo.caller import ANSWER_SECONDS, GOODBYE_SECONDS, Played, hold
from dialog_demo.script import Line
from dialog_demo.sound import first_sound
from dialog_twilio.testing import open_stage

from dialog_core.audio import AudioFrame
from dialog_core.protocols import Line as PhoneLine

pytestmark = pytest.mark.anyio

SECOND = b"\x80" * 8000


async def talk(line: PhoneLine, *, hang_up: bool, answers: int = 9) -> None:
    """Speak for a second at the start and whenever the caller has fallen silent."""
    await line.play(SECOND)
    was_loud = False
    async for event in line.events():
        if isinstance(event, AudioFrame):
            loud = event.data[0] == 0x80
            if was_loud and not loud:
                if hang_up and answers == 1:
                    await line.hang_up()
                    return
                if answers:
                    answers -= 1
                    await line.play(SECOND)
            was_loud = loud


def one() -> Line:
    return Line("Hello.", SECOND, 0.6, None)


async def held(
    answer: Callable[[PhoneLine], Awaitable[None]], lines: tuple[Line, ...]
) -> tuple[str, list[Played], bytes]:
    said: list[Played] = []
    async with open_stage(answer) as stage, stage.call() as phone:
        why = await hold(phone, lines, said=said.append)
        return why, said, phone.sent


async def test_lines_are_said_when_the_agent_has_been_silent_long_enough() -> None:
    async def answer(line: PhoneLine) -> None:
        await talk(line, hang_up=True, answers=2)

    why, said, sent = await held(answer, (one(), one()))
    assert why == ""
    assert [each.at for each in said] == pytest.approx([1.6, 4.2], abs=0.1)
    for each in said:
        assert first_sound(sent, each.at, each.at + 1) == each.at


async def test_an_interruption_comes_while_the_agent_speaks() -> None:
    async def answer(line: PhoneLine) -> None:
        await line.play(SECOND * 5)
        async for event in line.events():
            if isinstance(event, AudioFrame) and event.at > 3.0:
                await line.hang_up()
                return

    why, said, _ = await held(answer, (Line("Stop.", SECOND, None, 1.5),))
    assert why == ""
    assert said[0].at == pytest.approx(1.5, abs=0.1)


async def test_a_caller_who_is_not_answered_gives_up() -> None:
    async def answer(line: PhoneLine) -> None:
        await talk(line, hang_up=False, answers=0)

    why, said, sent = await held(answer, (one(), one()))
    assert (why, len(said)) == ("the agent did not answer", 1)
    assert len(sent) / 8000 == pytest.approx(2.6 + ANSWER_SECONDS, abs=0.2)


async def test_a_caller_waits_only_so_long_for_the_agent_to_hang_up() -> None:
    async def answer(line: PhoneLine) -> None:
        await talk(line, hang_up=False)

    why, _, sent = await held(answer, (one(),))
    assert why == "the agent did not hang up"
    assert len(sent) / 8000 == pytest.approx(2.6 + GOODBYE_SECONDS, abs=0.2)


async def test_a_call_that_ends_too_early_is_noticed() -> None:
    async def answer(line: PhoneLine) -> None:
        await talk(line, hang_up=True, answers=1)

    why, said, _ = await held(answer, (one(), one()))
    assert (why, len(said)) == ("the call ended", 1)
