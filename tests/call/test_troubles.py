"""Trouble inside one call: it is dealt with there, and all of it is closed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import anyio
import attrs
import pytest

from dialog_core.agent.call import Call
from dialog_core.audio import AudioFormat, AudioFrame
from dialog_core.messages import Transcript, Utterance
from dialog_core.observe.observations import CallEnded, Trouble
from dialog_core.policies.barge_in import SoftFade, SoftFadeSettings
from dialog_core.protocols import SttEvent, TtsSession
from dialog_core.testing.calls import InCall, in_call, new_policy
from dialog_core.testing.fakes import FakeTts
from dialog_core.testing.line import FakeLine
from dialog_core.turns.events import SpeechStarted, SpeechStopped
from dialog_core.turns.policy import Ask, Pause, Wait
from dialog_core.turns.records import Said, TurnComplete

pytestmark = pytest.mark.anyio


class Echo:
    async def reply(self, turn: Utterance, _call: Call) -> AsyncIterator[str]:
        yield f"You said {turn.text}"


def said(call: InCall) -> list[str]:
    return [record.heard for record in call.records if isinstance(record, Said)]


def troubles(call: InCall) -> list[str]:
    return [seen.detail for seen in call.observed if isinstance(seen, Trouble)]


def ended(call: InCall) -> str:
    last = call.observed[-1]
    assert isinstance(last, CallEnded)
    return last.reason


@attrs.define(eq=False)
class Recogniser:
    """Does at the start of a call what a test wants."""

    flood: int = 0
    error: Exception | None = None
    stops: bool = False

    @asynccontextmanager
    async def open(self, _fmt: AudioFormat) -> AsyncIterator[Recogniser]:
        yield self

    def feed(self, frame: AudioFrame) -> None:
        pass

    def note(self, event: SpeechStarted | SpeechStopped) -> None:
        pass

    async def events(self) -> AsyncIterator[SttEvent]:
        await anyio.sleep(1.0)
        for _ in range(self.flood):
            yield Transcript(1.0, "again", final=False)
        if self.error is not None:
            raise self.error
        if not self.stops:
            await anyio.sleep_forever()


async def run_with(stt: Recogniser) -> InCall:
    line = FakeLine()
    async with in_call(line, Echo(), stt=stt) as call:
        with anyio.fail_after(20):
            await call.over.wait()
    assert line.done == [("hang_up", "")]
    return call


@pytest.mark.requirement("A.31")
async def test_a_call_whose_events_overflow_ends_and_only_that() -> None:
    call = await run_with(Recogniser(flood=1000))
    assert ended(call) == "failed"
    assert troubles(call) == ["call 'fake-1': 256 events wait; its loop is stuck"]


@pytest.mark.parametrize(
    ("stt", "why"),
    [
        (Recogniser(error=KeyError("text")), "KeyError: 'text'"),
        (Recogniser(stops=True), "the recogniser stopped"),
    ],
)
async def test_a_recogniser_that_breaks_its_contract_ends_the_call_with_an_apology(
    stt: Recogniser, why: str
) -> None:
    call = await run_with(stt)
    assert said(call) == ["Sorry, something went wrong."]
    assert ended(call) == "listener failed"
    assert why in str(call.observed)


async def test_lost_marks_cost_no_reply() -> None:
    line = FakeLine(loses_marks=True)
    async with in_call(line, Echo()) as call:
        for text in ("One.", "Two."):
            await line.say(text)
            await line.listen(quiet=4.0)
    assert said(call) == ["You said One.", "You said Two."]


class Unhelpful:
    """An endpointer that wants to think and then fails."""

    def judge(self, _pause: Pause) -> Ask:
        return Ask(1.0)

    async def ask(self, _pause: Pause) -> Wait:
        raise ZeroDivisionError


class Thoughtful(Unhelpful):
    """One that answers."""

    async def ask(self, pause: Pause) -> Wait:
        await anyio.sleep(0.3)
        return Wait(5.0 if pause.text == "Well," else 0.0)


async def test_an_endpointer_that_fails_is_ignored_and_silence_decides() -> None:
    line = FakeLine()
    async with in_call(line, Echo(), policy=new_policy(endpointer=Unhelpful())) as call:
        await line.say("One.")
        await line.listen()
    assert said(call) == ["You said One."]
    assert "ZeroDivisionError" in troubles(call)[0]


async def test_an_endpointer_that_thinks_holds_the_turn_open() -> None:
    line = FakeLine()
    async with in_call(line, Echo(), policy=new_policy(endpointer=Thoughtful())) as call:
        await line.say("Well,")
        await line.wait(3.0)
        await line.say("two.")
        await line.listen()
    assert [r.utterance.text for r in call.records if isinstance(r, TurnComplete)] == ["Well, two."]


class Silent:
    """Cannot be opened."""

    def open(self, fmt: AudioFormat) -> AbstractAsyncContextManager[TtsSession]:
        raise OSError("no device")


async def test_a_call_that_cannot_be_set_up_is_hung_up_and_closed() -> None:
    closed: list[str] = []

    class Closing(Echo):
        async def closed(self, _call: Call) -> None:
            closed.append("closed")

    line = FakeLine()
    async with in_call(line, Closing(), tts=Silent()) as call:
        with anyio.fail_after(5):
            await call.over.wait()
    assert (ended(call), line.done, closed) == ("failed", [("hang_up", "")], ["closed"])


class Badly:
    """Has something else by the name of an optional method."""

    closed = 3

    async def reply(self, turn: Utterance, _call: Call) -> AsyncIterator[str]:
        yield turn.text

    async def opened(self, _call: Call) -> None:
        raise ValueError("not today")


async def test_optional_methods_that_fail_are_observed_and_cost_nothing() -> None:
    line = FakeLine()
    async with in_call(line, Badly()) as call:
        await line.say("Hello.")
        await line.listen()
    assert said(call) == ["Hello."]
    assert [detail.split(":")[0] for detail in troubles(call)] == ["ValueError", "TypeError"]


WORDS = " ".join(f"word{number}" for number in range(300))


class Reader:
    greeting = ""

    async def reply(self, _turn: Utterance, _call: Call) -> AsyncIterator[str]:
        yield WORDS


@pytest.mark.requirement("D.11")
async def test_a_held_reply_is_silent_and_goes_on_without_gap_even_if_far_ahead() -> None:
    line, tts = FakeLine(), FakeTts(latency=0.0)
    policy = new_policy(barge_in=SoftFade(SoftFadeSettings(cut=8.0)), longest_hold=10.0)
    async with in_call(line, Reader(), tts=tts, policy=policy) as call:
        await line.say("Hello.")
        await line.wait(20.0)
        began = line.now
        await line.say("mhm", seconds=4.0)
        silent = [p for p in line.played if p.start > began + 1.0]
        assert silent == []
        await line.listen(longest=400.0)
    assert said(call)[0].split() == WORDS.split()
