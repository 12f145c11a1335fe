"""Eager replies in whole calls: heard sooner when the guess was right, and never noticed when it was not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import anyio
import attrs
import pytest

from dialog_core.agent.call import Call
from dialog_core.agent.chat import ChatAgent, ChatSettings
from dialog_core.errors import ProviderUnavailable
from dialog_core.factory import Services
from dialog_core.messages import Prompt, Role, TextDelta, ToolCall, Usage, Utterance
from dialog_core.observe.observations import EagerReply, ReplyTimed, Trouble
from dialog_core.policies.endpointers import Acoustic, AcousticSettings
from dialog_core.testing.calls import InCall, in_call, new_policy
from dialog_core.testing.fakes import FakeLlm, FakeStt, FakeTts
from dialog_core.testing.line import FakeLine
from dialog_core.testing.simulate.run import quiet_services
from dialog_core.turns.records import BargeIn, BrokenOff, Said, TakenBack, TurnComplete
from dialog_core.turns.state import TurnPolicy

pytestmark = pytest.mark.anyio

THINKS = 0.6
"""Seconds that the model takes; the voice takes 0.1 more."""
ENDPOINT = 0.8
ROUGHLY = 0.03


def policy(*, eager: bool = True, most: int = 2) -> TurnPolicy:
    return new_policy(endpointer=Acoustic(AcousticSettings(ENDPOINT)), eager=eager, eager_most=most)


@attrs.define(eq=False)
class Clerk:
    """Thinks, and tells what it was asked; keeps what a test wants to know."""

    thinks: float = THINKS
    greeting: str = ""
    answered: list[str] = attrs.field(factory=list)
    booked: list[str] = attrs.field(factory=list)
    saw: list[list[str]] = attrs.field(factory=list)

    async def reply(self, turn: Utterance, call: Call) -> AsyncIterator[str]:
        self.answered.append(turn.text)
        call.note(f"thinking of {turn.text}")
        call.update_metadata(topic=turn.text)
        self.saw.append([entry.text for entry in call.history.entries])
        assert call.metadata["topic"] == turn.text
        await anyio.sleep(self.thinks)
        yield "Very well. "
        yield f"So you want {turn.text} "
        await call.certain()
        self.booked.append(turn.text)


def waited(line: FakeLine, number: int = -1) -> float:
    """From the end of what the caller said to the first sound of the agent after it."""
    end = line.spoken[number].end
    return min(piece.start for piece in line.played if piece.start > end) - end


def eager_of(call: InCall) -> list[EagerReply]:
    return [seen for seen in call.observed if isinstance(seen, EagerReply)]


def history(call: InCall) -> list[tuple[Role, str]]:
    return [(entry.role, entry.text) for entry in call.history.entries]


async def ask(agent: Clerk, *, eager: bool) -> tuple[InCall, FakeLine]:
    line = FakeLine()
    async with in_call(line, agent, policy=policy(eager=eager)) as call:
        await line.say("A table.")
        await line.listen()
    return call, line


async def test_an_answer_that_is_ready_sounds_when_the_turn_is_complete_and_not_later() -> None:
    _, plain = await ask(Clerk(), eager=False)
    call, early = await ask(Clerk(), eager=True)
    assert waited(plain) == pytest.approx(ENDPOINT + THINKS + 0.1, abs=ROUGHLY)
    assert waited(early) == pytest.approx(max(ENDPOINT, 0.2 + THINKS + 0.1), abs=0.15)
    (timed,) = [seen for seen in call.observed if isinstance(seen, ReplyTimed)]
    assert timed.began is not None
    assert timed.audible is not None
    assert timed.began < timed.decided <= timed.audible


async def test_a_slow_model_gains_what_the_endpointer_waits() -> None:
    _, plain = await ask(Clerk(thinks=2.0), eager=False)
    _, early = await ask(Clerk(thinks=2.0), eager=True)
    gained = waited(plain) - waited(early)
    assert gained == pytest.approx(ENDPOINT - 0.3, abs=0.15)


async def test_nothing_sounds_before_the_turn_is_complete_however_quick_the_answer() -> None:
    call, line = await ask(Clerk(thinks=0.0), eager=True)
    (turn,) = [record for record in call.records if isinstance(record, TurnComplete)]
    assert line.played[0].start == pytest.approx(turn.at, abs=0.01)
    assert waited(line) == pytest.approx(ENDPOINT, abs=ROUGHLY)
    (hit,) = eager_of(call)
    assert (hit.missed, hit.audio > 0, hit.seconds > 0.3) == ("", True, True)


async def test_the_history_is_as_if_the_reply_had_never_been_early() -> None:
    early, plain = Clerk(), Clerk()
    one, _ = await ask(early, eager=True)
    other, _ = await ask(plain, eager=False)
    assert history(one) == history(other)
    assert early.saw == plain.saw == [["A table.", "thinking of A table."]]
    assert one.call.metadata["topic"] == "A table."
    assert early.booked == ["A table."]


async def test_a_caller_who_goes_on_takes_it_back_without_a_trace() -> None:
    line, agent, tts = FakeLine(), Clerk(), FakeTts()
    async with in_call(line, agent, policy=policy(), tts=tts) as call:
        await line.say("I would like.")
        await line.wait(0.65)
        assert agent.answered == ["I would like."]
        assert call.history.entries == ()
        assert "topic" not in call.call.metadata
        await line.say("A table.")
        await line.listen()
    assert [type(record) for record in call.records] == [TurnComplete, Said]
    assert [text for role, text in history(call) if role is Role.USER] == ["I would like. A table."]
    assert agent.booked == ["I would like. A table."]
    assert [seen.missed for seen in eager_of(call)] == ["the caller went on", ""]
    assert {segment.reply for segment in tts.spoken} == {2}
    assert len([seen for seen in call.observed if isinstance(seen, ReplyTimed)]) == 1


async def test_words_that_come_late_begin_another_and_only_that_is_heard() -> None:
    line, agent, tts = FakeLine(), Clerk(thinks=0.05), FakeTts()
    stt = FakeStt(line, latency=0.5)
    async with in_call(line, agent, policy=policy(), stt=stt, tts=tts) as call:
        await line.say("For two people please.")
        await line.listen()
    assert agent.answered[-1] == "For two people please."
    assert len(agent.answered) == 2
    assert [seen.missed for seen in eager_of(call)] == ["the words changed", ""]
    assert call.history.heard() == "Very well. So you want For two people please."
    said = {segment.reply for segment in tts.spoken}
    assert said == {1, 2}
    assert eager_of(call)[0].characters > 0


async def test_in_vain_so_often_and_no_oftener() -> None:
    line, agent = FakeLine(), Clerk()
    async with in_call(line, agent, policy=policy(most=1)) as call:
        await line.say("I would like.")
        await line.wait(0.65)
        await line.say("A table.")
        await line.listen()
    assert agent.answered == ["I would like.", "I would like. A table."]
    assert len(eager_of(call)) == 1
    assert waited(line) == pytest.approx(ENDPOINT + THINKS + 0.1, abs=ROUGHLY)


async def test_a_barge_in_right_after_the_confirmation_is_one_like_any() -> None:
    line, agent = FakeLine(), Clerk(thinks=0.1)
    async with in_call(line, agent, policy=policy()) as call:
        await line.say("A table.")
        await line.wait(ENDPOINT + 0.05)
        await line.say("No, wait, a bigger one.")
        await line.listen()
    first, cut, second = [
        record for record in call.records if isinstance(record, TurnComplete | BargeIn)
    ]
    assert isinstance(first, TurnComplete)
    assert isinstance(cut, BargeIn)
    assert isinstance(second, TurnComplete)
    assert len(line.clears) == 1
    assert agent.answered[-1] == "No, wait, a bigger one."


async def test_a_long_answer_is_spoken_in_advance_only_as_far_as_it_is_needed() -> None:
    class Verbose:
        async def reply(self, _turn: Utterance, _call: Call) -> AsyncIterator[str]:
            for number in range(20):
                yield f"This is sentence number {number} of a very long story. "

    line, tts = FakeLine(), FakeTts(latency=0.0)
    async with in_call(line, Verbose(), policy=policy(), tts=tts) as call:
        await line.say("Tell me.")
        await line.wait(ENDPOINT - 0.1)
        assert 100 < sum(len(segment.text) for segment in tts.spoken) < 200
        await line.listen(longest=100)
    (said,) = [record for record in call.records if isinstance(record, Said)]
    assert said.heard.endswith("number 19 of a very long story.")


async def test_one_that_fails_costs_nothing_but_the_try() -> None:
    class Unlucky:
        tries = 0

        async def reply(self, turn: Utterance, _call: Call) -> AsyncIterator[str]:
            self.tries += 1
            if self.tries == 1:
                raise ProviderUnavailable("fake", "overloaded", stage="llm")
            yield f"You said {turn.text}"

    line, agent = FakeLine(), Unlucky()
    async with in_call(line, agent, policy=policy()) as call:
        await line.say("A table.")
        await line.listen()
    assert agent.tries == 2
    assert not [record for record in call.records if isinstance(record, BrokenOff | TakenBack)]
    assert [seen.missed for seen in eager_of(call)] == ["it failed"]
    assert [seen.where for seen in call.observed if isinstance(seen, Trouble)] == ["reply"]
    assert call.history.heard() == "You said A table."


async def test_a_reply_without_words_ends_when_its_turn_is_complete() -> None:
    class Mute:
        async def reply(self, _turn: Utterance, _call: Call) -> AsyncIterator[str]:
            for text in tuple[str, ...]():
                yield text

    line = FakeLine()
    async with in_call(line, Mute(), policy=policy()) as call:
        await line.say("A table.")
        await line.wait(2.0)
    assert [type(record) for record in call.records] == [TurnComplete, Said]


@pytest.mark.parametrize("deed", ["hang_up", "transfer", "send_digits", "start_recording"])
async def test_what_a_reply_does_to_the_call_waits_for_its_turn(deed: str) -> None:
    class Rash:
        async def reply(self, turn: Utterance, call: Call) -> AsyncIterator[str]:
            yield "Very well. "
            if "operator" in turn.text:
                arguments = {"transfer": ["+15550003333"], "send_digits": ["12"]}.get(deed, [])
                await getattr(call, deed)(*arguments)

    line = FakeLine()
    async with in_call(line, Rash(), policy=policy()) as call:
        await line.say("An operator.")
        await line.wait(0.65)
        await line.say("Or not.")
        await line.wait(0.7)
        assert line.done == []
        await line.listen()
    assert [verb for verb, _ in line.done][:1] == [deed]
    turns = [record for record in call.records if isinstance(record, TurnComplete)]
    assert [turn.utterance.text for turn in turns] == ["An operator. Or not."]


# --- the ready-made agent


@attrs.define
class Kitchen:
    """A tool that counts how often it was used, and when."""

    line: FakeLine
    used: list[tuple[str, float]] = attrs.field(factory=list)

    def order(self, what: str) -> str:
        """Order something."""
        self.used.append((what, self.line.now))
        return "ordered"


def ordering(prompt: Prompt) -> str | Sequence[TextDelta | ToolCall | Usage]:
    if prompt.messages[-1].role is Role.TOOL:
        return "It is on its way."
    asked = prompt.messages[-1].text
    return [ToolCall("1", "order", f'{{"what": "{asked}"}}')]


def services() -> Services:
    return quiet_services()


async def test_a_tool_waits_until_the_turn_is_complete() -> None:
    line = FakeLine()
    kitchen, llm = Kitchen(line), FakeLlm(ordering)
    agent = ChatAgent.of(ChatSettings(date=False), services(), [kitchen.order])
    async with in_call(line, agent, llm=llm, policy=policy()) as call:
        await line.say("Pizza.")
        await line.wait(ENDPOINT - 0.05)
        assert (len(llm.prompts), kitchen.used) == (1, [])
        await line.listen()
    (turn,) = [record for record in call.records if isinstance(record, TurnComplete)]
    ((what, when),) = kitchen.used
    assert what == "Pizza."
    assert when == pytest.approx(turn.at, abs=0.01)
    assert call.history.heard() == "It is on its way."


async def test_a_tool_of_a_turn_that_never_happened_never_runs() -> None:
    line = FakeLine()
    kitchen, llm = Kitchen(line), FakeLlm(ordering)
    agent = ChatAgent.of(ChatSettings(date=False), services(), [kitchen.order])
    async with in_call(line, agent, llm=llm, policy=policy()) as call:
        await line.say("Pizza.")
        await line.wait(0.65)
        await line.say("Pasta rather.")
        await line.listen()
    assert [what for what, _ in kitchen.used] == ["Pizza. Pasta rather."]
    assert [prompt.messages[-1].text for prompt in llm.prompts][:2] == [
        "Pizza.",
        "Pizza. Pasta rather.",
    ]
    assert [text for role, text in history(call) if role is Role.USER] == ["Pizza. Pasta rather."]


async def test_a_manner_of_the_next_reply_is_kept_for_the_one_that_is_heard() -> None:
    line, tts = FakeLine(), FakeTts()
    async with in_call(line, Clerk(thinks=0.0), policy=policy(), tts=tts) as call:
        call.call.speak_with(mood="calm")
        await line.say("I would like.")
        await line.wait(0.65)
        await line.say("A table.")
        await line.listen()
        await line.say("Thanks.")
        await line.listen()
    moods = {segment.reply: segment.manner.mood for segment in tts.spoken}
    assert moods == {1: "calm", 2: "calm", 3: None}
