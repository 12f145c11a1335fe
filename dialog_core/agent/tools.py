"""Typed Python functions as tools of a language model.

The function's signature is the schema, its docstring the description: the first paragraph for the tool, and lines
``name: text`` for its parameters (an ``Annotated[int, "text"]`` does too). A parameter of type :class:`Call` is not
shown to the model; it is given the call.
"""

from __future__ import annotations

import enum
import inspect
import json
import re
import types
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import attrs

from dialog_core.agent.call import Call
from dialog_core.errors import PluginError
from dialog_core.messages import ToolSpec

__all__ = ["Tool", "ToolProblem"]

SIMPLE = {str: "string", int: "integer", float: "number", bool: "boolean"}
LINE = re.compile(r"^\s*(\w+):\s+(.+)$", re.MULTILINE)


class ToolProblem(Exception):
    """The model's arguments do not fit the function; the text is for the model."""


@attrs.frozen
class Tool:
    """A function that the model may call."""

    function: Callable[..., Any]
    """Plain or ``async``; a plain one must be quick."""
    spec: ToolSpec
    hints: Mapping[str, Any]
    call_parameter: str | None = None
    """The parameter that is given the call."""

    @classmethod
    def of(cls, function: Callable[..., Any]) -> Tool:
        """Read a function's signature and docstring. Raises: PluginError if a parameter's type has no schema."""
        name = function.__name__
        hints = get_type_hints(function, include_extras=True)
        text = inspect.getdoc(function) or ""
        described = dict(LINE.findall(text))
        properties: dict[str, Any] = {}
        required = []
        call_parameter = None
        for parameter in inspect.signature(function).parameters.values():
            hint = hints.get(parameter.name)
            if hint is Call:
                call_parameter = parameter.name
                continue
            if hint is None:
                raise PluginError(name, f"parameter {parameter.name!r} has no type; annotate it")
            properties[parameter.name] = schema_of(hint, f"{name}.{parameter.name}")
            if parameter.name in described:
                properties[parameter.name].setdefault("description", described[parameter.name])
            if parameter.default is inspect.Parameter.empty:
                required.append(parameter.name)
        schema = {
            "type": "object", "properties": properties, "required": required, "additionalProperties": False,
        }  # fmt: skip
        description = " ".join(text.split("\n\n")[0].split())
        return cls(function, ToolSpec(name, description, schema), hints, call_parameter)

    def bind(self, arguments: str, call: Call) -> dict[str, Any]:
        """The model's JSON as keyword arguments. Raises: ToolProblem with what is wrong, for the model to read."""
        try:
            given = json.loads(arguments or "{}")
        except ValueError as error:
            raise ToolProblem(f"arguments are not valid JSON: {error}") from error
        if not isinstance(given, dict):
            raise ToolProblem("arguments must be a JSON object")
        known = self.spec.parameters["properties"]
        if unknown := sorted(set(given) - set(known)):
            raise ToolProblem(f"unknown arguments: {', '.join(unknown)}; known: {', '.join(known)}")
        if missing := [name for name in self.spec.parameters["required"] if name not in given]:
            raise ToolProblem(f"missing arguments: {', '.join(missing)}")
        bound = {name: convert(value, self.hints[name], name) for name, value in given.items()}
        if self.call_parameter is not None:
            bound[self.call_parameter] = call
        return bound


def convert(value: object, hint: Any, name: str) -> Any:
    """A JSON value as the annotated type."""
    try:
        return fit(value, hint)
    except (TypeError, ValueError) as error:
        wanted = json.dumps(schema_of(hint, name))
        raise ToolProblem(f"argument {name!r} does not fit {wanted}: {value!r}") from error


def fit(value: object, hint: Any) -> Any:
    """A JSON value as a type that `schema_of` describes, exactly. Raises: TypeError, ValueError."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return fit(value, arguments[0])
    if hint is float and type(value) is int:
        return float(value)
    if hint in SIMPLE or hint is type(None):
        if type(value) is not hint:
            raise TypeError(value)
        return value
    if origin is Literal:
        if not any(choice == value and type(choice) is type(value) for choice in arguments):
            raise ValueError(value)
        return value
    if origin in (list, tuple):
        if not isinstance(value, list):
            raise TypeError(value)
        return origin(fit(item, arguments[0]) for item in value)
    if origin in (Union, types.UnionType):
        return fit_one(value, arguments)
    if attrs.has(hint):
        if not isinstance(value, dict):
            raise TypeError(value)
        hints = get_type_hints(hint, include_extras=True)
        return hint(**{key: fit(item, hints.get(key, type(None))) for key, item in value.items()})
    return hint(value)


def fit_one(value: object, hints: tuple[Any, ...]) -> Any:
    """The value as the first of the types that it fits. Raises: TypeError if it fits none."""
    for hint in hints:
        with suppress(TypeError, ValueError):
            return fit(value, hint)
    raise TypeError(value)


def schema_of(hint: Any, where: str) -> dict[str, Any]:
    """JSON schema of a type: str, int, float, bool, Literal, Enum, list, Optional, and attrs classes of those."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        described = next((extra for extra in arguments[1:] if isinstance(extra, str)), None)
        schema = schema_of(arguments[0], where)
        return {**schema, "description": described} if described else schema
    if hint in SIMPLE:
        return {"type": SIMPLE[hint]}
    if origin is Literal:
        return {"enum": list(arguments)}
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return {"enum": [member.value for member in hint]}
    if origin in (list, tuple):
        return {"type": "array", "items": schema_of(arguments[0], where)}
    if origin in (Union, types.UnionType):
        inner = [argument for argument in arguments if argument is not type(None)]
        if len(inner) == 1:
            return schema_of(inner[0], where)
        return {"anyOf": [schema_of(argument, where) for argument in inner]}
    if isinstance(hint, type) and attrs.has(hint):
        hints = get_type_hints(hint, include_extras=True)
        fields = attrs.fields(hint)
        return {
            "type": "object",
            "properties": {field.name: schema_of(hints[field.name], where) for field in fields},
            "required": [field.name for field in fields if field.default is attrs.NOTHING],
            "additionalProperties": False,
        }
    raise PluginError(
        where,
        f"no JSON schema for {hint!r}; use str, int, float, bool, Literal, Enum, list or attrs",
    )
