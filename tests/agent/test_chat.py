from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import anyio
import attrs
import httpx
import pytest

from dialog_core.agent.call import Call
from dialog_core.agent.chat import SPOKEN_STYLE, ChatAgent, ChatSettings
from dialog_core.call.clock import SystemClock
from dialog_core.errors import SettingsError
from dialog_core.factory import Services
from dialog_core.messages import Message, Prompt, Role, TextDelta, ToolCall, Usage
from dialog_core.net.websocket import open_websocket
from dialog_core.observe.observations import Observation, Trouble
from dialog_core.testing.calls import InCall, in_call
from dialog_core.testing.fakes import Answer, FakeLlm
from dialog_core.testing.line import FakeLine
from dialog_core.turns.records import BargeIn, BrokenOff, Said

pytestmark = pytest.mark.anyio

NOON = dt.datetime(2026, 3, 14, 12, 0, 30, tzinfo=dt.UTC).timestamp()


class Noon(SystemClock):
    """It is always noon, when the call begins."""

    def wall(self) -> float:
        return NOON


class Alone:
    """Shares nothing."""

    async def get(self, *_: object) -> Any:
        raise AssertionError


def chat(
    *functions: Callable[..., Any], observed: list[Observation] | None = None, **settings: Any
) -> ChatAgent:
    seen: list[Observation] = [] if observed is None else observed
    services = Services(httpx.AsyncClient(), open_websocket, Noon(), Alone(), seen.append)
    return ChatAgent.of(ChatSettings(**settings), services, functions)


async def talk(agent: ChatAgent, llm: FakeLlm, *turns: str) -> InCall:
    line = FakeLine()
    async with in_call(line, agent, llm=llm) as call:
        if agent.greeting:
            await line.listen()
        for turn in turns:
            await line.say(turn)
            await line.listen()
    return call


def wanting(*tools: ToolCall, then: str = "Here you are.") -> Callable[[Prompt], Any]:
    """A model that asks for tools first and answers when it has their results."""

    def answer(prompt: Prompt) -> Any:
        has_results = prompt.messages[-1].role is Role.TOOL
        return then if has_results or not prompt.tools else [TextDelta("Let me see. "), *tools]

    return answer


class Slowly:
    """A tool that takes its time."""

    async def look_up(self, room: str) -> int:
        """What a room costs."""
        await anyio.sleep(3.0)
        return len(room)


def price(room: str) -> int:
    """What a room costs."""
    return {"single": 60, "double": 90}[room]


WANTED = ToolCall("call-1", "price", '{"room": "double"}')


# --- the prompt


@pytest.mark.requirement("B.30", "B.32", "A.40")
async def test_the_prompt_has_the_persona_the_style_the_language_the_date_and_the_greeting() -> (
    None
):
    llm = FakeLlm(lambda _: "Fine.")
    await talk(
        chat(instructions="You are Bo.", greeting="Hello.", timezone="Europe/Paris"), llm, "Hi."
    )
    system, *rest = llm.prompts[0].messages
    assert system.role is Role.SYSTEM
    assert system.text.split("\n\n") == [
        "You are Bo.", SPOKEN_STYLE, "Speak the language en-US.",
        "It is Saturday, 14 March 2026, 13:00 (Europe/Paris).",
    ]  # fmt: skip
    assert rest == [Message(Role.ASSISTANT, "Hello."), Message(Role.USER, "Hi.")]


@pytest.mark.requirement("B.30")
def test_the_style_is_for_the_ear() -> None:
    for rule in ("short sentences", "no markdown", "numbers", "do not know"):
        assert rule in SPOKEN_STYLE


async def test_style_and_date_may_be_left_out() -> None:
    llm = FakeLlm(lambda _: "Fine.")
    await talk(chat(instructions="Be Bo.", spoken_style=False, date=False), llm, "Hi.")
    assert llm.prompts[0].messages[0].text == "Be Bo.\n\nSpeak the language en-US."


