"""A lean OpenAI: Chat Completions as a stream."""

from __future__ import annotations

import json
import re
from functools import partial

from contrib.bench.clock import seconds
from contrib.bench.followed import CALLER, Vendors, name_of
from contrib.bench.loop import Connection

__all__ = ["Model"]


class Model:
    """OpenAI's Chat Completions: a sentence after the set delay, further tokens at a steady pace."""

    def __init__(self, vendors: Vendors, connection: Connection) -> None:
        self._vendors = vendors
        self._connection = connection
        self._rest = b""

    def read(self, data: bytes) -> None:
        """Take bytes; answer each whole request."""
        self._rest += data
        head, end, body = self._rest.partition(b"\r\n\r\n")
        if not end:
            return
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        size = int(length[1]) if length else 0
        if len(body) < size:
            return
        self._rest = body[size:]
        self._answer(json.loads(body[:size]))

    def _answer(self, request: dict[str, list[dict[str, str]]]) -> None:
        now, loop, pace = seconds(), self._vendors.loop, self._vendors.pace
        question = json.dumps(request["messages"][-1])
        trace = self._vendors.trace(question)
        trace.asked = now
        named = CALLER.findall(question)
        first = [f"Of course caller {named[-1] if named else name_of(0)}.", " The"]
        rest = [
            "",
            "sea",
            "view",
            "costs",
            "ninety",
            "euros",
            "a",
            "night,",
            "and",
            "breakfast",
            "is",
            "included.",
        ][1:]

        def begin() -> None:
            trace.answered = seconds()
            self._connection.send(HEAD + b"".join(part(delta(token)) for token in first))

        loop.at(now + pace.token, begin)
        for number, token in enumerate(rest, 1):
            loop.at(
                now + pace.token + number * pace.between,
                partial(self._connection.send, part(delta(f" {token}"))),
            )
        usage = {"prompt_tokens": 9, "completion_tokens": 13, "total_tokens": 22}
        ending = [
            event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}),
            event({"choices": [], "usage": usage}),
            b"data: [DONE]\n\n",
        ]
        over = part(b"".join(ending)) + b"0\r\n\r\n"
        due = now + pace.token + (len(rest) + 1) * pace.between
        loop.at(due, lambda: self._connection.send(over))


HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
    b"x-request-id: req_bench\r\ntransfer-encoding: chunked\r\n\r\n"
)
COMMON = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "bench"}


def event(body: dict[str, object]) -> bytes:
    """A server-sent event."""
    return b"data: " + json.dumps(COMMON | body).encode() + b"\n\n"


def delta(text: str) -> bytes:
    """An event with a token."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return event({"choices": [choice]})


def part(data: bytes) -> bytes:
    """A chunk of an HTTP body."""
    return b"%x\r\n" % len(data) + data + b"\r\n"
