"""A caller is never left in silence: hold phrases, the dead-air budget, and what follows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import anyio
import attrs
import pytest

from dialog_core.agent.call import Call
from dialog_core.audio import TELEPHONE, AudioFormat, AudioFrame
from dialog_core.cascade.ready_made import Holding, ReadyMade
from dialog_core.messages import Transcript, Utterance
from dialog_core.observe.observations import Trouble
from dialog_core.protocols import SttEvent
from dialog_core.testing.calls import InCall, in_call, new_policy
from dialog_core.testing.fakes import FakeStt
from dialog_core.testing.line import FakeLine
from dialog_core.turns.events import EndOfTurn, SpeechStarted, SpeechStopped
from dialog_core.turns.records import BargeIn, BrokenOff, Said
from dialog_core.turns.state import INTERRUPTIBLE

pytestmark = pytest.mark.anyio

BUDGET = 4.0
HOLDING = Holding(
    (
        ReadyMade("One moment.", TELEPHONE.silence(0.8)),
        ReadyMade("Thank you for waiting.", TELEPHONE.silence(1.2)),
    ),
    after=2.0,
)


@attrs.define
class Slow:
    """Thinks before its answer, or in the middle of it."""

    before: float = 0.0
    between: float = 0.0
    greeting: str = ""

    async def reply(self, _turn: Utterance, _call: Call) -> AsyncIterator[str]:
        await anyio.sleep(self.before)
        yield "I will look that up for you. "
        await anyio.sleep(self.between)
        yield "We have a table at eight."


def heard(call: InCall) -> list[str]:
    return [
        record.heard for record in call.records if isinstance(record, Said | BargeIn | BrokenOff)
    ]


def troubles(call: InCall) -> list[str]:
    return [f"{seen.what}: {seen.detail}" for seen in call.observed if isinstance(seen, Trouble)]


def gaps(line: FakeLine) -> list[float]:
    """Silences on the line between the caller's last voiced sample and the end of what was played."""
    sounds = [(line.spoken[-1].end, line.spoken[-1].end)]
    sounds += [(piece.start, piece.start + len(piece.audio) / 8000) for piece in line.played]
    return [after[0] - before[1] for before, after in pairwise(sounds) if after[0] > before[1]]


async def ask(line: FakeLine, agent: Slow, *, until: float, holding: bool = True) -> InCall:
    phrases = HOLDING if holding else None
    async with in_call(line, agent, policy=new_policy(), holding=phrases) as call:
        await line.say("Do you have a table?")
        await line.wait(until)
    return call


async def test_without_a_hold_phrase_dead_air_ends_in_the_apology_within_the_budget() -> None:
    line = FakeLine()
    call = await ask(line, Slow(before=60.0), until=8.0, holding=False)
    assert troubles(call) == ["left the line dead: nothing of reply 1 came from agent in time"]
    broken = next(record for record in call.records if isinstance(record, BrokenOff))
    assert broken.at - line.spoken[0].end == pytest.approx(BUDGET, abs=0.05)
    assert heard(call)[1] == "Sorry, something went wrong."
    assert max(gaps(line)) <= BUDGET + 0.05


async def test_dead_air_in_the_middle_of_a_reply_counts_from_what_left_for_the_carrier() -> None:
    line = FakeLine()
    call = await ask(line, Slow(between=60.0), until=12.0, holding=False)
    assert heard(call)[:2] == ["I will look that up for you.", "Sorry, something went wrong."]
    assert max(gaps(line)) == pytest.approx(BUDGET, abs=0.05)


async def test_a_reply_that_comes_within_the_budget_is_waited_for() -> None:
    line = FakeLine()
    call = await ask(line, Slow(before=2.8, between=3.5), until=14.0, holding=False)
    assert heard(call) == ["I will look that up for you. We have a table at eight."]


async def test_a_slow_answer_is_bridged_with_a_hold_phrase_that_is_part_of_what_was_heard() -> None:
    line = FakeLine()
    call = await ask(line, Slow(before=3.5), until=12.0)
    assert heard(call) == ["One moment. I will look that up for you. We have a table at eight."]
    assert gaps(line)[0] == pytest.approx(2.0, abs=0.05)


async def test_a_slow_tool_is_bridged_too() -> None:
    line = FakeLine()
    call = await ask(line, Slow(between=5.0), until=14.0)
    assert heard(call) == ["I will look that up for you. One moment. We have a table at eight."]


async def test_each_hold_phrase_is_said_once_and_then_the_apology_comes() -> None:
    line = FakeLine()
    call = await ask(line, Slow(before=60.0), until=20.0)
    assert heard(call)[:2] == [
        "One moment. Thank you for waiting.",
        "Sorry, something went wrong.",
    ]
    assert max(gaps(line)) <= BUDGET + 0.05


async def test_a_quick_answer_has_no_hold_phrase() -> None:
    line = FakeLine()
    call = await ask(line, Slow(before=0.5), until=10.0)
    assert heard(call) == ["I will look that up for you. We have a table at eight."]


async def test_a_caller_who_speaks_during_a_hold_phrase_is_listened_to() -> None:
    line = FakeLine()
    async with in_call(line, Slow(before=6.0), holding=HOLDING) as call:
        await line.say("Do you have a table?")
        await line.wait(2.3)
        await line.say("For two people please.")
        await line.wait(14.0)
    assert [type(record) for record in call.records if isinstance(record, BargeIn)] == [BargeIn]
    assert heard(call)[-1].endswith("We have a table at eight.")