@pytest.mark.requirement("A.41")
async def test_what_the_caller_said_may_be_stamped_with_the_time_of_day() -> None:
    llm = FakeLlm(lambda _: "Fine.")
    await talk(chat(timestamps=True), llm, "Hi.")
    said = llm.prompts[0].messages[-1].text
    assert said.startswith("[12:00:3")
    assert said.endswith("] Hi.")


@pytest.mark.requirement("B.33")
async def test_the_model_is_given_the_latest_messages_only() -> None:
    llm = FakeLlm(lambda prompt: f"Answer {len(prompt.messages)}.")
    await talk(chat(history=4), llm, "One.", "Two.", "Three.", "Four.")
    assert [message.text for message in llm.prompts[-1].messages[1:]] == [
        "Answer 4.", "Three.", "Answer 5.", "Four.",
    ]  # fmt: skip


def test_forty_messages_are_the_default() -> None:
    assert ChatSettings().history == 40


@pytest.mark.requirement("D.10")
async def test_after_a_barge_in_the_model_knows_only_what_was_heard_and_that_it_was_cut() -> None:
    line = FakeLine()
    llm = FakeLlm(lambda _: "Our rooms are large, bright, quiet, and look over the whole lake.")
    async with in_call(line, chat(), llm=llm) as call:
        await line.say("Tell me.")
        await line.wait(2.5)
        await line.say("Stop it please.")
        await line.listen()
    [cut] = [record for record in call.records if isinstance(record, BargeIn)]
    assert llm.prompts[-1].messages[-2:] == (
        Message(Role.ASSISTANT, f"{cut.heard} —"), Message(Role.USER, "Stop it please."),
    )  # fmt: skip
    assert 0 < len(cut.heard.split()) < 12


async def test_a_note_of_the_application_is_given_to_the_model() -> None:
    class Noting(ChatAgent):
        async def opened(self, call: Call) -> None:
            call.note("The caller is a guest of the house.")

    llm = FakeLlm(lambda _: "Fine.")
    agent = chat()
    await talk(Noting(agent.settings, agent.services), llm, "Hi.")
    note = Message(Role.DEVELOPER, "The caller is a guest of the house.")
    assert note in llm.prompts[0].messages


# --- silence


@pytest.mark.parametrize(("words", "said"), [("Still there?", ["Still there?"]), ("", [])])
async def test_a_silent_caller_is_asked_as_the_settings_say(words: str, said: list[str]) -> None:
    line = FakeLine()
    async with in_call(line, chat(silence=words), llm=FakeLlm(lambda _: "")) as call:
        await line.wait(11.0)
    heard = [record.heard for record in call.records if isinstance(record, Said) and record.heard]
    assert heard == said


# --- tools


async def test_a_tool_is_run_and_its_result_given_to_the_model() -> None:
    llm = FakeLlm(wanting(WANTED))
    call = await talk(chat(price), llm, "What is a double room?")
    asked, result = llm.prompts[1].messages[-2:]
    assert asked == Message(Role.ASSISTANT, "Let me see. ", (WANTED,))
    assert result == Message(Role.TOOL, "90", tool_call_id="call-1")
    assert call.history.entries[-1].text == "Let me see. Here you are."


async def test_tools_and_their_results_stay_in_the_history() -> None:
    llm = FakeLlm(wanting(WANTED))
    await talk(chat(price), llm, "What is a double room?", "Thanks.")
    later = llm.prompts[2].messages
    assert [message.role for message in later[1:]] == [
        Role.USER, Role.ASSISTANT, Role.TOOL, Role.ASSISTANT, Role.USER,
    ]  # fmt: skip
    assert later[2].tool_calls == (WANTED,)


@pytest.mark.parametrize(
    ("tool", "result"),
    [
        (ToolCall("1", "price", '{"room": '), "error: arguments are not valid JSON"),
        (ToolCall("1", "cost", "{}"), "error: there is no tool 'cost'; there are: price"),
        (ToolCall("1", "price", '{"room": "suite"}'), "error: price failed"),
    ],
)
async def test_a_tool_that_goes_wrong_is_told_to_the_model_and_the_reply_goes_on(
    tool: ToolCall, result: str
) -> None:
    llm = FakeLlm(wanting(tool))
    call = await talk(chat(price), llm, "What is a suite?")
    assert llm.prompts[1].messages[-1].text.startswith(result)
    assert call.history.entries[-1].text == "Let me see. Here you are."
    assert not [seen for seen in call.observed if isinstance(seen, Trouble)]


