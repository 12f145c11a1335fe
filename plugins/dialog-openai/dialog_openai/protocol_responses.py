r"""Responses, streamed: every message, parsed and built (pure).

An answer is a stream of server-sent events whose data name their `type`. Of some thirty types, these matter::

    {"type": "response.output_text.delta", "delta": " three"}
    {"type": "response.output_item.added", "output_index": 1, "item": {"type": "function_call", "id": "fc_1", ...}}
    {"type": "response.function_call_arguments.delta", "item_id": "fc_1", "delta": "{\"seats\""}
    {"type": "response.output_item.done", "output_index": 1, "item": {"type": "function_call", "call_id": "c_1", ...}}
    {"type": "response.completed", "response": {"usage": {"input_tokens": 9, ...}}}     or .incomplete, .failed
    {"type": "error", "message": "...", "code": "..."}

A finished tool call comes three times; the item that is done is the one that counts, and fragments are joined only for
servers that leave it out. Nothing is kept on the server: the whole conversation is sent each time, with `store` off.

Source: OpenAI's API reference, "Responses" and "Responses streaming".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import msgspec

from dialog_core.errors import LocalProtocolError, ProviderProtocolError
from dialog_core.messages import Message, Prompt, Role, ToolCall, ToolSpec, Usage
from dialog_openai.failures import PROVIDER, Failure
from dialog_openai.protocol import CUT_SHORT, STAGE, TOOL_CHOICES, is_json
from dialog_openai.settings import OpenAISettings

__all__ = ["Event", "Output", "build", "parse"]

TEXT_DELTAS = frozenset({"response.output_text.delta", "response.refusal.delta"})
ITEM_BEGAN = "response.output_item.added"
ITEM_DONE = "response.output_item.done"
ARGUMENTS_DELTA = "response.function_call_arguments.delta"
ARGUMENTS_DONE = "response.function_call_arguments.done"
COMPLETED = "response.completed"
INCOMPLETE = "response.incomplete"
FAILED = "response.failed"
ERROR = "error"
FUNCTION_CALL = "function_call"
REASONS = {"max_output_tokens": "length"}
"""Why an answer is incomplete, in the words of Chat Completions."""


# --- what the server sends --------------------------------------------------------------------------------------------


class OutputItem(msgspec.Struct, frozen=True):
    """A part of the answer: a message, a tool call, a piece of reasoning."""

    type: str = ""
    id: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None


class TokenCounts(msgspec.Struct, frozen=True):
    """What the answer cost."""

    input_tokens: int = 0
    output_tokens: int = 0


class Reason(msgspec.Struct, frozen=True):
    """Why the answer is incomplete."""

    reason: str | None = None


class Response(msgspec.Struct, frozen=True):
    """The answer as a whole, as it is at its end."""

    usage: TokenCounts | None = None
    error: Failure | None = None
    incomplete_details: Reason | None = None


class Event(msgspec.Struct, frozen=True):
    """One event of the stream; which fields it has depends on its type."""

    type: str
    delta: Any = None
    item_id: str | None = None
    arguments: str | None = None
    item: OutputItem | None = None
    response: Response | None = None
    message: str | None = None
    code: str | int | None = None
    error: Failure | None = None


EVENTS = msgspec.json.Decoder(Event)


def parse(data: str | bytes) -> Event:
    """Read the data of one event; unknown keys are ignored.

    Raises: ProviderProtocolError if it is not JSON, or not an event's.
    """
    try:
        return EVENTS.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProviderProtocolError(
            PROVIDER, "sent an event that belongs to no answer", stage=STAGE
        ) from error


# --- joining events to an answer --------------------------------------------------------------------------------------


@attrs.define
class Draft:
    """A tool call whose arguments are still coming."""

    item: OutputItem
    pieces: list[str] = attrs.field(factory=list)
    whole: str | None = None
    """The arguments as the server repeats them at their end."""

    @property
    def arguments(self) -> str:
        """The arguments as far as they are known."""
        return "".join(self.pieces) if self.whole is None else self.whole


@attrs.define
class Output:
    """An answer under way: gives out its text at once, and its tool calls and cost when asked."""

    finish: str | None = None
    """Why the model stopped, in the words of Chat Completions; None while it has not."""
    failure: Failure | None = None
    counts: TokenCounts | None = None
    drafts: dict[str, Draft] = attrs.field(factory=dict)
    """Tool calls by the id of their item, in order."""

    def add(self, event: Event) -> str:
        """Take an event; returns its text, often empty."""
        if event.type in TEXT_DELTAS:
            return event.delta if isinstance(event.delta, str) else ""
        if event.item is not None and event.item.type == FUNCTION_CALL:
            self._draft(event.item, done=event.type == ITEM_DONE)
        elif event.type in {ARGUMENTS_DELTA, ARGUMENTS_DONE}:
            self._extend(event)
        elif event.type == ERROR:
            self.failure = event.error or Failure(event.message, None, event.code)
        elif event.type in {COMPLETED, INCOMPLETE, FAILED}:
            self._end(event.type, event.response or Response())
        return ""

    def calls(self) -> Iterator[ToolCall]:
        """The tool calls in order, arguments as the model wrote them; one that was cut off is left out."""
        for key, draft in self.drafts.items():
            if self.finish in CUT_SHORT and not is_json(draft.arguments):
                continue
            yield ToolCall(draft.item.call_id or key, draft.item.name or "", draft.arguments)

    def usage(self) -> Usage | None:
        """What the answer cost, if the server said."""
        if self.counts is None:
            return None
        return Usage(self.counts.input_tokens, self.counts.output_tokens)

    def _draft(self, item: OutputItem, *, done: bool) -> None:
        key = item.id or item.call_id or f"call_{len(self.drafts)}"
        draft = self.drafts.setdefault(key, Draft(item))
        if done:
            draft.item = item
            draft.whole = draft.arguments if item.arguments is None else item.arguments

    def _extend(self, event: Event) -> None:
        draft = self.drafts.get(event.item_id or "")
        if draft is None:
            return
        if event.type == ARGUMENTS_DONE:
            draft.whole = event.arguments if event.arguments is not None else draft.arguments
        elif isinstance(event.delta, str):
            draft.pieces.append(event.delta)

    def _end(self, kind: str, response: Response) -> None:
        self.counts = response.usage
        if kind == FAILED:
            self.failure = response.error or Failure()
        elif kind == INCOMPLETE:
            details = response.incomplete_details or Reason()
            self.finish = REASONS.get(details.reason or "", details.reason or "length")
        else:
            self.finish = "tool_calls" if self.drafts else "stop"


# --- what we send -----------------------------------------------------------------------------------------------------


def build(prompt: Prompt, settings: OpenAISettings) -> bytes:
    """The body of a request for one streamed answer.

    Raises: LocalProtocolError for a tool result that answers no call.
    """
    body: dict[str, Any] = {
        "model": settings.model,
        "input": [item for message in prompt.messages for item in items_of(message)],
        "stream": True,
        "store": False,
    }
    if settings.temperature is not None:
        body["temperature"] = settings.temperature
    if settings.max_completion_tokens is not None:
        body["max_output_tokens"] = settings.max_completion_tokens
    if settings.reasoning_effort is not None:
        body["reasoning"] = {"effort": settings.reasoning_effort}
    if prompt.tools:
        body["tools"] = [tool_of(tool) for tool in prompt.tools]
        if settings.tool_choice is not None:
            body["tool_choice"] = choice_of(settings.tool_choice)
        if settings.parallel_tool_calls is not None:
            body["parallel_tool_calls"] = settings.parallel_tool_calls
    return msgspec.json.encode(body | dict(settings.options))


def items_of(message: Message) -> Iterator[Mapping[str, Any]]:
    """A message in the server's form: its text and each of its tool calls are items of their own."""
    if message.role is Role.TOOL:
        if message.tool_call_id is None:
            raise LocalProtocolError("a tool message must name the call it answers")
        call_id, output = message.tool_call_id, message.text
        yield {"type": "function_call_output", "call_id": call_id, "output": output}
        return
    if message.text or not message.tool_calls:
        yield {"role": message.role.value, "content": message.text}
    for call in message.tool_calls:
        fields = {"call_id": call.id, "name": call.name, "arguments": call.arguments}
        yield {"type": FUNCTION_CALL, **fields}


def tool_of(tool: ToolSpec) -> Mapping[str, Any]:
    """A tool that the model may use; flat, unlike in Chat Completions, and not strict unless its schema is made so."""
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": dict(tool.parameters),
        "strict": False,
    }


def choice_of(choice: str) -> str | Mapping[str, Any]:
    """A mode, or else the name of the only tool that may be used."""
    return choice if choice in TOOL_CHOICES else {"type": "function", "name": choice}
