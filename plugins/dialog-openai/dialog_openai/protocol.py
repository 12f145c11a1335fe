r"""Chat Completions, streamed: every message, parsed and built (pure).

An answer is a stream of server-sent events. Each holds a chunk: a piece of text, fragments of tool calls, the reason
why the model stopped, or, last, the count of tokens; the data ``[DONE]`` ends it. Of these, `choices` holds::

    [{"delta": {"content": " three"}, "finish_reason": null}]
    [{"delta": {"tool_calls": [{"index": 0, "id": "call_1", "function": {"name": "book", "arguments": ""}}]}}]
    [{"delta": {"tool_calls": [{"index": 0, "function": {"arguments": "{\"seats\": 3}"}}]}}]
    [{"delta": {}, "finish_reason": "tool_calls"}]
    []                                                  and beside it: "usage": {"prompt_tokens": 9, ...}

Text is passed on as it comes, a refusal too: it is what the model says to the caller. Fragments of a tool call are
joined by their index, and the calls come out whole when the model has stopped.

Source: OpenAI's API reference, "Chat Completions", "Streaming" and "Error codes".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import msgspec

from dialog_core.errors import LocalProtocolError, ProviderProtocolError
from dialog_core.messages import Message, Prompt, Role, ToolCall, ToolSpec, Usage
from dialog_openai.failures import PROVIDER, Failure
from dialog_openai.settings import OpenAISettings

__all__ = [
    "CUT_SHORT",
    "DONE",
    "Choice",
    "Chunk",
    "Delta",
    "Draft",
    "FunctionPart",
    "Gathering",
    "TokenCounts",
    "ToolPart",
    "build",
    "parse",
]

STAGE = "llm"
DONE = "[DONE]"
CUT_SHORT = frozenset({"length", "content_filter"})
"""Why a model may stop in the middle of what it was saying."""
TOOL_CHOICES = frozenset({"auto", "none", "required"})


# --- what the server sends --------------------------------------------------------------------------------------------


class FunctionPart(msgspec.Struct, frozen=True):
    """A fragment of a tool call's function."""

    name: str | None = None
    arguments: str | None = None


class ToolPart(msgspec.Struct, frozen=True):
    """A fragment of a tool call. `id` and `name` come with the first one only."""

    index: int | None = None
    id: str | None = None
    function: FunctionPart | None = None


class Delta(msgspec.Struct, frozen=True):
    """What a chunk adds to the answer."""

    content: str | None = None
    refusal: str | None = None
    tool_calls: tuple[ToolPart, ...] | None = None


class Choice(msgspec.Struct, frozen=True):
    """One of the answers; we ask for a single one."""

    delta: Delta | None = None
    finish_reason: str | None = None


