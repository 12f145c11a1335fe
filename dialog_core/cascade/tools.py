"""Run a tool that the model called: with a deadline, to a text, and without ever failing the reply."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from functools import partial

import anyio

from dialog_core.agent.call import Call
from dialog_core.agent.tools import Tool, ToolProblem
from dialog_core.call.guard import guarded
from dialog_core.messages import ToolCall
from dialog_core.observe.observations import Observation

__all__ = ["OUTPUT_LIMIT", "run_tool"]

OUTPUT_LIMIT = 16_000
"""Characters of a result that the model is given; the rest is cut with a note."""


async def run_tool(
    tools: Mapping[str, Tool],
    wanted: ToolCall,
    call: Call,
    *,
    seconds: float,
    observe: Callable[[Observation], None],
) -> str:
    """The tool's result as text for the model; what went wrong is told to the model too.

    seconds: its deadline. A cancelled reply cancels the tool; in an eager reply it waits until the turn is complete.
    """
    await call.certain()
    tool = tools.get(wanted.name)
    if tool is None:
        return f"error: there is no tool {wanted.name!r}; there are: {', '.join(tools) or 'none'}"
    try:
        arguments = tool.bind(wanted.arguments, call)
    except ToolProblem as problem:
        return f"error: {problem}"
    result: list[str] = []
    act = partial(invoke, tool, arguments, result)
    with anyio.move_on_after(seconds) as scope:
        error = await guarded(act, call=call.id, where=f"tool {wanted.name}", observe=observe)
        if error is not None:
            return f"error: {wanted.name} failed"
    if scope.cancelled_caught or not result:
        return f"error: {wanted.name} took longer than {seconds:g} seconds"
    return result[0]


async def invoke(tool: Tool, arguments: Mapping[str, object], result: list[str]) -> None:
    """Call the function, and await it if it wants to be."""
    value = tool.function(**arguments)
    result.append(as_text(await value if inspect.isawaitable(value) else value))


def as_text(value: object) -> str:
    """A tool's value as the model reads it: text as it is, nothing as "done", anything else as JSON."""
    if value is None:
        return "done"
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    if len(text) > OUTPUT_LIMIT:
        return f"{text[:OUTPUT_LIMIT]}\n(cut: {len(text) - OUTPUT_LIMIT} more characters)"
    return text or "done"