# --- a caller of whom nothing is understood

UNHEARD = Holding(unheard=ReadyMade("Sorry, I did not hear you.", TELEPHONE.silence(1.0)))


class Deaf:
    """A recogniser whose connection stands, and which says nothing any more."""

    @asynccontextmanager
    async def open(self, _fmt: AudioFormat) -> AsyncIterator[Deaf]:
        yield self

    def feed(self, frame: AudioFrame) -> None:
        pass

    def note(self, event: SpeechStarted | SpeechStopped) -> None:
        pass

    async def events(self) -> AsyncIterator[SttEvent]:
        await anyio.sleep_forever()
        yield EndOfTurn(0.0)


async def test_a_mute_recogniser_leaves_no_silence_and_is_named_in_the_log() -> None:
    line = FakeLine()
    async with in_call(line, Slow(), stt=Deaf(), holding=UNHEARD) as call:
        call.run.context.providers["stt"] = "vendor"
        await line.say("Do you have a table?")
        await line.wait(6.0)
    assert heard(call)[0] == "Sorry, I did not hear you."
    assert max(gaps(line)) <= BUDGET
    assert "heard nothing: stt vendor made no word of the caller's voice" in troubles(call)


async def test_a_caller_whom_nobody_understands_is_let_go_cleanly() -> None:
    line = FakeLine()
    async with in_call(line, Slow(), stt=Deaf(), holding=UNHEARD) as call:
        for _ in range(3):
            await line.say("Do you have a table?")
            await line.wait(6.0)
        assert call.over.is_set()
    told = ["Sorry, I did not hear you."] * 2
    assert heard(call) == [*told, "Sorry, something went wrong."]
    assert line.done == [("hang_up", "")]


async def test_without_a_ready_made_sentence_the_agent_says_what_it_says_to_silence() -> None:
    line = FakeLine()
    async with in_call(line, Asking(), stt=Deaf()) as call:
        await line.say("Do you have a table?")
        await line.wait(6.0)
    assert heard(call)[0] == "Are you there?"


class Asking(Slow):
    """Asks who is silent."""

    async def silence(self, _times: int, _call: Call) -> AsyncIterator[str]:
        yield "Are you there?"


async def test_a_carrier_that_does_not_answer_ends_the_call_within_the_budget() -> None:
    class Stuck(FakeLine):
        async def hang_up(self) -> None:
            await anyio.sleep_forever()

    class Goodbye(Slow):
        async def opened(self, call: Call) -> None:
            await call.say("Goodbye.")
            self.before = call.now
            await call.hang_up()

    line, agent = Stuck(), Goodbye()
    async with in_call(line, agent) as call:
        await call.over.wait()
        assert line.now - agent.before <= BUDGET + 5.0  # the line's farewell is bounded by itself
    assert "could not end the call: the carrier did not answer in time" in troubles(call)


class Lying:
    """A recogniser whose times lie in the future."""

    def __init__(self, line: FakeLine, ahead: float) -> None:
        self.stt, self.ahead = FakeStt(line, interims=False), ahead

    @asynccontextmanager
    async def open(self, fmt: AudioFormat) -> AsyncIterator[Lying]:
        async with self.stt.open(fmt) as self.session:
            yield self

    def feed(self, frame: AudioFrame) -> None:
        self.session.feed(frame)

    def note(self, event: SpeechStarted | SpeechStopped) -> None:
        self.session.note(event)

    async def events(self) -> AsyncIterator[SttEvent]:
        async for event in self.session.events():
            assert isinstance(event, Transcript)
            words = tuple(
                attrs.evolve(word, start=word.start + self.ahead, end=word.end + self.ahead)
                for word in event.words
            )
            yield attrs.evolve(event, at=event.at + self.ahead, words=words)


async def test_words_that_end_in_the_future_are_not_waited_for() -> None:
    line = FakeLine()
    async with in_call(line, Slow(), stt=Lying(line, 30.0)) as call:
        await line.say("Do you have a table?")
        await line.wait(6.0)
    assert heard(call) == ["I will look that up for you. We have a table at eight."]
    assert max(gaps(line)) <= 1.5


async def test_a_greeting_that_may_not_be_interrupted_is_heard_and_the_words_are_answered() -> None:
    line = FakeLine()
    policy = new_policy(interruptible=INTERRUPTIBLE - {"greeting"})
    async with in_call(line, Slow(greeting="This call is recorded."), policy=policy) as call:
        await line.wait(0.5)
        await line.say("Do you have a table?")
        await line.wait(6.0)
    assert heard(call)[0] == "This call is recorded."
    assert len(heard(call)) == 2


async def test_words_that_come_after_the_budget_are_answered_all_the_same() -> None:
    line = FakeLine()
    policy = new_policy(idle_prompts=0)
    stt = FakeStt(line, latency=7.0, interims=False)
    async with in_call(line, Slow(), stt=stt, policy=policy) as call:
        await line.say("Do you have a table?")
        await line.wait(12.0)
    assert heard(call) == ["I will look that up for you. We have a table at eight."]
