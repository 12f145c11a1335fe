"""The language model over Responses: the same answers as over Chat Completions, in another form."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import attrs
import msgspec
import pytest
from dialog_openai.protocol_responses import build
from dialog_openai.responses_reader import ResponsesReader
from dialog_openai.session import OpenAIModel
from dialog_openai.settings import OpenAISettings
from dialog_openai.testing import FakeOpenAI, Fault, Refuse, Reply
from dialog_openai.testing.chat import responses_of
from dialog_openai.testing.http import BadRequest
from dialog_openai.testing.responses_checks import read_response_request
from hypothesis import given
from hypothesis import strategies as st

from dialog_core.errors import (
    LocalProtocolError,
    ProviderProtocolError,
    ProviderRejected,
    ProviderUnavailable,
)
from dialog_core.fields import Secret
from dialog_core.messages import Message, Prompt, Role, TextDelta, ToolCall, ToolSpec, Usage
from dialog_core.observe.observations import Counted, Observation, Trouble
from dialog_core.testing.vendor import in_memory

HELLO = Prompt((Message(Role.USER, "Hello?"),))
BOOK = ToolCall("call_1", "book", '{"seats": 3}')
CANCEL = ToolCall("call_2", "cancel", "{}")
TOOL = ToolSpec("book", "Book a table", {"type": "object"})
SETTINGS = OpenAISettings(api_key=Secret("sk-test"), api="responses")

Item = TextDelta | ToolCall | Usage


def read(frames: Iterable[bytes], *, size: int = 0) -> tuple[list[Item], ResponsesReader]:
    """All items of a stream that comes in pieces of one size, or as it was framed."""
    reader = ResponsesReader("req_1")
    data = b"".join(frames)
    items: list[Item] = []
    for first in range(0, len(data), size or len(data)):
        if not reader.ended:
            items += reader.feed(data[first : first + (size or len(data))])
    items += reader.close()
    return items, reader


def joined(items: Iterable[Item]) -> tuple[str, list[Item]]:
    """The text, and all else."""
    whole = list(items)
    text = "".join(item.text for item in whole if isinstance(item, TextDelta))
    return text, [item for item in whole if not isinstance(item, TextDelta)]


def sent(prompt: Prompt, **changes: Any) -> dict[str, Any]:
    """The body of a request, which the strict fake accepts."""
    content = build(prompt, attrs.evolve(SETTINGS, **changes))
    read_response_request(content)
    body: dict[str, Any] = msgspec.json.decode(content)
    return body


@given(st.integers(1, 60))
def test_how_the_bytes_were_cut_does_not_matter(size: int) -> None:
    items, reader = read(responses_of(Reply("Hällo there.", (BOOK, CANCEL))), size=size)
    assert joined(items) == ("Hällo there.", [BOOK, CANCEL, Usage(9, 2)])
    assert (reader.finish, reader.failure) == ("tool_calls", None)


def test_a_call_that_comes_three_times_is_one_call() -> None:
    items, _ = read(responses_of(Reply(calls=(BOOK,))))
    assert [item for item in items if isinstance(item, ToolCall)] == [BOOK]


def test_arguments_are_joined_where_the_server_does_not_repeat_them() -> None:
    frames = [frame for frame in responses_of(Reply(calls=(BOOK,))) if b".done" not in frame]
    items, _ = read(frames)
    assert joined(items)[1] == [BOOK, Usage(9, 0)]


def test_a_refusal_is_text() -> None:
    items, reader = read(responses_of(Reply("I cannot.", is_refusal=True)))
    assert joined(items)[0] == "I cannot."
    assert reader.failure is None


@pytest.mark.parametrize("finish", ["length", "content_filter"])
def test_a_call_that_was_cut_off_is_left_out(finish: str) -> None:
    cut = attrs.evolve(BOOK, arguments='{"seats"')
    items, reader = read(responses_of(Reply("One", (cut,), finish=finish)))
    assert joined(items) == ("One", [Usage(9, 1)])
    assert reader.finish == finish


def test_a_filter_that_leaves_nothing_is_a_rejection() -> None:
    _, silent = read(responses_of(Reply(finish="content_filter")))
    _, spoken = read(responses_of(Reply("Well,", finish="content_filter")))
    assert isinstance(silent.failure, ProviderRejected)
    assert spoken.failure is None


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b'{"type":"response.failed","response":{"error":{"code":"server_error"}}}', "away"),
        (b'{"type":"error","code":"server_error","message":"overloaded"}', "away"),
        (b'{"type":"error","error":{"type":"server_error"}}', "away"),
        (b'{"type":"error","code":"insufficient_quota","message":"pay"}', "refused"),
        (b'{"type":"response.failed","response":{"error":{"code":"model_not_found"}}}', "refused"),
    ],
)
def test_a_failure_inside_of_a_stream_says_whose_fault_it_is(data: bytes, kind: str) -> None:
    _, reader = read([b"data: " + data + b"\n\n"])
    expected = ProviderUnavailable if kind == "away" else ProviderRejected
    assert isinstance(reader.failure, expected)
    assert reader.failure.request_id == "req_1"


def test_a_stream_that_ends_early_is_a_loss() -> None:
    items, reader = read(list(responses_of(Reply("Hello there.")))[:4])
    assert joined(items)[0] == "Hello"
    assert isinstance(reader.failure, ProviderUnavailable)


def test_a_stream_of_which_nothing_is_readable_is_a_breach_of_protocol() -> None:
    _, reader = read([b"data: {oops\n\n", b"data: 3\n\n"])
    assert isinstance(reader.failure, ProviderProtocolError)
    assert reader.malformed == 2


def test_unknown_events_are_skipped() -> None:
    frames = list(responses_of(Reply("Hi.")))
    frames.insert(2, b'data: {"type":"response.reasoning_summary_text.delta","delta":"hm"}\n\n')
    assert joined(read(frames)[0])[0] == "Hi."


def test_a_conversation_is_sent_whole_and_kept_nowhere() -> None:
    body = sent(
        Prompt(
            (
                Message(Role.SYSTEM, "Be brief."),
                Message(Role.USER, "A table."),
                Message(Role.ASSISTANT, "One moment.", (BOOK,)),
                Message(Role.TOOL, "done", tool_call_id="call_1"),
                Message(Role.ASSISTANT, "Booked."),
            ),
            (TOOL,),
        )
    )
    assert body["store"] is False
    assert body["input"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "A table."},
        {"role": "assistant", "content": "One moment."},
        {
            "type": "function_call",
            "call_id": "call_1",
            "name": "book",
            "arguments": '{"seats": 3}',
        },
        {"type": "function_call_output", "call_id": "call_1", "output": "done"},
        {"role": "assistant", "content": "Booked."},
    ]
    assert body["tools"][0]["name"] == "book"


def test_settings_reach_the_request_in_this_interface_s_words() -> None:
    body = sent(
        Prompt(HELLO.messages, (TOOL,)),
        temperature=0.5,
        max_completion_tokens=50,
        reasoning_effort="low",
        tool_choice="book",
        parallel_tool_calls=False,
        options={"text": {"verbosity": "low"}},
    )
    assert body["max_output_tokens"] == 50
    assert body["reasoning"] == {"effort": "low"}
    assert body["tool_choice"] == {"type": "function", "name": "book"}
    assert (body["temperature"], body["parallel_tool_calls"]) == (0.5, False)
    assert body["text"] == {"verbosity": "low"}


def test_a_tool_result_must_name_its_call() -> None:
    with pytest.raises(LocalProtocolError):
        build(Prompt((Message(Role.TOOL, "done"),)), SETTINGS)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"api": "completions"}, "chat, responses"),
        ({"api": "responses", "max_tokens": 5}, "use max_completion_tokens"),
        ({"api": "responses", "include_usage": False}, "always counts"),
        ({"reasoning_effort": " "}, "such as 'low'"),
    ],
)
def test_settings_without_effect_are_refused(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        OpenAISettings(**wrong)


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": []},
        {"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]},
        {"input": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}]},
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"input": [{"role": "robot", "content": "x"}]},
        {"max_output_tokens": 3},
    ],
)
def test_the_fake_refuses_what_the_server_refuses(fields: dict[str, Any]) -> None:
    body = {"model": "m", "stream": True, "input": "Hello?", **fields}
    with pytest.raises(BadRequest):
        read_response_request(msgspec.json.encode(body))


# --- over the wire ----------------------------------------------------------------------------------------------------


@asynccontextmanager
async def asking(
    *script: str | Reply | Refuse, **changes: Any
) -> AsyncIterator[tuple[OpenAIModel, FakeOpenAI, list[Observation]]]:
    """A model whose server is a fake, and what was observed."""
    fake = FakeOpenAI(script)
    seen: list[Observation] = []
    async with in_memory(fake.app, observe=seen.append) as services:
        yield OpenAIModel(attrs.evolve(SETTINGS, **changes), services), fake, seen
        await anyio.wait_all_tasks_blocked()
        assert fake.active == 0
        assert fake.refused == []


async def whole(model: OpenAIModel) -> list[Item]:
    async with model.generate(HELLO) as items:
        return [item async for item in items]


@pytest.mark.anyio
async def test_an_answer_streams_with_its_calls_and_cost() -> None:
    async with asking(Reply("One moment.", (BOOK,))) as (model, fake, _):
        assert joined(await whole(model)) == ("One moment.", [BOOK, Usage(9, 2)])
    assert fake.requests[0].path == "/v1/responses"


@pytest.mark.anyio
async def test_a_failed_try_before_the_first_token_is_repeated() -> None:
    async with asking(Refuse(500), "Hi.") as (model, _, seen):
        assert joined(await whole(model))[0] == "Hi."
    assert [each.what for each in seen if isinstance(each, Trouble)] == ["asking again"]


@pytest.mark.anyio
async def test_silence_in_the_middle_of_an_answer_is_an_error_in_time() -> None:
    async with asking(Reply("One two three.", fault=Fault.STALL, after=4)) as (model, fake, _):
        with anyio.fail_after(6), pytest.raises(ProviderUnavailable, match="no token for 5 s"):
            await whole(model)
    assert fake.cancelled == 1


@pytest.mark.anyio
async def test_garbage_is_skipped_and_counted() -> None:
    async with asking(Reply("One two.", fault=Fault.GARBAGE, after=4)) as (model, _, seen):
        assert joined(await whole(model))[0] == "One two."
    assert any(isinstance(each, Counted) and each.amount == 2 for each in seen)


@pytest.mark.anyio
async def test_leaving_the_block_stops_the_server() -> None:
    async with asking(Reply("One two three.", between=1.0)) as (model, fake, _):
        async with model.generate(HELLO) as items:
            assert await anext(items) == TextDelta("One")
        await anyio.wait_all_tasks_blocked()
    assert (fake.served, fake.cancelled) == (0, 1)
