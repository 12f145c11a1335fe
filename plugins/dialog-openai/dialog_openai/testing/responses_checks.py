"""What the fake refuses of a Responses request, as OpenAI's server does (pure).

Source: OpenAI's API reference, "Responses".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from dialog_openai.testing.chat_checks import TOOL_CHOICES, TOOL_NAME, is_number
from dialog_openai.testing.http import BadRequest, need

__all__ = ["read_response_request"]

FIELDS = frozenset(
    {
        "include",
        "input",
        "instructions",
        "max_output_tokens",
        "metadata",
        "model",
        "parallel_tool_calls",
        "prompt_cache_key",
        "reasoning",
        "safety_identifier",
        "service_tier",
        "store",
        "stream",
        "stream_options",
        "temperature",
        "text",
        "tool_choice",
        "tools",
        "top_p",
        "truncation",
    }
)
ROLES = frozenset({"system", "developer", "user", "assistant"})
CALL_FIELDS = frozenset({"type", "call_id", "name", "arguments", "id", "status"})
OUTPUT_FIELDS = frozenset({"type", "call_id", "output", "id", "status"})


def read_response_request(content: bytes) -> Mapping[str, Any]:
    """The body of a request for a streamed answer. Raises: BadRequest."""
    try:
        body: dict[str, Any] = msgspec.json.decode(content)
    except msgspec.DecodeError as error:
        raise BadRequest("We could not parse the JSON body of your request.") from error
    need(isinstance(body, dict), "The body must be an object.")
    unknown = sorted(body.keys() - FIELDS)
    need(not unknown, f"Unknown parameter: '{', '.join(unknown)}'.")
    need(isinstance(body.get("model"), str), "you must provide a model parameter", "model")
    need(body.get("stream") is True, "This server only streams.", "stream")
    temperature = body.get("temperature")
    fits = temperature is None or (is_number(temperature) and 0 <= temperature <= 2)  # noqa: PLR2004
    need(fits, "temperature must be between 0 and 2", "temperature")
    limit = body.get("max_output_tokens")
    need(limit is None or (type(limit) is int and limit >= 16), "must be at least 16")  # noqa: PLR2004
    check_reasoning(body.get("reasoning", {}))
    check_tools(body.get("tools", ()), body.get("tool_choice", "auto"))
    items = body.get("input")
    need(isinstance(items, list | str) and items, "input must not be empty", "input")
    check_items(body["input"] if isinstance(items, list) else ())
    return body


def check_reasoning(reasoning: Any) -> None:
    """What may be asked of a model's thinking."""
    need(isinstance(reasoning, dict), "reasoning must be an object", "reasoning")
    need(reasoning.keys() <= {"effort", "summary"}, "Unknown parameter: 'reasoning'", "reasoning")


def check_tools(tools: Iterable[Any], choice: object) -> None:
    """The tools are flat here, and so is the choice of one."""
    names = set()
    for tool in tools:
        need(isinstance(tool, dict) and tool.get("type") == "function", "bad tool", "tools")
        need("function" not in tool, "Missing required parameter: 'tools[0].name'", "tools")
        name = tool.get("name")
        need(isinstance(name, str) and TOOL_NAME.fullmatch(name), "bad name", "tools")
        need(isinstance(tool.get("parameters"), dict), "bad parameters", "tools")
        names.add(name)
    if isinstance(choice, dict):
        need(choice.get("type") == "function" and choice.get("name") in names, "bad tool_choice")
    else:
        need(choice in TOOL_CHOICES, "tool_choice is no mode", "tool_choice")


def check_items(items: Iterable[Any]) -> None:
    """Every item's shape, and that each result answers a call before it and each call has one."""
    calls: set[str] = set()
    for number, item in enumerate(items):
        where = f"input[{number}]"
        need(isinstance(item, dict), "an item must be an object", where)
        match item.get("type", "message"):
            case "message":
                need(item.get("role") in ROLES, f"Invalid value: '{item.get('role')}'.", where)
                need(item.keys() <= {"type", "role", "content"}, "Unknown parameter", where)
                need(isinstance(item.get("content"), str | list), "Invalid content", where)
            case "function_call":
                need(item.keys() <= CALL_FIELDS, "Unknown parameter", where)
                whole = all(isinstance(item.get(key), str) for key in ("name", "arguments"))
                need(whole, "a call needs a name and arguments", where)
                calls.add(str(item.get("call_id")))
            case "function_call_output":
                need(item.keys() <= OUTPUT_FIELDS, "Unknown parameter", where)
                answered = item.get("call_id")
                need(answered in calls, f"No tool call found for call_id {answered}.", where)
                need(isinstance(item.get("output"), str | list), "Invalid output", where)
                calls.discard(str(answered))
            case other:
                raise BadRequest(f"Invalid value: '{other}'.", where)
    need(not calls, f"No tool output found for function call {', '.join(sorted(calls))}.", "input")
