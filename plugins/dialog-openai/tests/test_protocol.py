from __future__ import annotations

import contextlib
import itertools
import json
from typing import Any

import msgspec
import pytest
from dialog_openai.failures import Failure, failure_of, refusal
from dialog_openai.protocol import build, parse
from dialog_openai.reader import Item, Reader
from dialog_openai.retry import wait_before_retry
from dialog_openai.settings import OpenAISettings
from dialog_openai.testing import Reply, frames_of
from dialog_openai.testing.chat_checks import read_request
from dialog_openai.testing.http import BadRequest
from hypothesis import given
from hypothesis import strategies as st

from dialog_core.errors import (
    LocalProtocolError,
    ProviderError,
    ProviderProtocolError,
    ProviderRejected,
    ProviderUnavailable,
)
from dialog_core.messages import Message, Prompt, Role, TextDelta, ToolCall, ToolSpec, Usage

BOOK = ToolCall("call_1", "book", '{"seats": 3}')
TOOL = ToolSpec("book", "Books a table.", {"type": "object", "properties": {}})


def read(*pieces: bytes, reader: Reader | None = None) -> tuple[list[Item], Reader]:
    reader = reader or Reader()
    items: list[Item] = []
    for piece in pieces:
        if not reader.ended:
            items += reader.feed(piece)
    if not reader.ended:
        items += reader.close()
    return items, reader


def event(choice: dict[str, Any] | None = None, **fields: Any) -> bytes:
    choices = [] if choice is None else [choice]
    return b"data: " + json.dumps({"choices": choices, **fields}).encode() + b"\n\n"


def said(text: str) -> bytes:
    return event({"delta": {"content": text}})


def fragments(*parts: dict[str, Any]) -> bytes:
    return event({"delta": {"tool_calls": list(parts)}})


def stopped(reason: str = "stop") -> bytes:
    return event({"delta": {}, "finish_reason": reason})


def text_of(items: list[Item]) -> str:
    return "".join(item.text for item in items if isinstance(item, TextDelta))


def calls_of(items: list[Item]) -> list[ToolCall]:
    return [item for item in items if isinstance(item, ToolCall)]


DONE = b"data: [DONE]\n\n"


@pytest.mark.requirement("B.27")
@given(
    text=st.text(max_size=40),
    arguments=st.text(max_size=20),
    cuts=st.lists(st.integers(0, 3000), max_size=12),
    ending=st.sampled_from([b"\n", b"\r\n", b"\r"]),
)
def test_how_the_bytes_were_cut_does_not_matter(
    text: str, arguments: str, cuts: list[int], ending: bytes
) -> None:
    call = ToolCall("call_1", "book", arguments)
    stream = b"".join(frames_of(Reply(text, (call,)))).replace(b"\n", ending)
    edges = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    pieces = [stream[a:b] for a, b in itertools.pairwise(edges)]
    items, reader = read(*pieces)
    whole, _ = read(stream)
    assert reader.failure is None
    assert text_of(items) == text_of(whole)
    assert calls_of(items) == [call]
    assert [type(item) for item in items][-2:] == [ToolCall, Usage]


def test_the_text_of_one_feeding_is_one_delta() -> None:
    items, _ = read(said("Hello") + said(" there") + stopped() + DONE)
    assert items == [TextDelta("Hello there")]


def test_an_answer_is_text_then_calls_then_cost() -> None:
    items, reader = read(*frames_of(Reply("One moment.", (BOOK,))))
    assert items == [TextDelta("One"), TextDelta(" moment."), BOOK, Usage(9, 2)]
    assert (reader.finish, reader.failure, reader.malformed) == ("tool_calls", None, 0)


