from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio
import attrs
import pytest

from dialog_core.call.clock import SystemClock
from dialog_core.errors import ProviderError, ProviderRejected, ProviderUnavailable
from dialog_core.messages import Message, Prompt, Role, TextDelta, ToolCall, Usage
from dialog_core.resilience.circuit import CircuitSettings
from dialog_core.resilience.failover import FailoverSettings
from dialog_core.resilience.failover_llm import CONTINUE, FailoverLlm
from tests.resilience.chains import open_stage

pytestmark = pytest.mark.anyio

PROMPT = Prompt((Message(Role.USER, "What does a room cost?"),))
ANSWER = "The room costs ninety euros."
Item = TextDelta | ToolCall | Usage
Step = Item | float | Exception


@attrs.define(eq=False)
class Model:
    """Does as it is told: items, waits in seconds, errors."""

    steps: Sequence[Step]
    prompts: list[Prompt] = attrs.field(factory=list)
    active: int = 0

    @asynccontextmanager
    async def generate(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[Item]]:
        self.prompts.append(prompt)
        self.active += 1
        try:
            yield self.stream()
        finally:
            self.active -= 1

    async def stream(self) -> AsyncIterator[Item]:
        for step in self.steps:
            match step:
                case float():
                    await anyio.sleep(step)
                case Exception():
                    raise step
                case _:
                    yield step


def says(text: str) -> list[Step]:
    words = text.split(" ")
    return [TextDelta(f"{' ' if number else ''}{word}") for number, word in enumerate(words)]


def down(spoken: str = "") -> ProviderError:
    return ProviderUnavailable("one", f"is down {spoken}", stage="llm")


MUTE = 3600.0


async def answer_of(chain: FailoverLlm, prompt: Prompt = PROMPT) -> tuple[list[Item], list[float]]:
    clock = SystemClock()
    began, items, times = clock.monotonic(), list[Item](), list[float]()
    async with chain.generate(prompt) as answer:
        async for item in answer:
            items.append(item)
            times.append(clock.monotonic() - began)
    return items, times


def text_of(items: Sequence[Item]) -> str:
    return "".join(item.text for item in items if isinstance(item, TextDelta))


async def told(*models: Model, **settings: Any) -> tuple[str, float]:
    """The text, and the seconds to its first part."""
    async with open_stage() as stage:
        chain = stage.chain("llm", *models, failover=FailoverSettings(**settings))
        items, times = await answer_of(chain)
    assert all(model.active == 0 for model in models)
    return text_of(items), times[0]


@pytest.mark.parametrize(
    ("first", "seconds"),
    [
        ([down()], 0.0),
        ([ProviderRejected("one", "no credit", stage="llm")], 0.0),
        ([MUTE], 1.2),
        ([3.0, *says("Too late.")], 1.2),
        ([], 0.0),
        ([Usage(1, 0)][:0], 0.0),
    ],
    ids=["down", "refused", "mute", "slow", "empty", "lying"],
)
async def test_the_next_model_answers_when_the_first_does_not(
    first: list[Step], seconds: float
) -> None:
    two = Model(says(ANSWER))
    text, waited = await told(Model(first), two)
    assert text == ANSWER
    assert waited == pytest.approx(seconds)
    assert two.prompts == [PROMPT]


async def test_a_model_in_time_is_not_disturbed() -> None:
    two = Model(says("Never."))
    text, waited = await told(Model([1.0, *says(ANSWER)]), two)
    assert text == ANSWER
    assert waited == pytest.approx(1.0)
    assert two.prompts == []


async def test_who_speaks_first_goes_on_even_if_another_was_asked_meanwhile() -> None:
    one, two = Model([1.3, *says(ANSWER)]), Model([0.5, *says("Never.")])
    text, waited = await told(one, two)
    assert text == ANSWER
    assert waited == pytest.approx(1.3)
    assert len(two.prompts) == 1


@pytest.mark.parametrize("trouble", [down(), MUTE], ids=["an error", "silence"])
async def test_in_the_middle_of_an_answer_the_next_model_goes_on(trouble: Step) -> None:
    one = Model([*says("The room cos"), trouble])
    two = Model([*says("costs ninety euros.")])
    text, _ = await told(one, two)
    assert text == ANSWER
    said, rule = two.prompts[0].messages[-2:]
    assert said == Message(Role.ASSISTANT, "The room ")
    assert rule == Message(Role.SYSTEM, CONTINUE)


async def test_a_pause_of_the_model_that_ends_in_time_changes_nothing() -> None:
    one, two = (
        Model([*says("The room"), 1.7, *says(" costs ninety euros.")]),
        Model([0.5, *says("no")]),
    )
    text, _ = await told(one, two)
    assert text == ANSWER
    assert two.active == 0


async def test_tools_that_were_called_are_not_called_again() -> None:
    call = ToolCall("c1", "book", "{}")
    one, two = Model([*says("One moment."), call, down()]), Model([call])
    async with open_stage() as stage:
        items, _ = await answer_of(stage.chain("llm", one, two))
    assert [item for item in items if isinstance(item, ToolCall)] == [call]
    assert two.prompts == []


async def test_text_comes_before_the_tools_it_announces() -> None:
    call = ToolCall("c1", "book", "{}")
    async with open_stage() as stage:
        items, _ = await answer_of(
            stage.chain("llm", Model([*says("One moment"), call]), Model([]))
        )
    assert text_of(items[:-1]) == "One moment"
    assert items[-1] == call


async def test_when_all_have_failed_the_last_error_is_told() -> None:
    with pytest.raises(ProviderUnavailable, match="down for good"):
        await told(Model([down()]), Model([down("for good")]))


async def test_leaving_the_block_stops_every_model() -> None:
    one, two = Model([MUTE]), Model([MUTE])
    async with open_stage() as stage:
        chain = stage.chain("llm", one, two)
        with anyio.move_on_after(5.0):
            async with chain.generate(PROMPT) as answer:
                await anext(answer)
        assert (one.active, two.active) == (0, 0)
        assert len(two.prompts) == 1


async def test_the_circuit_spares_the_next_call_until_a_probe_succeeds() -> None:
    settings = FailoverSettings(circuit=CircuitSettings(cool_down=30.0))
    one, two = Model([MUTE]), Model(says(ANSWER))
    async with open_stage() as stage:
        for _call in range(3):
            items, times = await answer_of(stage.chain("llm", one, two, failover=settings))
            assert text_of(items) == ANSWER
        assert len(one.prompts) == 1
        assert times[0] == pytest.approx(0.0)
        one.steps = says("I am back.")
        await anyio.sleep(30.0)  # virtual
        for _call in range(2):
            items, _ = await answer_of(stage.chain("llm", one, two, failover=settings))
            assert text_of(items) == "I am back."


async def test_a_chain_whose_circuits_are_all_open_is_asked_all_the_same() -> None:
    one, two = Model([down()]), Model([down()])
    async with open_stage() as stage:
        with pytest.raises(ProviderUnavailable):
            await answer_of(stage.chain("llm", one, two))
        one.steps = says(ANSWER)
        items, _ = await answer_of(stage.chain("llm", one, two))
    assert text_of(items) == ANSWER


async def test_scripts_without_spaces_are_not_held_back() -> None:
    async with open_stage() as stage:
        chain = stage.chain("llm", Model([TextDelta("\u4f60\u597d"), MUTE]), Model([]))
        async with chain.generate(PROMPT) as answer:
            with anyio.fail_after(0.1):
                assert await anext(answer) == TextDelta("\u4f60\u597d")
