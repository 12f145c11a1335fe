"""What the fake server refuses: requests that OpenAI's server would refuse too (pure).

Source: OpenAI's API reference, "Chat Completions".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from dialog_openai.testing.http import BadRequest, need

__all__ = ["TOOL_CHOICES", "TOOL_NAME", "is_number", "read_request"]

FIELDS = frozenset(
    {
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "metadata",
        "model",
        "n",
        "parallel_tool_calls",
        "prediction",
        "presence_penalty",
        "prompt_cache_key",
        "reasoning_effort",
        "response_format",
        "safety_identifier",
        "seed",
        "service_tier",
        "stop",
        "store",
        "stream",
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "user",
        "verbosity",
    }
)
TOOL_NAME = re.compile("[a-zA-Z0-9_-]{1,64}")
TOOL_CHOICES = ("auto", "none", "required")
STREAM_OPTIONS = frozenset({"include_usage", "include_obfuscation"})
MESSAGE_FIELDS: Mapping[str, frozenset[str]] = {
    "system": frozenset({"role", "content", "name"}),
    "developer": frozenset({"role", "content", "name"}),
    "user": frozenset({"role", "content", "name"}),
    "assistant": frozenset({"role", "content", "name", "tool_calls", "refusal"}),
    "tool": frozenset({"role", "content", "tool_call_id"}),
}


def read_request(content: bytes) -> Mapping[str, Any]:
    """The body of a request for a streamed answer. Raises: BadRequest."""
    try:
        body: dict[str, Any] = msgspec.json.decode(content)
    except msgspec.DecodeError as error:
        raise BadRequest("We could not parse the JSON body of your request.") from error
    need(isinstance(body, dict), "The body must be an object.")
    unknown = sorted(body.keys() - FIELDS)
    need(not unknown, f"Unrecognized request argument supplied: {', '.join(unknown)}")
    need(isinstance(body.get("model"), str), "you must provide a model parameter", "model")
    need(body.get("stream") is True, "This server only streams.", "stream")
    check_stream_options(body.get("stream_options", {}))
    check_numbers(body)
    check_tools(body)
    messages = body.get("messages")
    need(isinstance(messages, list) and messages, "[] is too short", "messages")
    check_messages(body["messages"])
    return body


def check_numbers(body: Mapping[str, Any]) -> None:
    """Limits of numbers."""
    temperature = body.get("temperature")
    fits = temperature is None or (is_number(temperature) and 0 <= temperature <= 2)  # noqa: PLR2004
    need(fits, "temperature must be between 0 and 2", "temperature")
    for name in ("max_tokens", "max_completion_tokens"):
        limit = body.get(name)
        need(limit is None or (type(limit) is int and limit > 0), "must be positive", name)
    both = body.keys() >= {"max_tokens", "max_completion_tokens"}
    need(
        not both,
        "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
    )


def check_tools(body: Mapping[str, Any]) -> None:
    """The tools, and what may be said about them."""
    tools = body.get("tools")
    if tools is None:
        for name in ("tool_choice", "parallel_tool_calls"):
            need(name not in body, f"'{name}' is only allowed when 'tools' are specified.", name)
        return
    need(isinstance(tools, list) and tools, "[] is too short - 'tools'", "tools")
    for tool in tools:
        need(tool.get("type") == "function", "a tool's type must be 'function'", "tools")
        function = tool.get("function")
        need(isinstance(function, dict), "Missing required parameter: 'tools[0].function'", "tools")
        name = function.get("name")
        need(isinstance(name, str) and TOOL_NAME.fullmatch(name), "bad name", "tools")
        need(isinstance(function.get("parameters", {}), dict), "bad parameters", "tools")
    check_choice(
        body.get("tool_choice", "auto"), frozenset(tool["function"]["name"] for tool in tools)
    )


def check_choice(choice: object, names: frozenset[str]) -> None:
    """A mode, or one of the tools by name."""
    if isinstance(choice, dict):
        function = choice.get("function")
        named = isinstance(function, dict) and function.get("name") in names
        fits = choice.get("type") == "function" and named
    else:
        fits = choice in TOOL_CHOICES
    need(fits, "tool_choice is no mode and names no tool", "tool_choice")


def check_stream_options(options: Any) -> None:
    """What may be asked of a stream."""
    fits = isinstance(options, dict) and options.keys() <= STREAM_OPTIONS
    flags = fits and all(isinstance(flag, bool) for flag in options.values())
    need(flags, "Unknown parameter: 'stream_options'.", "stream_options")


def check_messages(messages: Iterable[Any]) -> None:
    """Roles, contents, and that every tool call is answered at once and no other."""
    open_calls: set[str] = set()
    for number, message in enumerate(messages):
        where = f"messages[{number}]"
        need(isinstance(message, dict), "a message must be an object", where)
        role = message.get("role")
        need(role in MESSAGE_FIELDS, f"Invalid value: '{role}'.", f"{where}.role")
        need(message.keys() <= MESSAGE_FIELDS[role], "Unknown parameter", where)
        if role == "tool":
            answered = message.get("tool_call_id")
            need(
                answered in open_calls,
                "messages with role 'tool' must be a response to a preceding message with 'tool_calls'",
                where,
            )
            open_calls.discard(answered)
        else:
            need(not open_calls, "tool_call_ids did not have response messages", where)
        calls = message.get("tool_calls")
        if calls is not None:
            need(calls, "[] is too short - 'tool_calls'", where)
            open_calls = {call_id(call, where) for call in calls}
        content = message.get("content")
        need(isinstance(content, str) or (content is None and calls), "Invalid content", where)
    need(not open_calls, "tool_call_ids did not have response messages", "messages")


def call_id(call: Mapping[str, Any], where: str) -> str:
    """The id of a well-formed tool call."""
    function = call.get("function", {})
    need(call.get("type") == "function" and call.get("id"), "bad tool call", where)
    need(isinstance(function.get("name"), str), "a call needs a name", where)
    need(isinstance(function.get("arguments"), str), "arguments must be text", where)
    return str(call["id"])


def is_number(value: object) -> bool:
    """True for whole numbers and others, not for true and false."""
    return isinstance(value, int | float) and not isinstance(value, bool)