@pytest.mark.requirement("B.27")
@pytest.mark.parametrize(
    "noise",
    [
        b": keep-alive\n\n",
        b"retry: 10\nid: 7\nevent: message\n\n",
        b'data: {"choices": [{"del\n\n',
        b"data: \xff\xfe\n\n",
        b"data: null\n\ndata: 7\n\ndata: []\n\n",
        b'data: {"choices": "none"}\n\n',
        b'data: {"object": "news", "choices": null, "obfuscation": "aa"}\n\n',
        event({"delta": None}),
        b"nonsense\n\n",
    ],
)
def test_what_cannot_be_read_is_skipped(noise: bytes) -> None:
    items, reader = read(said("Hel"), noise, said("lo"), stopped(), DONE)
    assert text_of(items) == "Hello"
    assert reader.failure is None


@pytest.mark.requirement("B.27")
def test_malformed_events_are_counted() -> None:
    _, reader = read(b"data: {\n\n", said("x"), b"data: }\n\n", stopped(), DONE)
    assert (reader.valid, reader.malformed) == (2, 2)


@pytest.mark.requirement("B.27")
def test_a_stream_of_which_nothing_can_be_read_breaks_the_protocol() -> None:
    _, reader = read(b"data: <html>\n\n", DONE)
    assert isinstance(reader.failure, ProviderProtocolError)


def test_events_without_an_empty_line_between_them_are_told_apart() -> None:
    stream = (said("Hel") + said("lo") + stopped() + DONE).replace(b"\n\n", b"\n")
    items, reader = read(stream)
    assert text_of(items) == "Hello"
    assert reader.malformed == 0


def test_the_last_event_needs_no_empty_line() -> None:
    items, reader = read(said("Hello") + stopped() + b'data: {"usage": {"prompt_tokens": 3}}')
    assert items == [TextDelta("Hello"), Usage(3, 0)]
    assert reader.failure is None


def test_fragments_of_interleaved_calls_are_joined_by_index() -> None:
    items, _ = read(
        fragments({"index": 1, "id": "b", "function": {"name": "two", "arguments": "["}}),
        fragments({"index": 0, "id": "a", "function": {"name": "one", "arguments": "{"}}),
        fragments({"index": 1, "function": {"arguments": "]"}}, {"index": 0, "function": {}}),
        fragments({"index": 0, "id": "a", "function": {"name": "one", "arguments": "}"}}),
        stopped("tool_calls"),
    )
    assert items == [ToolCall("a", "one", "{}"), ToolCall("b", "two", "[]")]


def test_a_new_id_under_the_same_index_is_a_new_call() -> None:
    items, _ = read(
        fragments({"index": 0, "id": "a", "function": {"name": "one", "arguments": "{}"}}),
        fragments({"index": 0, "id": "b", "function": {"name": "two", "arguments": "[]"}}),
        stopped("tool_calls"),
    )
    assert items == [ToolCall("a", "one", "{}"), ToolCall("b", "two", "[]")]


def test_a_call_without_index_and_id_gets_an_id() -> None:
    items, _ = read(
        fragments({"function": {"name": "one", "arguments": "{"}}),
        fragments({"function": {"arguments": "}"}}),
        stopped("tool_calls"),
    )
    assert items == [ToolCall("call_0", "one", "{}")]


def test_arguments_are_passed_on_as_the_model_wrote_them() -> None:
    items, _ = read(*frames_of(Reply(calls=(ToolCall("c", "book", '{"seats": three'),))))
    assert calls_of(items) == [ToolCall("c", "book", '{"seats": three')]


@pytest.mark.parametrize("finish", ["length", "content_filter"])
def test_a_call_that_was_cut_with_the_answer_is_left_out(finish: str) -> None:
    calls = (BOOK, ToolCall("call_2", "book", '{"sea'))
    items, reader = read(*frames_of(Reply(calls=calls, finish=finish)))
    assert calls_of(items) == [BOOK]
    assert reader.failure is None


def test_calls_come_as_soon_as_the_model_has_stopped() -> None:
    reader = Reader()
    *before, stop, _usage, _done = frames_of(Reply(calls=(BOOK,)))
    assert [reader.feed(frame) for frame in before] == [()] * len(before)
    assert reader.feed(stop) == (BOOK,)


