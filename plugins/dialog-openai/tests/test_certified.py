"""The vendor's own SDK talks to the fake: what it accepts, a client may rely on."""

from __future__ import annotations

from typing import Any

import pytest
from dialog_openai.testing import FakeOpenAI, Fault, Refuse, Reply

from dialog_core.messages import ToolCall
from dialog_core.testing.pytest_plugin import real_loop
from dialog_core.testing.vendor import served

openai = pytest.importorskip("openai")

pytestmark = [pytest.mark.anyio, pytest.mark.certify, real_loop]

TOOLS: list[Any] = [
    {"type": "function", "function": {"name": "book", "parameters": {"type": "object"}}}
]
BOOK = ToolCall("call_1", "book", '{"seats": 3}')


async def ask(fake: FakeOpenAI, *, retries: int = 0, **fields: Any) -> list[Any]:
    """All chunks of one answer, as the SDK reads them."""
    fields = {"messages": [{"role": "user", "content": "Hello?"}], **fields}
    async with (
        served(fake.app) as base,
        openai.AsyncOpenAI(api_key="sk-test", base_url=f"{base}/v1", max_retries=retries) as client,
    ):
        stream = await client.chat.completions.create(
            model="gpt-x", stream=True, stream_options={"include_usage": True}, **fields
        )
        async with stream:
            return [chunk async for chunk in stream]


def content_of(chunks: list[Any]) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


async def test_the_sdk_reads_a_streamed_answer() -> None:
    chunks = await ask(FakeOpenAI([Reply("Hello there.", burst=2)]))
    assert content_of(chunks) == "Hello there."
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage.completion_tokens == 2


async def test_the_sdk_reads_tool_calls_and_may_answer_them() -> None:
    chunks = await ask(FakeOpenAI([Reply("One moment.", (BOOK,))]), tools=TOOLS)
    parts = [
        part
        for chunk in chunks
        if chunk.choices
        for part in chunk.choices[0].delta.tool_calls or ()
    ]
    assert (parts[0].id, parts[0].function.name) == ("call_1", "book")
    assert "".join(part.function.arguments for part in parts) == BOOK.arguments

    function = {"name": BOOK.name, "arguments": BOOK.arguments}
    messages = [
        {"role": "user", "content": "A table for three."},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call_1", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "done"},
    ]
    assert content_of(await ask(FakeOpenAI(["Booked."]), messages=messages)) == "Booked."


async def test_the_sdk_obeys_a_rate_limit() -> None:
    fake = FakeOpenAI([Refuse(429, "rate_limit_exceeded", headers={"retry-after-ms": "5"}), "Hi."])
    assert content_of(await ask(fake, retries=1)) == "Hi."
    assert [one.headers["x-stainless-retry-count"] for one in fake.requests] == ["0", "1"]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Refuse(401, "invalid_api_key"), openai.AuthenticationError),
        (Refuse(404, "model_not_found"), openai.NotFoundError),
        (Refuse(429, "insufficient_quota"), openai.RateLimitError),
        (Refuse(500), openai.InternalServerError),
    ],
)
async def test_the_sdk_knows_the_errors(answer: Refuse, kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught:
        await ask(FakeOpenAI([answer]))
    assert getattr(caught.value, "request_id", None) == "req_fake"
    assert getattr(caught.value, "code", None) == (answer.code or None)


async def test_the_sdk_notices_an_error_inside_of_a_stream() -> None:
    with pytest.raises(openai.APIError, match="overloaded"):
        await ask(FakeOpenAI([Reply("Hello there.", fault=Fault.ERROR, after=1)]))


@pytest.mark.parametrize(
    "fields",
    [
        {"tool_choice": "auto"},
        {"temperature": 3},
        {"messages": [{"role": "tool", "tool_call_id": "call_9", "content": "x"}]},
        {"messages": [{"role": "robot", "content": "x"}]},
        {"extra_body": {"colour": "red"}},
        {"max_tokens": 5, "max_completion_tokens": 5},
    ],
)
async def test_the_fake_refuses_what_the_server_refuses(fields: dict[str, Any]) -> None:
    with pytest.raises(openai.BadRequestError):
        await ask(FakeOpenAI(), **fields)