async def test_a_model_that_calls_tools_without_end_must_answer_after_a_number_of_rounds() -> None:
    def stubborn(prompt: Prompt) -> Any:
        return [attrs.evolve(WANTED, id=str(len(prompt.messages)))] if prompt.tools else "Enough."

    llm = FakeLlm(stubborn)
    call = await talk(chat(price, tool_rounds=3), llm, "What is a double room?")
    assert [bool(prompt.tools) for prompt in llm.prompts] == [True, True, True, False]
    assert call.history.entries[-1].text == "Enough."


async def test_what_was_said_before_a_tool_is_heard_while_it_runs() -> None:
    line = FakeLine()
    wanted = ToolCall("1", "look_up", '{"room": "double"}')
    said: list[TextDelta | ToolCall | Usage] = [TextDelta("Let me see."), wanted]
    llm = FakeLlm(lambda prompt: "Six." if prompt.messages[-1].role is Role.TOOL else said)
    async with in_call(line, chat(Slowly().look_up), llm=llm) as call:
        await line.say("What is a double room?")
        await line.wait(3.5)
        assert call.history.entries[-1].text == "Let me see."
        await line.listen()
    assert call.history.entries[-1].text == "Let me see. Six."


async def test_a_tool_may_be_given_the_call_and_end_it_after_the_goodbye() -> None:
    async def end_call(call: Call) -> str:
        """End the call."""
        await call.hang_up(reason="tool")
        return "ending"

    line = FakeLine()
    llm = FakeLlm(wanting(ToolCall("1", "end_call", "{}"), then="Goodbye, and thank you."))
    async with in_call(line, chat(end_call), llm=llm) as call:
        await line.say("That is all.")
        await call.over.wait()
    said = [record.heard for record in call.records if isinstance(record, Said)]
    assert said == ["Let me see. Goodbye, and thank you."]
    assert line.done == [("hang_up", "")]


# --- settings


def test_tools_are_named_in_the_settings_as_module_and_function() -> None:
    assert list(chat(tools=("dialog_core.speech.words:is_pronounceable",)).tools) == [
        "is_pronounceable"
    ]


@pytest.mark.parametrize("name", ["json", "json:nothing", "no.such.module:f", "json:__doc__"])
def test_a_tool_that_cannot_be_loaded_is_a_settings_error(name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        chat(tools=(name,))


def test_a_time_zone_must_exist() -> None:
    with pytest.raises(ValueError, match="is no time zone"):
        ChatSettings(timezone="Mars/Olympus")


async def test_a_model_that_answers_nothing_has_failed_and_the_caller_is_told() -> None:
    observed: list[Observation] = []
    call = await talk(chat(observed=observed), FakeLlm(lambda _: ""), "Hello there.")
    assert [type(record) for record in call.records][1:3] == [BrokenOff, Said]
    assert any(
        "answered nothing" in seen.detail for seen in call.observed if isinstance(seen, Trouble)
    )


def pick(answers: Iterator[Answer], _prompt: Prompt) -> Answer:
    return next(answers)


async def test_a_model_that_says_nothing_after_its_tool_has_failed_unless_the_call_ends() -> None:
    def look_up() -> str:
        """Find it."""
        return "found"

    async def leave(call: Call) -> None:
        """End the call."""
        await call.hang_up()

    tools: tuple[tuple[Callable[..., Any], str], ...] = (
        (look_up, "Sorry, something went wrong."),
        (leave, ""),
    )
    for tool, spoken in tools:
        answers: Iterator[Answer] = iter([[ToolCall("1", tool.__name__, "{}")], ""])
        line, llm = FakeLine(), FakeLlm(partial(pick, answers))
        async with in_call(line, chat(tool), llm=llm) as call:
            await line.say("Hello there.")
            await line.wait(4.0)
        assert [record.heard for record in call.records if isinstance(record, Said)] == [spoken]