def test_a_refusal_is_text() -> None:
    items, _ = read(*frames_of(Reply("I cannot.", is_refusal=True)))
    assert text_of(items) == "I cannot."


def test_a_filtered_answer_is_a_rejection_only_while_nothing_is_out() -> None:
    _, silent = read(*frames_of(Reply(finish="content_filter")))
    _, spoken = read(*frames_of(Reply("Well,", finish="content_filter")))
    assert isinstance(silent.failure, ProviderRejected)
    assert spoken.failure is None


@pytest.mark.parametrize("end", [b"", b"data: {"])
def test_an_answer_that_breaks_off_is_a_failure_after_its_text(end: bytes) -> None:
    items, reader = read(said("Hello"), end)
    assert items == [TextDelta("Hello")]
    assert isinstance(reader.failure, ProviderUnavailable)


def test_an_answer_whose_model_has_stopped_needs_no_end() -> None:
    items, reader = read(said("Hello"), stopped())
    assert items == [TextDelta("Hello")]
    assert reader.failure is None


def test_an_answer_that_ends_without_a_reason_is_good_enough() -> None:
    items, reader = read(*frames_of(Reply("Hello", finish="")))
    assert items == [TextDelta("Hello"), Usage(9, 1)]
    assert reader.failure is None


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": "overloaded", "type": "server_error"}, ProviderUnavailable),
        ({"message": "too long", "code": "context_length_exceeded"}, ProviderRejected),
        ({"message": "no money", "type": "insufficient_quota"}, ProviderRejected),
        ("plain text", ProviderUnavailable),
    ],
)
def test_an_error_in_the_stream_ends_it(error: object, kind: type[ProviderError]) -> None:
    stream = said("Hel") + b"data: " + json.dumps({"error": error}).encode() + b"\n\n" + said("lo")
    items, reader = read(stream, reader=Reader("req_1"))
    assert items == [TextDelta("Hel")]
    assert isinstance(reader.failure, kind)
    assert "req_1" in str(reader.failure)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, ProviderRejected),
        (400, ProviderRejected),
        (401, ProviderRejected),
        (403, ProviderRejected),
        (404, ProviderRejected),
        (422, ProviderRejected),
        (408, ProviderUnavailable),
        (409, ProviderUnavailable),
        (429, ProviderUnavailable),
        (500, ProviderUnavailable),
        (503, ProviderUnavailable),
    ],
)
def test_a_status_tells_whose_turn_it_is(status: int, kind: type[ProviderError]) -> None:
    error = refusal(Failure("why", "kind", "code"), stage="llm", status=status, request_id="req_1")
    assert type(error) is kind
    for part in ("why", "kind", "code", "req_1", str(status)):
        assert part in str(error)


def test_a_spent_quota_is_a_rejection_although_its_status_is_429() -> None:
    assert isinstance(
        refusal(Failure(code="insufficient_quota"), stage="llm", status=429), ProviderRejected
    )


@pytest.mark.parametrize(
    ("body", "failure"),
    [
        (b'{"error": {"message": "m", "type": "t", "code": 7}}', Failure("m", "t", 7)),
        (b'{"error": "plain"}', Failure("plain")),
        (b'{"detail": "Not Found"}', Failure("Not Found")),
        (b"<html>", Failure()),
        (b"\xff", Failure()),
        (b"", Failure()),
    ],
)
def test_the_body_of_an_error_is_read_whatever_it_is(body: bytes, failure: Failure) -> None:
    assert failure_of(body) == failure


@given(st.binary(max_size=80))
def test_parsing_raises_nothing_but_its_own_error(data: bytes) -> None:
    with contextlib.suppress(ProviderProtocolError):
        parse(data)


