"""The events of an answer over Responses, as OpenAI's server sends them.

Source: OpenAI's API reference, "Responses streaming".
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from typing import Any

import attrs

from dialog_core.messages import ToolCall
from dialog_openai.testing.http import event

__all__ = ["response_frames"]

Fields = dict[str, Any]
ENDINGS = {"length": "max_output_tokens", "content_filter": "content_filter"}
"""Reasons why an answer is incomplete, by what Chat Completions calls them."""


@attrs.frozen
class Framer:
    """Numbers events."""

    numbers: Iterator[int] = attrs.field(factory=itertools.count)

    def __call__(self, kind: str, **fields: Any) -> bytes:
        """One event."""
        data = {"type": kind, "sequence_number": next(self.numbers), **fields}
        return event(json.dumps(data), kind)


def response_frames(
    tokens: Sequence[str],
    calls: Sequence[ToolCall],
    *,
    finish: str | None,
    is_refusal: bool,
    is_counted: bool,
) -> Iterator[bytes]:
    """The events of an answer, in the server's order. finish: in the words of Chat Completions; empty for none."""
    frame = Framer()
    yield frame("response.created", response=response("in_progress"))
    output: list[Fields] = []
    if tokens:
        output.append(message(tokens, is_refusal=is_refusal))
        yield from message_frames(frame, tokens, is_refusal=is_refusal)
    for call in calls:
        yield from call_frames(frame, call, len(output))
        output.append(call_item(call))
    if finish == "":
        return
    reason = ENDINGS.get(finish or "")
    status = "incomplete" if reason else "completed"
    whole = response(status) | {"output": output}
    whole["incomplete_details"] = {"reason": reason} if reason else None
    whole["usage"] = usage(len(tokens)) if is_counted else None
    yield frame(f"response.{status}", response=whole)


def message_frames(frame: Framer, tokens: Sequence[str], *, is_refusal: bool) -> Iterator[bytes]:
    """The events of a message."""
    where = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    kind = "refusal" if is_refusal else "output_text"
    began = message((), is_refusal=is_refusal) | {"content": [], "status": "in_progress"}
    yield frame("response.output_item.added", output_index=0, item=began)
    yield frame("response.content_part.added", **where, part=content("", is_refusal=is_refusal))
    for token in tokens:
        fields = where if is_refusal else {**where, "logprobs": []}
        yield frame(f"response.{kind}.delta", **fields, delta=token)
    text = "".join(tokens)
    if is_refusal:
        yield frame("response.refusal.done", **where, refusal=text)
    else:
        yield frame("response.output_text.done", **where, text=text, logprobs=[])
    yield frame("response.content_part.done", **where, part=content(text, is_refusal=is_refusal))
    done = message(tokens, is_refusal=is_refusal)
    yield frame("response.output_item.done", output_index=0, item=done)


def call_frames(frame: Framer, call: ToolCall, index: int) -> Iterator[bytes]:
    """The events of a tool call; its id is in the items alone."""
    item, half = call_item(call), len(call.arguments) // 2
    where = {"item_id": item["id"], "output_index": index}
    began = item | {"arguments": "", "status": "in_progress"}
    yield frame("response.output_item.added", output_index=index, item=began)
    for piece in (call.arguments[:half], call.arguments[half:]):
        yield frame("response.function_call_arguments.delta", **where, delta=piece)
    done = {"name": call.name, "arguments": call.arguments}
    yield frame("response.function_call_arguments.done", **where, **done)
    yield frame("response.output_item.done", output_index=index, item=item)


def message(tokens: Sequence[str], *, is_refusal: bool) -> Fields:
    """A message as an output item."""
    parts = [content("".join(tokens), is_refusal=is_refusal)]
    item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}
    return {**item, "content": parts}


def content(text: str, *, is_refusal: bool) -> Fields:
    """A part of a message."""
    if is_refusal:
        return {"type": "refusal", "refusal": text}
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def call_item(call: ToolCall) -> Fields:
    """A tool call as an output item."""
    item = {"type": "function_call", "id": f"fc_{call.id}", "call_id": call.id}
    return {**item, "name": call.name, "arguments": call.arguments, "status": "completed"}


def response(status: str) -> Fields:
    """The answer as a whole."""
    fields: Fields = {"id": "resp_1", "object": "response", "created_at": 1, "status": status}
    nothing = dict.fromkeys(("error", "incomplete_details", "instructions", "usage"))
    rest = {"model": "fake", "output": [], "tools": [], "tool_choice": "auto", "metadata": {}}
    return {**fields, **nothing, **rest, "parallel_tool_calls": True, "store": False}


def usage(tokens: int) -> Fields:
    """What an answer cost."""
    return {
        "input_tokens": 9,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 9 + tokens,
    }
