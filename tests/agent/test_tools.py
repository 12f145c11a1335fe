from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Annotated, Any, Literal

import anyio
import attrs
import pytest

from dialog_core.agent.call import Call
from dialog_core.agent.tools import Tool, ToolProblem
from dialog_core.cascade.tools import OUTPUT_LIMIT, run_tool
from dialog_core.errors import PluginError
from dialog_core.messages import ToolCall
from dialog_core.observe.observations import Observation, Trouble


@attrs.define
class Handle:
    """Stands for a call."""

    id: str = "c1"

    async def certain(self) -> None:
        """Its turns are complete."""


CALL: Any = Handle()


class Size(enum.Enum):
    SMALL = "small"
    LARGE = "large"


@attrs.frozen
class Guest:
    name: str
    age: int = 30


def book(
    name: str,
    seats: Annotated[int, "how many"],
    room: Literal["inside", "outside"] = "inside",
    size: Size = Size.SMALL,
    wishes: list[str] | None = None,
    guest: Guest | None = None,
    price: float = 0.0,
    *,
    window: bool = False,
    number: int | str = 0,
) -> str:
    """Book a table
    for somebody.

    name: who it is for

    More text for programmers.
    """
    return f"{name} {seats} {room} {size.name} {wishes} {guest} {price} {window} {number!r}"


@pytest.mark.requirement("E.16")
def test_the_signature_is_the_schema_and_the_docstring_the_description() -> None:
    spec = Tool.of(book).spec
    assert (spec.name, spec.description) == ("book", "Book a table for somebody.")
    assert spec.parameters == {
        "type": "object",
        "properties": {
            "name": {"type": "string", "description": "who it is for"},
            "seats": {"type": "integer", "description": "how many"},
            "room": {"enum": ["inside", "outside"]},
            "size": {"enum": ["small", "large"]},
            "wishes": {"type": "array", "items": {"type": "string"}},
            "guest": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
                "required": ["name"],
                "additionalProperties": False,
            },
            "price": {"type": "number"},
            "window": {"type": "boolean"},
            "number": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
        },
        "required": ["name", "seats"],
        "additionalProperties": False,
    }


def test_arguments_arrive_as_the_annotated_types() -> None:
    tool = Tool.of(book)
    given = (
        '{"name": "Ann", "seats": 2, "size": "large", "wishes": ["quiet"], "price": 3,'
        ' "guest": {"name": "Bo"}, "window": true, "number": "7"}'
    )
    assert tool.function(**tool.bind(given, CALL)) == (
        "Ann 2 inside LARGE ['quiet'] Guest(name='Bo', age=30) 3.0 True '7'"
    )


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ("{", "arguments are not valid JSON: "),
        ("[1]", "arguments must be a JSON object"),
        ('{"name": "Ann"}', "missing arguments: seats"),
        ('{"name": "Ann", "seats": 1, "x": 1}', "unknown arguments: x; known: name, seats, "),
        ('{"name": "Ann", "seats": "two"}', "argument 'seats' does not fit"),
        ('{"name": "Ann", "seats": 2.5}', "argument 'seats' does not fit"),
        ('{"name": "Ann", "seats": true}', "argument 'seats' does not fit"),
        ('{"name": 7, "seats": 1}', "argument 'name' does not fit"),
        ('{"name": "Ann", "seats": 1, "window": "no"}', "argument 'window' does not fit"),
        ('{"name": "Ann", "seats": 1, "room": "roof"}', "argument 'room' does not fit"),
        ('{"name": "Ann", "seats": 1, "size": "huge"}', "argument 'size' does not fit"),
        ('{"name": "Ann", "seats": 1, "wishes": "quiet"}', "argument 'wishes' does not fit"),
        ('{"name": "Ann", "seats": 1, "guest": {"age": 3}}', "argument 'guest' does not fit"),
        ('{"name": "Ann", "seats": 1, "number": []}', "argument 'number' does not fit"),
    ],
)
def test_arguments_that_do_not_fit_are_told_to_the_model(arguments: str, problem: str) -> None:
    with pytest.raises(ToolProblem) as raised:
        Tool.of(book).bind(arguments, CALL)
    assert str(raised.value).startswith(problem)


def test_no_arguments_at_all_are_an_empty_object() -> None:
    def now() -> str:
        """Tell the time."""
        return "noon"

    assert Tool.of(now).bind("", CALL) == {}


def test_a_parameter_of_type_call_is_given_the_call_and_not_shown() -> None:
    def where(call: Call) -> str:
        """Tell."""
        return call.id

    tool = Tool.of(where)
    assert tool.spec.parameters["properties"] == {}
    assert tool.bind("{}", CALL) == {"call": CALL}


def untyped(x) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - that is the point
    """Do."""


def too_free(x: dict[str, int]) -> None:
    """Do."""


@pytest.mark.parametrize(
    ("function", "message"),
    [(untyped, "parameter 'x' has no type; annotate it"), (too_free, "no JSON schema for")],
)
def test_a_function_that_has_no_schema_is_refused_at_the_start(
    function: Callable[..., None], message: str
) -> None:
    with pytest.raises(PluginError, match=message):
        Tool.of(function)


# --- running


async def run(
    function: Callable[..., Any], arguments: str = "{}", *, name: str = ""
) -> tuple[str, list[Observation]]:
    tool = Tool.of(function)
    seen: list[Observation] = []
    wanted = ToolCall("1", name or tool.spec.name, arguments)
    result = await run_tool({tool.spec.name: tool}, wanted, CALL, seconds=2.0, observe=seen.append)
    return result, seen


async def slow() -> str:
    """Take long."""
    await anyio.sleep(60)
    return "never"


async def quick() -> dict[str, int]:
    """Answer."""
    await anyio.sleep(1)
    return {"price": 90}


def broken() -> str:
    """Fail."""
    raise KeyError("secret")


def long() -> str:
    """Say much."""
    return "a" * (OUTPUT_LIMIT + 5)


def silent() -> None:
    """Do something."""


def odd() -> dict[tuple[int, int], int]:
    """Answer what is not JSON."""
    return {(1, 2): 3}


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("function", "result"),
    [
        (quick, '{"price": 90}'),
        (slow, "error: slow took longer than 2 seconds"),
        (broken, "error: broken failed"),
        (silent, "done"),
        (odd, "error: odd failed"),
        (long, "a" * OUTPUT_LIMIT + "\n(cut: 5 more characters)"),
    ],
)
async def test_a_result_is_text_whatever_happens(function: Callable[..., Any], result: str) -> None:
    assert (await run(function))[0] == result


@pytest.mark.anyio
async def test_a_failure_is_observed_and_the_model_is_not_told_its_cause() -> None:
    result, seen = await run(broken)
    assert "secret" not in result
    [trouble] = seen
    assert isinstance(trouble, Trouble)
    assert (trouble.where, "KeyError" in trouble.detail) == ("tool broken", True)


@pytest.mark.anyio
async def test_a_tool_that_does_not_exist_is_answered_with_those_that_do() -> None:
    assert (await run(silent, name="loud"))[
        0
    ] == "error: there is no tool 'loud'; there are: silent"


@pytest.mark.anyio
async def test_a_problem_with_the_arguments_is_the_result() -> None:
    assert (await run(silent, '{"x": 1}'))[0].startswith("error: unknown arguments: x")