BUSY = ProviderUnavailable("openai", "busy", stage="llm")


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, 0.1),
        ({"retry-after-ms": "50"}, 0.05),
        ({"retry-after": "1"}, 1.0),
        ({"retry-after": "1", "retry-after-ms": "200"}, 0.2),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:16:41 GMT"}, 1.0),
        ({"retry-after": "soon"}, 0.1),
        ({"retry-after": "nan"}, 0.1),
        ({"retry-after": "20"}, None),
        ({"x-should-retry": "false"}, None),
        ({"x-should-retry": "true"}, 0.1),
    ],
)
def test_the_server_says_when_to_ask_again(headers: dict[str, str], wait: float | None) -> None:
    assert wait_before_retry(BUSY, headers, now=1000.0, longest=1.0) == wait


def test_what_was_rejected_is_not_asked_again() -> None:
    error = ProviderRejected("openai", "no", stage="llm")
    assert wait_before_retry(error, {"retry-after": "0"}, now=0.0, longest=1.0) is None


def test_a_conversation_with_tools_passes_the_strict_server() -> None:
    prompt = Prompt(
        (
            Message(Role.SYSTEM, "Be brief."),
            Message(Role.DEVELOPER, "Be kind."),
            Message(Role.USER, "A table for three."),
            Message(Role.ASSISTANT, tool_calls=(BOOK,)),
            Message(Role.TOOL, "done", tool_call_id="call_1"),
            Message(Role.ASSISTANT, "It is booked."),
            Message(Role.USER, ""),
        ),
        (TOOL,),
    )
    settings = OpenAISettings(
        temperature=0.2,
        max_completion_tokens=100,
        tool_choice="book",
        parallel_tool_calls=False,
        options={"seed": 7},
    )
    body = read_request(build(prompt, settings))
    assert [message["role"] for message in body["messages"]] == [
        message.role.value for message in prompt.messages
    ]
    assert body["messages"][3]["content"] is None
    assert body["messages"][3]["tool_calls"][0]["function"]["arguments"] == BOOK.arguments
    assert body["tool_choice"] == {"type": "function", "function": {"name": "book"}}
    assert (body["seed"], body["temperature"]) == (7, 0.2)
    assert (body["max_completion_tokens"], body["parallel_tool_calls"]) == (100, False)
    assert body["stream_options"] == {"include_usage": True}


def test_a_plain_request_holds_nothing_that_was_not_asked_for() -> None:
    settings = OpenAISettings(include_usage=False, tool_choice="auto", max_tokens=5)
    body = read_request(build(Prompt((Message(Role.USER, "Hi"),)), settings))
    assert body.keys() == {"model", "messages", "stream", "max_tokens"}


def test_a_tool_result_must_name_its_call() -> None:
    with pytest.raises(LocalProtocolError):
        build(Prompt((Message(Role.TOOL, "done"),)), OpenAISettings())


RAW_TOOL = {"type": "function", "function": {"name": "book"}}


@pytest.mark.parametrize(
    "more",
    [
        {"tools": [RAW_TOOL], "tool_choice": "always"},
        {"tools": [RAW_TOOL], "tool_choice": {"type": "function", "function": {"name": "cook"}}},
        {"tools": [{"type": "function", "function": {"name": "b" * 65}}]},
        {"tools": [{"type": "function", "function": {"name": "b.k"}}]},
        {"tools": [{"type": "function", "function": {"name": "b\u00fcch"}}]},
        {"stream_options": True},
        {"stream_options": {"usage": True}},
    ],
)
def test_the_fake_refuses_what_the_vendor_refuses(more: dict[str, object]) -> None:
    request = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}
    read_request(msgspec.json.encode(request | {"tools": [RAW_TOOL], "tool_choice": "auto"}))
    with pytest.raises(BadRequest):
        read_request(msgspec.json.encode(request | more))


@pytest.mark.parametrize("key", ["sk-proj-AbC123456789", "sk-1234********************abcd"])
def test_a_key_that_the_server_repeats_gets_into_no_error(key: str) -> None:
    error = refusal(
        Failure(f"Incorrect API key provided: {key}. Find yours."), stage="llm", status=401
    )
    assert key not in str(error)
    assert "Incorrect API key provided: sk-***" in str(error)
