"""What is spoken and what is kept: through whole calls, with a model that writes as models write."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import Any

import httpx
import pytest

from dialog_core.agent.chat import ChatAgent, ChatSettings
from dialog_core.call.clock import SystemClock
from dialog_core.factory import Services
from dialog_core.messages import Role, TextDelta
from dialog_core.net.websocket import open_websocket
from dialog_core.testing.calls import InCall, in_call
from dialog_core.testing.fakes import FakeLlm, FakeTts, heard_words
from dialog_core.testing.line import FakeLine
from dialog_core.turns.records import BargeIn, Said

pytestmark = pytest.mark.anyio

WRITTEN = (
    "**Good news!** The [blue one](https://shop.example/1) costs $24.99 until 11/21/2026 🎉 only."
)
SPOKEN = (
    "Good news! The blue one costs twenty-four dollars and ninety-nine cents until "
    "November twenty-first, twenty twenty-six only."
)
WORDS = (1, 1, 1, 1, 1, 1, 5, 1, 4, 0, 1)
"""How many spoken words each written word has."""


class Alone:
    """Shares nothing."""

    async def get(self, *_: object) -> Any:
        raise AssertionError


def writer() -> ChatAgent:
    services = Services(httpx.AsyncClient(), open_websocket, SystemClock(), Alone(), lambda _: None)
    return ChatAgent.of(ChatSettings(), services)


def model(text: str = WRITTEN, *, size: int = 3) -> FakeLlm:
    """Writes the same to everything, cut into tokens as a model might."""
    tokens = [TextDelta(text[start : start + size]) for start in range(0, len(text), size)]
    return FakeLlm(lambda _: tokens)


def after(words: int) -> str:
    """What is written of which all has been said after so many spoken words."""
    count = bisect_right(list(accumulate(WORDS)), words) if words else 0
    return " ".join(WRITTEN.split()[:count])


def kept(call: InCall) -> list[str]:
    return [entry.text for entry in call.history.entries if entry.role is Role.ASSISTANT]


@pytest.mark.parametrize("word_times", [True, False])
async def test_the_voice_gets_words_and_the_history_keeps_what_was_written(
    word_times: bool,
) -> None:
    line, tts = FakeLine(), FakeTts(word_times=word_times)
    async with in_call(line, writer(), tts=tts, llm=model()) as call:
        await line.say("What does it cost?")
        await line.listen()
    assert " ".join("".join(segment.text for segment in tts.spoken).split()) == SPOKEN
    assert kept(call) == [WRITTEN]
    assert [record.heard for record in call.records if isinstance(record, Said)] == [WRITTEN]


@pytest.mark.parametrize("size", [1, 3, 100])
@pytest.mark.parametrize("wait", [1.4, 3.1, 4.0, 5.4, 6.4, 7.4])
async def test_a_barge_in_within_an_amount_leaves_a_prefix_of_what_was_written(
    wait: float, size: int
) -> None:
    line, tts, llm = FakeLine(), FakeTts(), model(size=size)
    async with in_call(line, writer(), tts=tts, llm=llm) as call:
        await line.say("What does it cost?")
        await line.wait(wait)
        await line.say("Wait a moment please.")
        await line.listen()
    cut = next(record for record in call.records if isinstance(record, BargeIn))
    words = int(heard_words(line.played, tts)[1] + 1e-3)
    assert cut.heard in {after(words), after(words - 1)}
    assert kept(call)[0] == cut.heard
    assert llm.prompts[1].messages[-2].text == f"{cut.heard} —"


async def test_the_words_of_an_amount_do_not_count_one_by_one() -> None:
    """The interruptions above must not all fall between the same words."""
    assert [after(words) for words in (6, 7, 10)] == [WRITTEN[: WRITTEN.index(" $")]] * 3
    assert after(11).endswith("$24.99")
    assert after(16).endswith("11/21/2026 🎉")


async def test_a_segment_of_marks_alone_says_nothing_and_holds_nothing_up() -> None:
    line, tts = FakeLine(), FakeTts()
    async with in_call(line, writer(), tts=tts, llm=model("🎉\n---\n")) as call:
        await line.say("Well?")
        await line.listen()
    assert not any(segment.text.strip() for segment in tts.spoken if segment.reply == 1)
    assert tts.spoken[-1].text == "Are you still there?"
    assert not any(isinstance(record, BargeIn) for record in call.records)
