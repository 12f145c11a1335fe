"""A fake of OpenAI's language models: strict about requests, scripted in its answers, faulty on demand.

It answers over Chat Completions and over Responses, whichever it is asked by.

::

    fake = FakeOpenAI(["Hello.", Reply(calls=(ToolCall("call_1", "book", '{"seats": 3}'),)), Refuse(429)])
    async with in_memory(fake.app) as services: ...

A script is a sequence of answers, the last of which repeats, or a function from the request's messages to an answer.
A text stands for a Reply. `served` counts finished answers, `cancelled` those whose client left before the end.

Source: OpenAI's API reference, "Chat Completions", "Responses", "Streaming" and "Error codes".
"""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import anyio
import attrs
from starlette.types import Receive, Scope, Send

from dialog_core.messages import ToolCall
from dialog_core.testing.vendor import Drop
from dialog_openai.testing.chat_checks import read_request
from dialog_openai.testing.http import (
    KEY,
    BadRequest,
    Refuse,
    event,
    headers_of,
    part,
    send_error,
    start,
    unless_gone,
    unwelcome,
    whole_body,
)
from dialog_openai.testing.responses import response_frames
from dialog_openai.testing.responses_checks import read_response_request

__all__ = ["FakeOpenAI", "Fault", "Reply", "Request", "frames_of"]

CHAT = "/v1/chat/completions"
RESPONSES = "/v1/responses"
TOKENS = re.compile(r"\s*\S+|\s+$")
HEAD = '{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"fake","choices":'


class Fault(enum.Enum):
    """What goes wrong in the middle of a Reply."""

    STALL = "stall"
    """Nothing more comes, and the connection stays."""
    DROP = "drop"
    """The connection is lost."""
    END = "end"
    """The body ends properly, but the answer has not."""
    ERROR = "error"
    """An error object instead of the next chunk; then the body ends."""
    GARBAGE = "garbage"
    """An event that is no JSON, a comment, an unknown field and an unknown object; then the answer goes on."""
    COMMENTS = "comments"
    """Only comments from here on, one every second."""


@attrs.frozen
class Reply:
    """A streamed answer."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    """Come after the text; arguments are cut in two fragments."""
    finish: str | None = None
    """Why the model stopped; by default what fits. Empty: it never says so."""
    is_refusal: bool = False
    is_counted: bool = True
    """Tell the count of tokens; the server leaves it out where nobody asked."""
    first: float = 0.0
    """Seconds until the first token."""
    between: float = 0.0
    """Seconds between sends."""
    burst: int = 1
    """Chunks in one send, as when a network bundles them."""
    fault: Fault | None = None
    after: int = 0
    """Chunks before the fault."""


@attrs.frozen
class Request:
    """A request that was let in."""

    headers: Mapping[str, str]
    body: Mapping[str, Any]
    path: str = "/v1/chat/completions"

    @property
    def conversation(self) -> Sequence[Mapping[str, Any]]:
        """The messages of Chat Completions, or the input items of Responses."""
        conversation: Sequence[Mapping[str, Any]] = self.body.get("messages") or self.body["input"]
        return conversation


Answer = str | Reply | Refuse
Script = Sequence[Answer] | Callable[[Sequence[Mapping[str, Any]]], Answer]


@attrs.define(eq=False)
class FakeOpenAI:
    """The server; `app` is its ASGI application."""

    script: Script = ("Hello there.",)
    key: str | None = KEY
    """The key that is asked for; None lets everybody in."""
    requests: list[Request] = attrs.field(factory=list)
    refused: list[str] = attrs.field(factory=list)
    """Messages of the requests that did not pass the checks."""
    served: int = 0
    cancelled: int = 0
    active: int = 0
    """Answers under way."""

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI: answer one request."""
        content = await whole_body(receive)
        answer = self.judge(scope, headers_of(scope), content)
        is_chat = scope["path"] == CHAT
        self.active += 1
        try:
            if isinstance(answer, Refuse):
                await anyio.sleep(answer.delay)
                await send_error(send, answer)
                self.served += 1
            elif await unless_gone(receive, lambda: stream(send, answer, is_chat=is_chat)):
                self.served += 1
            else:
                self.cancelled += 1
        finally:
            self.active -= 1

    def judge(self, scope: Scope, headers: Mapping[str, str], content: bytes) -> Reply | Refuse:
        """What to answer to a request."""
        is_chat = scope["path"] != RESPONSES
        path = CHAT if is_chat else RESPONSES
        problem = unwelcome(scope, headers, path=path, key=self.key)
        if problem is None and not headers.get("content-type", "").startswith("application/json"):
            problem = Refuse(400, "invalid_request", "you must send application/json")
        if problem is None:
            try:
                body = read_request(content) if is_chat else read_response_request(content)
            except BadRequest as bad:
                problem = Refuse(400, "invalid_request", bad.message)
        if problem is not None:
            self.refused.append(problem.message)
            return problem
        self.requests.append(Request(headers, body, path))
        answer = self.next_answer(self.requests[-1].conversation)
        answer = Reply(answer) if isinstance(answer, str) else answer
        asked = not is_chat or body.get("stream_options", {}).get("include_usage")
        if isinstance(answer, Reply) and not asked:
            return attrs.evolve(answer, is_counted=False)
        return answer

    def next_answer(self, messages: Sequence[Mapping[str, Any]]) -> Answer:
        """The script's answer to the latest request."""
        if callable(self.script):
            return self.script(messages)
        return self.script[min(len(self.requests), len(self.script)) - 1]