class TokenCounts(msgspec.Struct, frozen=True):
    """What the answer cost."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


class Chunk(msgspec.Struct, frozen=True):
    """One event of the stream."""

    choices: tuple[Choice, ...] | None = None
    usage: TokenCounts | None = None
    error: Failure | str | None = None


CHUNKS = msgspec.json.Decoder(Chunk)


def parse(data: str | bytes) -> Chunk:
    """Read the data of one event; unknown keys are ignored.

    Raises: ProviderProtocolError if it is not JSON, or not a chunk's.
    """
    try:
        return CHUNKS.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProviderProtocolError(
            PROVIDER, "sent an event that is no chunk of an answer", stage=STAGE
        ) from error


# --- joining chunks to an answer --------------------------------------------------------------------------------------


@attrs.define
class Draft:
    """A tool call whose fragments are still coming."""

    index: int | None
    id: str = ""
    name: str = ""
    arguments: list[str] = attrs.field(factory=list)

    def add(self, part: ToolPart) -> None:
        """Join a fragment to it."""
        self.id = self.id or part.id or ""
        if part.function is not None:
            self.name = self.name or part.function.name or ""
            self.arguments.append(part.function.arguments or "")

    def is_same(self, part: ToolPart) -> bool:
        """True if the fragment belongs to this call; a new id begins a new one, even under the same index."""
        if part.id and self.id and part.id != self.id:
            return False
        return part.index is None or part.index == self.index


@attrs.define
class Gathering:
    """An answer under way: gives out its text at once, and its tool calls and cost when asked."""

    drafts: list[Draft] = attrs.field(factory=list)
    finish: str | None = None
    counts: TokenCounts | None = None

    def add(self, chunk: Chunk) -> str:
        """Take a chunk; returns its text, often empty."""
        if chunk.usage is not None:
            self.counts = chunk.usage
        if not chunk.choices:
            return ""
        choice = chunk.choices[0]
        self.finish = choice.finish_reason or self.finish
        if choice.delta is None:
            return ""
        for part in choice.delta.tool_calls or ():
            self.draft(part).add(part)
        return choice.delta.content or choice.delta.refusal or ""

    def draft(self, part: ToolPart) -> Draft:
        """The call that the fragment belongs to: the latest that fits, or a new one."""
        for draft in reversed(self.drafts):
            if draft.is_same(part):
                return draft
        self.drafts.append(Draft(part.index))
        return self.drafts[-1]

    def calls(self) -> Iterator[ToolCall]:
        """The tool calls in order, arguments as the model wrote them; call it when the model has stopped.

        A call that was cut off with the answer is left out: nobody knows what the model wanted.
        """
        for number, draft in enumerate(sorted(self.drafts, key=order)):
            arguments = "".join(draft.arguments)
            if self.finish in CUT_SHORT and not is_json(arguments):
                continue
            yield ToolCall(draft.id or f"call_{number}", draft.name, arguments)

    def usage(self) -> Usage | None:
        """What the answer cost, if the server said."""
        if self.counts is None:
            return None
        return Usage(self.counts.prompt_tokens, self.counts.completion_tokens)


def order(draft: Draft) -> int:
    """Calls come by index; those without keep their places, as sorting is stable."""
    return draft.index or 0


def is_json(text: str) -> bool:
    """True for a complete JSON value."""
    try:
        msgspec.json.decode(text)
    except msgspec.DecodeError:
        return False
    return True


# --- what we send -----------------------------------------------------------------------------------------------------


def build(prompt: Prompt, settings: OpenAISettings) -> bytes:
    """The body of a request for one streamed answer.

    Raises: LocalProtocolError for a tool result that answers no call.
    """
    body: dict[str, Any] = {
        "model": settings.model,
        "messages": [message_of(message) for message in prompt.messages],
        "stream": True,
    }
    if settings.include_usage:
        body["stream_options"] = {"include_usage": True}
    for name in ("temperature", "max_completion_tokens", "max_tokens", "reasoning_effort"):
        value = getattr(settings, name)
        if value is not None:
            body[name] = value
    if prompt.tools:
        body["tools"] = [tool_of(tool) for tool in prompt.tools]
        if settings.tool_choice is not None:
            body["tool_choice"] = choice_of(settings.tool_choice)
        if settings.parallel_tool_calls is not None:
            body["parallel_tool_calls"] = settings.parallel_tool_calls
    return msgspec.json.encode(body | dict(settings.options))


def message_of(message: Message) -> Mapping[str, Any]:
    """A message in the server's form."""
    match message.role:
        case Role.TOOL:
            if message.tool_call_id is None:
                raise LocalProtocolError("a tool message must name the call it answers")
            return {"role": "tool", "tool_call_id": message.tool_call_id, "content": message.text}
        case Role.ASSISTANT if message.tool_calls:
            calls = [call_of(call) for call in message.tool_calls]
            return {"role": "assistant", "content": message.text or None, "tool_calls": calls}
        case role:
            return {"role": role.value, "content": message.text}


def call_of(call: ToolCall) -> Mapping[str, Any]:
    """A tool call of an earlier answer."""
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def tool_of(tool: ToolSpec) -> Mapping[str, Any]:
    """A tool that the model may use."""
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": dict(tool.parameters),
    }
    return {"type": "function", "function": function}


def choice_of(choice: str) -> str | Mapping[str, Any]:
    """A mode, or else the name of the only tool that may be used."""
    if choice in TOOL_CHOICES:
        return choice
    return {"type": "function", "function": {"name": choice}}
