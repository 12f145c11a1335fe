"""Hanging up when all was heard: the last word is never cut, and the wait for it is bounded."""

from __future__ import annotations

from collections.abc import AsyncIterator

import attrs
import pytest

from dialog_core.agent.call import Call
from dialog_core.messages import Utterance
from dialog_core.speech.ledger import MARK_GRACE
from dialog_core.testing.calls import InCall, in_call
from dialog_core.testing.fakes import FakeTts, heard_words
from dialog_core.testing.line import FakeLine
from dialog_core.turns.records import Said, TurnComplete

pytestmark = pytest.mark.anyio

GOODBYE = "Thank you for calling us today, and goodbye."


@attrs.define
class Leaving:
    """Says goodbye and hangs up, more than once if told so."""

    times: int = 1

    async def reply(self, _turn: Utterance, call: Call) -> AsyncIterator[str]:
        yield GOODBYE
        for _ in range(self.times):
            await call.hang_up()


async def leave(line: FakeLine, tts: FakeTts, *, times: int = 1, interject: str = "") -> InCall:
    async with in_call(line, Leaving(times), tts=tts) as call:
        await line.say("That is all.")
        await line.wait(2.0)
        if interject:
            await line.say(interject, seconds=1.5)
        await call.over.wait()
    return call


def words_heard(line: FakeLine, tts: FakeTts) -> float:
    return heard_words(line.played, tts)[1]


@pytest.mark.parametrize("times", [1, 3])
async def test_hanging_up_waits_for_the_last_word_and_again_is_harmless(times: int) -> None:
    line, tts = FakeLine(), FakeTts()
    call = await leave(line, tts, times=times)
    assert words_heard(line, tts) == pytest.approx(len(GOODBYE.split()), abs=0.1)
    assert [record.heard for record in call.records if isinstance(record, Said)] == [GOODBYE]
    assert line.done == [("hang_up", "")]


async def test_a_caller_who_speaks_under_the_goodbye_neither_cuts_it_nor_keeps_the_call() -> None:
    line, tts = FakeLine(), FakeTts()
    call = await leave(line, tts, interject="Oh and one more thing")
    assert words_heard(line, tts) == pytest.approx(len(GOODBYE.split()), abs=0.1)
    assert line.clears == []
    said = [record.utterance.text for record in call.records if isinstance(record, TurnComplete)]
    assert len(said) == 2
    assert line.done == [("hang_up", "")]


async def test_a_mark_that_never_returns_delays_the_end_by_a_bounded_tail() -> None:
    line, tts = FakeLine(loses_marks=True), FakeTts()
    await leave(line, tts)
    over = line.played[-1].start + len(line.played[-1].audio) / line.fmt.rate
    assert words_heard(line, tts) == pytest.approx(len(GOODBYE.split()), abs=0.1)
    assert line.done == [("hang_up", "")]
    assert over <= line.now <= over + MARK_GRACE + 0.1