async def stream(send: Send, reply: Reply, *, is_chat: bool) -> None:
    """Answer with a stream of events."""
    frames = tuple(frames_of(reply) if is_chat else responses_of(reply))
    faulty = reply.fault is not None
    await anyio.sleep(reply.first)
    headers = {"content-type": "text/event-stream; charset=utf-8", "x-request-id": "req_fake"}
    await send(start(200, headers))
    sent = frames[: reply.after + 1] if faulty else frames
    for number in range(0, len(sent), reply.burst):
        if number > 1:
            await anyio.sleep(reply.between)
        await send(part(b"".join(sent[number : number + reply.burst])))
    if reply.fault is not None:
        await go_wrong(send, reply.fault, is_chat=is_chat)
    rest = frames[reply.after + 1 :] if reply.fault is Fault.GARBAGE else ()
    if rest:
        await send(part(b"".join(rest)))
    await send(part(b"", more=False))


async def go_wrong(send: Send, fault: Fault, *, is_chat: bool) -> None:
    """Do what the fault says; the body's end and the rest of an answer are not its business."""
    match fault:
        case Fault.STALL:
            await anyio.sleep_forever()
        case Fault.DROP:
            raise Drop
        case Fault.ERROR:
            error = {"message": "overloaded", "type": "server_error", "param": None, "code": None}
            frame = (
                {"error": error} if is_chat else {**error, "type": "error", "code": "server_error"}
            )
            await send(part(event(json.dumps(frame), "" if is_chat else "error")))
        case Fault.GARBAGE:
            await send(part(b'data: {"choices": [{"del\n\n: comment\r\nretry: 10\r\n\r\n'))
            await send(part(event('{"object": "unheard.of", "choices": null, "obfuscation": "x"}')))
        case Fault.COMMENTS:
            while True:
                await send(part(b": still here\n\n"))
                await anyio.sleep(1.0)
        case Fault.END:
            return


def responses_of(reply: Reply) -> Iterator[bytes]:
    """The events of an answer over Responses."""
    return response_frames(
        TOKENS.findall(reply.text),
        reply.calls,
        finish=reply.finish,
        is_refusal=reply.is_refusal,
        is_counted=reply.is_counted,
    )


def frames_of(reply: Reply) -> Iterator[bytes]:
    """The events of an answer: the role, each token, each half of a tool call, the reason, the cost, the end."""
    yield chunk('{"role":"assistant","content":""}')
    field = "refusal" if reply.is_refusal else "content"
    tokens = TOKENS.findall(reply.text)
    for token in tokens:
        yield chunk(f'{{"{field}":{json.dumps(token)}}}')
    for index, call in enumerate(reply.calls):
        half = len(call.arguments) // 2
        head: dict[str, Any] = {"index": index, "id": call.id, "type": "function"}
        head["function"] = {"name": call.name, "arguments": ""}
        yield chunk(json.dumps({"tool_calls": [head]}))
        for piece in (call.arguments[:half], call.arguments[half:]):
            fragment = {"index": index, "function": {"arguments": piece}}
            yield chunk(json.dumps({"tool_calls": [fragment]}))
    finish = ("tool_calls" if reply.calls else "stop") if reply.finish is None else reply.finish
    if finish:
        yield chunk("{}", finish)
    if reply.is_counted:
        yield count(len(tokens))
    yield event("[DONE]")


def count(tokens: int) -> bytes:
    """The event that tells what an answer cost."""
    usage = {"prompt_tokens": 9, "completion_tokens": tokens, "total_tokens": 9 + tokens}
    return event(f'{HEAD}[],"usage":{json.dumps(usage)}}}')


def chunk(delta: str, finish: str | None = None) -> bytes:
    """An event with one choice."""
    return event(f'{HEAD}[{{"index":0,"delta":{delta},"finish_reason":{json.dumps(finish)}}}]}}')
