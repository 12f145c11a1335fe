"""What every language model must do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import anyio
import attrs
import pytest

from dialog_core.errors import ProviderError, ProviderRejected, ProviderUnavailable
from dialog_core.messages import Message, Prompt, Role, TextDelta, ToolCall, ToolSpec, Usage
from dialog_core.protocols import LanguageModel
from dialog_core.testing.contracts.component import choose
from dialog_core.testing.contracts.contract import (
    Contract,
    calls_counted,
    memory_of,
    not_claimed,
    proves,
)
from dialog_core.testing.contracts.door import Failure
from dialog_core.testing.contracts.kit import Answer, LlmAbility, LlmKit, LlmVendor
from dialog_core.testing.contracts.stage import Stage, awaits_of, on_sockets, on_stage
from dialog_core.testing.pytest_plugin import real_loop

__all__ = ["Answered", "LlmContract", "ask"]

TEXT = "We are open from nine to five, and on Saturdays until noon."
LONG = " ".join([TEXT] * 8)
PROMPT = Prompt((Message(Role.SYSTEM, "Be brief."), Message(Role.USER, "When are you open?")))
BOOK = ToolSpec(
    "book",
    "Book a table.",
    {"type": "object", "properties": {"seats": {"type": "integer"}}, "required": ["seats"]},
)
WEATHER = ToolSpec("weather", "The weather.", {"type": "object", "properties": {}})
WITH_TOOLS = attrs.evolve(PROMPT, tools=(BOOK, WEATHER))
CALL = ToolCall("call_1", "book", '{"seats": 2}')
OTHER = ToolCall("call_2", "weather", "{}")
CALLS_PER_TOKEN = 400
"""Python functions that a token may call."""
BYTES_PER_ANSWER = 400_000


@attrs.define(eq=False)
class Answered:
    """What came of one prompt."""

    items: list[TextDelta | ToolCall | Usage] = attrs.field(factory=list)
    error: ProviderError | None = None

    @property
    def text(self) -> str:
        """All text."""
        return "".join(item.text for item in self.items if isinstance(item, TextDelta))

    @property
    def calls(self) -> list[ToolCall]:
        """The tool calls."""
        return [item for item in self.items if isinstance(item, ToolCall)]

    @property
    def usage(self) -> list[Usage]:
        """What it cost."""
        return [item for item in self.items if isinstance(item, Usage)]


async def ask(model: LanguageModel, prompt: Prompt = PROMPT) -> Answered:
    """Read a whole answer; an error is in the result, wherever it was raised."""
    answered = Answered()
    try:
        async with model.generate(prompt) as answer:
            async for item in answer:
                answered.items.append(item)
    except ProviderError as error:
        answered.error = error
    return answered


class LlmContract(Contract):
    """Subclass it with a kit to test a language-model component."""

    kit: ClassVar[LlmKit]

    @asynccontextmanager
    async def stage(self, *answers: str | Answer) -> AsyncIterator[Stage[LlmVendor]]:
        """A stage whose vendor answers so."""
        vendor = self.kit.vendor()
        vendor.will_answer(*(answers or (TEXT,)))
        async with on_stage(self.kit, vendor) as stage:
            yield stage

    # --- life cycle

    async def test_answers_follow_each_other(self) -> None:
        async with self.stage("One.", "Two.", "Three.") as stage:
            model = stage.new()
            assert [(await ask(model)).text for _ in range(3)] == ["One.", "Two.", "Three."]

    async def test_two_calls_ask_at_once(self) -> None:
        async with self.stage(LONG) as stage:
            answers: list[Answered] = []

            async def read() -> None:
                answers.append(await ask(stage.new()))

            async with anyio.create_task_group() as tasks:
                for _ in range(2):
                    tasks.start_soon(read)
            assert [each.text for each in answers] == [LONG, LONG]

    async def test_an_answer_may_be_left_unread(self) -> None:
        async with self.stage() as stage, stage.new().generate(PROMPT):
            pass

    async def test_cancelled_at_any_await_it_leaves_nothing_running(self) -> None:
        async with self.stage() as stage:
            assert await awaits_of(stage, lambda: self.ordinary_answer(stage)) > 1

    async def ordinary_answer(self, stage: Stage[LlmVendor]) -> None:
        """One answer from its beginning to its end."""
        await ask(stage.new())

    async def test_leaving_an_answer_stops_the_vendor(self) -> None:
        async with self.stage(LONG) as stage:
            async with stage.new().generate(PROMPT) as answer:
                async for _ in answer:
                    break
            with anyio.fail_after(1.0):
                await stage.vendor.door.empty()
            assert stage.vendor.cancelled() == 1

    @real_loop
    async def test_it_reaches_a_vendor_on_a_real_socket(self) -> None:
        vendor = self.kit.vendor()
        vendor.will_answer(TEXT)
        async with on_sockets(self.kit, vendor) as model:
            assert (await ask(model)).text == TEXT

    # --- answers

    async def test_text_comes_whole_and_in_pieces(self) -> None:
        async with self.stage(LONG) as stage:
            answered = await ask(stage.new())
            assert answered.error is None
            assert answered.text == LONG
            assert sum(isinstance(item, TextDelta) for item in answered.items) > 1

    async def test_text_keeps_every_character(self) -> None:
        text = 'Größe: 5 < 6 & "7"\n\n— naïve 日本語 🙂 \\ {x}'
        async with self.stage(text) as stage:
            assert (await ask(stage.new())).text == text

    async def test_the_vendor_is_given_the_whole_conversation(self) -> None:
        told = ("Be brief.", "Hello.", "Good day.", "When are you open?")
        roles = (Role.SYSTEM, Role.USER, Role.ASSISTANT, Role.USER)
        prompt = Prompt(tuple(Message(role, text) for role, text in zip(roles, told, strict=True)))
        async with self.stage() as stage:
            assert (await ask(stage.new(), prompt)).text == TEXT
            body = str(stage.vendor.requests()[0])
            places = [body.find(text) for text in told]
            assert -1 not in places

    # --- abilities

    @proves(LlmAbility.TOOLS)
    async def test_a_tool_call_comes_whole_after_its_text(self) -> None:
        if not self.claims(LlmAbility.TOOLS):
            not_claimed(LlmAbility.TOOLS)
        async with self.stage(Answer("Let me see.", (CALL,))) as stage:
            answered = await ask(stage.new(), WITH_TOOLS)
            assert answered.error is None
            assert answered.text == "Let me see."
            assert answered.calls == [CALL]
            kinds = [type(item) for item in answered.items if not isinstance(item, Usage)]
            assert kinds[-1] is ToolCall
            body = str(stage.vendor.requests()[0])
            assert all(tool.name in body and tool.description in body for tool in WITH_TOOLS.tools)

    @proves(LlmAbility.TOOLS)
    async def test_a_tools_result_is_given_back(self) -> None:
        if not self.claims(LlmAbility.TOOLS):
            not_claimed(LlmAbility.TOOLS)
        prompt = attrs.evolve(
            WITH_TOOLS,
            messages=(
                *PROMPT.messages,
                Message(Role.ASSISTANT, "", (CALL,)),
                Message(Role.TOOL, "Table twelve is booked.", tool_call_id=CALL.id),
            ),
        )
        async with self.stage() as stage:
            assert (await ask(stage.new(), prompt)).text == TEXT
            body = str(stage.vendor.requests()[0])
            assert "Table twelve is booked." in body
            assert body.count(CALL.id) > 1

    @proves(LlmAbility.PARALLEL_TOOLS)
    async def test_several_tool_calls_come_in_order(self) -> None:
        if not self.claims(LlmAbility.PARALLEL_TOOLS):
            not_claimed(LlmAbility.PARALLEL_TOOLS)
        async with self.stage(Answer("", (CALL, OTHER))) as stage:
            assert (await ask(stage.new(), WITH_TOOLS)).calls == [CALL, OTHER]

    @proves(LlmAbility.USAGE)
    async def test_it_says_once_what_an_answer_cost(self) -> None:
        async with self.stage() as stage:
            answered = await ask(stage.new())
            assert bool(answered.usage) == self.claims(LlmAbility.USAGE)
            if answered.usage:
                assert answered.usage == [answered.items[-1]]
                assert answered.usage[0].completion_tokens > 0
                assert answered.usage[0].prompt_tokens > 0

    @proves(LlmAbility.RETRIES)
    @pytest.mark.parametrize("failure", [Failure.DOWN, Failure.DROP])
    async def test_a_first_try_that_fails_is_repeated(self, failure: Failure) -> None:
        async with self.stage() as stage:
            stage.vendor.door.fail(failure)
            answered = await ask(stage.new())
            assert (answered.text == TEXT) == self.claims(LlmAbility.RETRIES)
            assert (answered.error is None) == self.claims(LlmAbility.RETRIES)

    # --- failures

    async def test_a_wrong_key_is_an_error_and_not_tried_again(self) -> None:
        async with self.stage() as stage:
            stage.vendor.door.fail(Failure.REFUSED, times=None)
            answered = await ask(stage.new())
            assert isinstance(answered.error, ProviderRejected)
            assert answered.error.stage == "llm"
            assert stage.vendor.door.opened == 1

    @pytest.mark.parametrize("failure", [Failure.BUSY, Failure.DOWN, Failure.DROP, Failure.MUTE])
    async def test_a_model_that_is_gone_becomes_an_error_in_time(self, failure: Failure) -> None:
        async with self.stage() as stage:
            stage.vendor.door.fail(failure, times=None)
            began = stage.now()
            answered = await ask(stage.new())
            assert stage.now() - began <= self.kit.patience
            assert isinstance(answered.error, ProviderUnavailable)
            assert answered.error.stage == "llm"
            assert not answered.items

    @pytest.mark.parametrize("failure", [Failure.DROP, Failure.MUTE, Failure.LYING])
    async def test_an_answer_cut_in_the_middle_becomes_an_error_in_time(
        self, failure: Failure
    ) -> None:
        async with self.stage(LONG) as stage:
            stage.vendor.door.fail(failure, after=5, times=None)
            began = stage.now()
            answered = await ask(stage.new())
            assert stage.now() - began <= self.kit.patience
            assert isinstance(answered.error, ProviderError)
            assert answered.text
            assert LONG.startswith(answered.text)

    @pytest.mark.parametrize("after", [0, 3])
    async def test_garbage_becomes_an_error_or_is_skipped(self, after: int) -> None:
        async with self.stage(LONG) as stage:
            stage.vendor.door.fail(Failure.GARBAGE, after=after, times=None)
            answered = await ask(stage.new())
            assert answered.error is not None or answered.text == LONG
            assert LONG.startswith(answered.text)

    async def test_a_slow_start_within_patience_is_waited_for(self) -> None:
        async with self.stage() as stage:
            stage.vendor.door.fail(Failure.SLOW, seconds=1.0)
            assert (await ask(stage.new())).text == TEXT

    async def test_after_a_failure_the_next_answer_comes(self) -> None:
        async with self.stage() as stage:
            model = stage.new()
            stage.vendor.door.fail(Failure.DOWN, times=None)
            assert (await ask(model)).error is not None
            stage.vendor.door.mend()
            assert (await ask(model)).text == TEXT

    async def test_secrets_stay_out_of_errors(self) -> None:
        secrets = [value for key, value in self.kit.table.items() if is_secret(key, value)]
        async with self.stage() as stage:
            stage.vendor.door.fail(Failure.REFUSED, times=None)
            answered = await ask(stage.new())
            assert not [secret for secret in secrets if secret in str(answered.error)]

    # --- budget

    async def test_a_token_costs_little(self) -> None:
        plugin = choose(self.kit).plugin
        assert plugin is not None
        async with self.stage(LONG) as stage:
            model = stage.new()
            await ask(model)
            with calls_counted(plugin.module) as calls:
                await ask(model)
            assert calls.count / len(LONG.split()) < CALLS_PER_TOKEN

    async def test_an_answer_leaves_no_memory_behind(self) -> None:
        async with self.stage(LONG) as stage:
            model = stage.new()
            await ask(model)
            with memory_of() as grown:
                for _ in range(10):
                    await ask(model)
                assert grown() / 10 < BYTES_PER_ANSWER


def is_secret(key: str, value: Any) -> bool:
    """Whether a setting is a key."""
    return isinstance(value, str) and ("key" in key or "token" in key)
