"""What an agent may be and do, and what becomes of it when it misbehaves."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import attrs
import pytest

from dialog_core.agent.call import Call
from dialog_core.errors import LocalProtocolError, ProviderError, SettingsError, SettingsProblem
from dialog_core.messages import Prompt, Role, TextDelta, Utterance
from dialog_core.observe.observations import CallEnded, Trouble
from dialog_core.protocols import CallInfo
from dialog_core.testing.calls import InCall, in_call
from dialog_core.testing.fakes import FakeLlm, FakeStt, FakeTts
from dialog_core.testing.line import FakeLine
from dialog_core.turns.records import BargeIn, BrokenOff, Said, TakenBack, TurnComplete

pytestmark = pytest.mark.anyio

LONG = "This goes on and on, for quite a while, and it could well be interrupted by somebody. "


def said(call: InCall) -> list[str]:
    return [record.heard for record in call.records if isinstance(record, Said)]


def troubles(call: InCall) -> list[str]:
    return [seen.detail for seen in call.observed if isinstance(seen, Trouble)]


@attrs.define
class Patient:
    """Counts how often its generator was closed."""

    closings: int = 0
    stage: str = ""

    async def reply(self, _turn: Utterance, call: Call) -> AsyncIterator[str]:
        try:
            self.stage = "thinking"
            if call.llm is not None:
                async with call.llm.generate(Prompt(())) as answer:
                    async for item in answer:
                        if isinstance(item, TextDelta):
                            yield item.text
            for _ in range(20):
                yield LONG
                await anyio.sleep(0.5)
            self.stage = "done"
        finally:
            self.closings += 1


@pytest.mark.requirement("B.31", "A.36", "D.10")
async def test_a_barge_in_closes_the_agents_generator_the_model_and_the_voice() -> None:
    agent, line, tts = Patient(), FakeLine(), FakeTts()
    llm = FakeLlm(lambda _: LONG * 20, between=0.1)
    async with in_call(line, agent, tts=tts, llm=llm) as call:
        await line.say("Hello.")
        await line.wait(3.0)
        await line.say("Stop it please.")
        await line.wait(0.5)
        assert (agent.closings, agent.stage, llm.cancelled, tts.cancelled) == (1, "thinking", 1, 1)
    assert [type(record) for record in call.records][1] is BargeIn


@pytest.mark.requirement("B.31")
async def test_a_caller_who_goes_on_closes_a_reply_that_has_not_sounded() -> None:
    agent, line = Patient(), FakeLine()
    llm = FakeLlm(lambda _: LONG, first=3.0)
    async with in_call(line, agent, llm=llm) as call:
        await line.say("I would like.")
        await line.wait(1.5)
        await line.say("A table.")
        await line.wait(0.5)
        assert (agent.closings, llm.cancelled) == (1, 1)
        await line.wait(8.0)
    turns = [record for record in call.records if isinstance(record, TurnComplete | TakenBack)]
    assert [type(turn) for turn in turns][:3] == [TurnComplete, TakenBack, TurnComplete]
    users = [entry.text for entry in call.history.entries if entry.role is Role.USER]
    assert users == ["I would like. A table."]


@pytest.mark.requirement("A.7")
async def test_an_agent_is_any_class_with_one_method() -> None:
    class Tiny:
        async def reply(self, turn: Utterance, _call: Call) -> AsyncIterator[str]:
            yield turn.text

    line = FakeLine()
    async with in_call(line, Tiny()) as call:
        await line.say("Hello.")
        await line.listen()
        line.press("1")
    assert said(call) == ["Hello."]
    assert troubles(call) == []


@pytest.mark.requirement("B.42")
async def test_an_agent_that_raises_is_apologised_for_and_the_call_goes_on() -> None:
    class Clumsy:
        turns = 0

        async def reply(self, turn: Utterance, _call: Call) -> AsyncIterator[str]:
            self.turns += 1
            if self.turns == 1:
                raise KeyError("price")
            yield f"You said {turn.text}"

    line = FakeLine()
    async with in_call(line, Clumsy()) as call:
        await line.say("One.")
        await line.listen()
        await line.say("Two.")
        await line.listen()
    assert said(call) == ["Sorry, something went wrong.", "You said Two."]
    assert "KeyError: 'price'" in troubles(call)[0]


async def test_misuse_of_the_call_in_a_reply_costs_that_reply_only() -> None:
    class Confused:
        greeting = "Hello."

        async def opened(self, call: Call) -> None:
            call.did()

        async def reply(self, turn: Utterance, _call: Call) -> AsyncIterator[str]:
            yield f"You said {turn.text}"

    line = FakeLine()
    async with in_call(line, Confused()) as call:
        await line.listen()
        await line.say("One.")
        await line.listen()
    assert said(call) == ["Hello.", "You said One."]
    assert troubles(call) == ["no reply is being made here"]


async def test_an_agent_that_is_no_generator_is_told_what_to_write() -> None:
    class Wrong:
        async def reply(self, turn: Utterance, _call: Call) -> str:
            return turn.text

    line = FakeLine()
    with pytest.warns(RuntimeWarning, match="never awaited"):  # noqa: PT031 - a call is a block
        async with in_call(line, Wrong()) as call:  # type: ignore[arg-type]
            await line.say("One.")
            await line.listen()
    assert troubles(call) == [
        "plugin 'Wrong': reply must be an async generator: write async def and yield the text"
    ]


@pytest.mark.requirement("A.41")
async def test_an_agent_may_keep_its_own_history_and_stamp_what_it_hears() -> None:
    @attrs.define
    class Stamping:
        mine: list[str] = attrs.field(factory=list)

        async def reply(self, turn: Utterance, _call: Call) -> AsyncIterator[str]:
            self.mine.append(f"[{turn.started:.0f}s] {turn.text}")
            yield " ".join(self.mine)

    line, agent = FakeLine(), Stamping()
    async with in_call(line, agent):
        await line.say("Hi.")
        await line.listen()
    assert agent.mine == ["[0s] Hi."]


@pytest.mark.requirement("A.4", "A.39")
async def test_metadata_are_copies_that_merge() -> None:
    given = {"From": "+1", "City": "Bonn"}
    line = FakeLine(info=CallInfo("c1", "agent", "fake", metadata=given))
    async with in_call(line, Patient()) as running:
        call = running.call
        call.metadata["From"] = "changed"
        given["City"] = "changed"
        call.update_metadata(City="Köln", Table="4")
        assert call.metadata == {"From": "+1", "City": "Köln", "Table": "4"}
        assert dict(line.info.metadata) == {"From": "+1", "City": "Bonn"}


@pytest.mark.requirement("A.37")
async def test_a_voice_may_be_swapped_in_the_middle_of_a_call() -> None:
    first, second = FakeTts(), FakeTts()

    class Swapping:
        greeting = "Hello."

        async def reply(self, turn: Utterance, call: Call) -> AsyncIterator[str]:
            await call.use_tts("other", seconds_per_character=0.03)
            yield "Old voice. "
            yield turn.text

    line = FakeLine()
    async with in_call(line, Swapping(), tts=first, components={("tts", "other"): second}) as call:
        await line.listen()
        await line.say("One.")
        await line.listen()
        await line.say("Two.")
        await line.listen()
    assert [segment.text.strip() for segment in first.spoken] == ["Hello.", "Old voice.", "One."]
    assert [segment.text.strip() for segment in second.spoken] == ["Old voice.", "Two."]
    assert said(call)[-1] == "Old voice. Two."


@pytest.mark.requirement("A.37")
async def test_a_recogniser_may_be_swapped_in_the_middle_of_a_call() -> None:
    line = FakeLine()
    deaf, good = FakeStt(line, fails_at=9.0), FakeStt(line)

    class Swapping:
        async def reply(self, turn: Utterance, call: Call) -> AsyncIterator[str]:
            if turn.text == "One.":
                await call.use_stt(good)
            yield f"You said {turn.text}"

    async with in_call(line, Swapping(), stt=deaf) as call:
        await line.say("One.")
        await line.listen()
        await line.wait(9.0)
        await line.say("Two.")
        await line.listen()
    assert said(call)[-1].startswith("You said")
    assert "Two." in said(call)[-1]
    assert troubles(call) == []


async def test_nothing_is_swapped_in_a_call_that_is_over() -> None:
    line = FakeLine()
    async with in_call(line, Patient()) as call:
        pass
    with pytest.raises(LocalProtocolError, match="a call's stt was swapped after its end"):
        await call.call.use_stt(FakeStt(line))
    with pytest.raises(LocalProtocolError, match="a call's tts was swapped after its end"):
        await call.call.use_tts("other")


@attrs.define(eq=False)
class Broken(FakeTts):
    """Cannot be opened."""

    def open(self, _fmt: object) -> object:  # type: ignore[override]
        raise SettingsError(SettingsProblem("voice", "no such voice"))


@pytest.mark.requirement("A.37")
async def test_a_swap_that_fails_keeps_what_there_was() -> None:
    seen: list[str] = []

    class Swapping:
        async def reply(self, turn: Utterance, call: Call) -> AsyncIterator[str]:
            try:
                await call.use_tts(Broken())
            except SettingsError as error:
                seen.append(str(error))
            try:
                await call.use_stt(Broken())
            except SettingsError as error:
                seen.append(str(error))
            yield f"You said {turn.text}"

    line = FakeLine()
    async with in_call(line, Swapping()) as call:
        await line.say("One.")
        await line.listen()
        await line.say("Two.")
        await line.listen()
    assert seen == ["voice: no such voice"] * 4
    assert said(call) == ["You said One.", "You said Two."]


@pytest.mark.requirement("A.6")
async def test_the_one_at_the_far_end_may_be_another_agent() -> None:
    class Chatty:
        def __init__(self, name: str) -> None:
            self.name, self.heard = name, list[str]()

        async def reply(self, turn: Utterance, _call: Call) -> AsyncIterator[str]:
            self.heard.append(turn.text)
            yield f"{self.name} {len(self.heard)}."

    one, two = Chatty("one"), Chatty("two")
    here, there = FakeLine(), FakeLine()
    async with in_call(here, one) as call, in_call(there, two) as other:
        await here.say("Begin.")
        for _ in range(3):
            await here.listen()
            await there.say(said(call)[-1])
            await there.listen()
            await here.say(said(other)[-1])
    assert one.heard[:3] == ["Begin.", "two 1.", "two 2."]
    assert two.heard == ["one 1.", "one 2.", "one 3."]


# --- providers that fail


async def test_a_recogniser_that_fails_for_good_ends_the_call_with_an_apology() -> None:
    line = FakeLine()
    stt = FakeStt(line, fails_at=2.0, error=ProviderError("fake", "gone", stage="stt"))
    async with in_call(line, Patient(), stt=stt) as call:
        with anyio.fail_after(20):
            await call.over.wait()
    assert said(call) == ["Sorry, something went wrong."]
    assert ended(call) == "listener failed"
    assert line.done == [("hang_up", "")]


def ended(call: InCall) -> str:
    last = call.observed[-1]
    assert isinstance(last, CallEnded)
    return last.reason


@pytest.mark.requirement("B.42")
async def test_a_voice_that_fails_is_apologised_for() -> None:
    line, tts = FakeLine(), FakeTts(fails_on="secret")

    class Telling:
        async def reply(self, _turn: Utterance, _call: Call) -> AsyncIterator[str]:
            yield "Now I tell you the secret."

    async with in_call(line, Telling(), tts=tts) as call:
        await line.say("Hello.")
        await line.listen()
    assert said(call) == ["Sorry, something went wrong."]
    assert len([record for record in call.records if isinstance(record, BrokenOff)]) == 1
    assert tts.cancelled == 1


@pytest.mark.requirement("B.42")
async def test_a_model_that_fails_is_apologised_for_and_three_times_ends_the_call() -> None:
    line, llm = FakeLine(), FakeLlm(lambda _: "", error=ProviderError("fake", "busy", stage="llm"))
    async with in_call(line, Patient(), llm=llm) as call:
        for _ in range(3):
            await line.say("Hello.")
            with anyio.move_on_after(5):
                await call.over.wait()
    assert said(call) == ["Sorry, something went wrong."] * 2
    assert ended(call) == "failed"
    assert "fake llm: busy" in troubles(call)[0]
