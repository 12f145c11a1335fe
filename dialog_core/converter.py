"""From TOML values to settings objects, exactly, with every problem and its path.

TOML is typed, so a setting accepts its own type only: ``"no"`` is not a boolean and ``1.5`` is not a whole number. Any
text or number may instead come from a source: ``{ env = "NAME" }``, ``{ env = "NAME", default = 8080 }`` or
``{ file = "secrets/key" }``; what is read there is text, and is read as the setting's type.

Each hook below answers one shape of type. A hook that finds faults raises :class:`Faults`, whose paths are relative;
whoever holds the value prefixes its own key, so that the top sees ``agents.front.stt.model``.
"""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import attrs
from cattrs import Converter

from dialog_core.errors import PluginError, SettingsProblem
from dialog_core.fields import Secret
from dialog_core.sources import Faults, Found, Sources, fault, under

__all__ = ["did_you_mean", "new_converter"]

T = TypeVar("T")
Choose = Callable[[str, object], Any]

NAMES: Mapping[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    Secret: 'text, best { env = "NAME" }',
    Path: "a path",
}
SHOWN_LETTERS = 40
"""How much of a wrong value a message repeats."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``; did you mean 'model'?``, or nothing when nothing is close."""
    close = get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


# --- single values --------------------------------------------------------------------------------------------------


def shown(value: object) -> str:
    """A value as its author wrote it, cut short; a table or a list by its name."""
    match value:
        case bool():
            return str(value).lower()
        case dict():
            return "a table"
        case list():
            return "a list"
    text = str.__repr__(value) if isinstance(value, str) else str(value)
    return text if len(text) <= SHOWN_LETTERS else f"{text[:SHOWN_LETTERS]}..."


def refuse(wanted: type, value: object) -> Faults:
    """The fault of a value that is of another type. What stands in a secret's place is never shown."""
    shape = "" if wanted is Secret or isinstance(value, Found) else f", not {shown(value)}"
    return fault(f"must be {NAMES[wanted]}{shape}")


def exact_bool(value: object, _type: Any) -> bool:
    if isinstance(value, Found):
        value = {"true": True, "false": False}.get(value.lower(), value)
    if not isinstance(value, bool):
        raise refuse(bool, value)
    return value


def exact_int(value: object, _type: Any) -> int:
    if isinstance(value, Found):
        try:
            value = int(value)
        except ValueError:
            raise refuse(int, value) from None
    if not isinstance(value, int) or isinstance(value, bool):
        raise refuse(int, value)
    return value


def exact_float(value: object, _type: Any) -> float:
    if isinstance(value, Found):
        try:
            value = float(value)
        except ValueError:
            raise refuse(float, value) from None
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise refuse(float, value)
    return float(value)


def exact_text(value: object, _type: Any) -> str:
    if not isinstance(value, str):
        raise refuse(str, value)
    return str(value)


def secret(value: object, _type: Any) -> Secret:
    if not isinstance(value, str):
        raise refuse(Secret, value)
    if not (kept := Secret(value)):
        raise fault("is empty")
    return kept


def choice(value: object, allowed: Iterable[Any]) -> Any:
    """The allowed value that equals `value` and is of its type."""
    known = tuple(allowed)
    for option in known:
        plain = option.value if isinstance(option, enum.Enum) else option
        same_type = type(plain) is (str if isinstance(value, Found) else type(value))
        if plain == value and same_type:
            return option
    words = (str(o.value if isinstance(o, enum.Enum) else o) for o in known)
    raise fault(f"must be one of {', '.join(words)}, not {shown(value)}")


# --- the converter --------------------------------------------------------------------------------------------------


def is_source(value: object) -> typing.TypeGuard[Mapping[str, object]]:
    """Whether a table stands for text that is to be looked up."""
    return isinstance(value, Mapping) and bool(value.keys() & {"env", "file"})


def new_converter(sources: Sources, choose: Choose) -> Converter:
    """A converter for one settings file.

    choose: (kind, table) -> the component that a field of that kind names; raises Faults.
    """
    converter = Converter(detailed_validation=False)

    def sourced(hook: Callable[[Any, Any], T]) -> Callable[[Any, Any], T]:
        def structure(value: Any, wanted: Any) -> T:
            return hook(sources.read(value) if is_source(value) else value, wanted)

        return structure

    for wanted, hook in (
        (bool, exact_bool),
        (int, exact_int),
        (float, exact_float),
        (str, exact_text),
        (Secret, secret),
        (enum.Enum, choice),  # for cattrs before 26, which asks classes before predicates
    ):
        converter.register_structure_hook(wanted, sourced(hook))
    converter.register_structure_hook(
        Path, sourced(lambda value, _: sources.folder / exact_text(value, str))
    )
    converter.register_structure_hook_func(
        lambda t: t is Any or t is object, lambda value, _: value
    )
    converter.register_structure_hook_func(
        lambda t: isinstance(t, type) and issubclass(t, enum.Enum), sourced(choice)
    )
    converter.register_structure_hook_func(
        lambda t: origin_of(t) is typing.Literal,
        sourced(lambda value, t: choice(value, typing.get_args(t))),
    )
    containers(converter)
    converter.register_structure_hook_func(
        attrs.has, lambda value, cls: structure_class(converter, choose, value, cls)
    )
    return converter


def origin_of(wanted: Any) -> Any:
    """``tuple`` of ``tuple[int, ...]``; None of a plain type."""
    return typing.get_origin(wanted)


def is_mapping(wanted: Any) -> bool:
    """Whether a type is a parametrised mapping."""
    origin = origin_of(wanted)
    return isinstance(origin, type) and issubclass(origin, Mapping)


def containers(converter: Converter) -> None:
    """Teach a converter lists, tables and unions."""
    converter.register_structure_hook_func(
        lambda t: origin_of(t) in {tuple, list, frozenset},
        lambda value, t: structure_list(converter, value, t),
    )
    converter.register_structure_hook_func(
        is_mapping, lambda value, t: structure_mapping(converter, value, t)
    )
    converter.register_structure_hook_func(
        lambda t: origin_of(t) in {typing.Union, types.UnionType},
        lambda value, t: structure_union(converter, value, t),
    )


def gathered(items: Iterable[tuple[str, T]], structure: Callable[[T], Any]) -> list[Any]:
    """Structure each item, keep the values; raise the faults of all together, each below its key."""
    values: list[Any] = []
    problems: list[SettingsProblem] = []
    for key, item in items:
        try:
            values.append(structure(item))
        except (ValueError, TypeError) as error:
            problems += under(key, error)
    if problems:
        raise Faults(*problems)
    return values


def numbered(items: Iterable[T]) -> Iterable[tuple[str, T]]:
    """Items with their positions as keys."""
    return ((str(number), item) for number, item in enumerate(items))


def structure_list(converter: Converter, value: object, wanted: Any) -> Any:
    """tuple[X, ...], list[X], frozenset[X], or a tuple of fixed length."""
    if not isinstance(value, list):
        raise fault(f"must be a list, not {shown(value)}")
    origin, inner = origin_of(wanted), typing.get_args(wanted)
    fixed = origin is tuple and Ellipsis not in inner
    if fixed and len(inner) != len(value):
        raise fault(f"must be a list of {len(inner)}, not of {len(value)}")
    pairs = zip(value, inner if fixed else (inner[0],) * len(value), strict=True)
    return origin(gathered(numbered(pairs), lambda pair: converter.structure(*pair)))


def structure_mapping(converter: Converter, value: object, wanted: Any) -> Mapping[str, Any]:
    """Mapping[str, X] or dict[str, X]."""
    if not isinstance(value, Mapping):
        raise fault(f"must be a table, not {shown(value)}")
    inner = typing.get_args(wanted)[1]
    values = gathered(value.items(), lambda item: converter.structure(item, inner))
    return dict(zip(value, values, strict=True))


def structure_union(converter: Converter, value: object, wanted: Any) -> Any:
    """X | None, X | Y: the first type that takes the value exactly."""
    options = [option for option in typing.get_args(wanted) if option is not type(None)]
    if value is None and len(options) < len(typing.get_args(wanted)):
        return None
    if len(options) == 1:
        return converter.structure(value, options[0])
    for option in options:
        try:
            return converter.structure(value, option)
        except (ValueError, TypeError):
            continue
    words = (NAMES.get(option, getattr(option, "__name__", str(option))) for option in options)
    raise fault(f"must be {' or '.join(words)}, not {shown(value)}")


def options_of(cls: type) -> dict[str, attrs.Attribute[Any]]:
    """The settings of an attrs class by the key that a file writes. Raises: PluginError."""
    try:
        attrs.resolve_types(cls)
    except NameError as error:
        message = f"{cls.__qualname__}: {error}; a setting's type must be known at run time"
        raise PluginError(cls.__module__, message) from error
    return {
        field.alias: field
        for field in attrs.fields(cls)
        if field.init and field.metadata.get("option", True)
    }


def structure_class(converter: Converter, choose: Choose, value: object, cls: type[T]) -> T:
    """An attrs class from a table: unknown keys, missing keys, types and limits, all told at once."""
    if not isinstance(value, Mapping):
        raise fault(f"must be a table, not {shown(value)}")
    options = options_of(cls)
    problems = [
        SettingsProblem(key, f"unknown key{did_you_mean(key, options)}")
        for key in value
        if key not in options
    ]
    known: dict[str, Any] = {}
    for key, field in options.items():
        if key in value:
            try:
                known[key] = structure_field(converter, choose, value[key], field)
            except (ValueError, TypeError) as error:
                problems += under(key, error)
        elif field.default is attrs.NOTHING:
            problems.append(SettingsProblem(key, missing(key, field)))
    problems += unlawful(options, known)
    if problems:
        raise Faults(*problems)
    return cls(**known)


def structure_field(
    converter: Converter, choose: Choose, value: object, field: attrs.Attribute[Any]
) -> Any:
    kind = field.metadata.get("kind")
    if kind is None:
        return converter.structure(value, field.type if field.type is not None else Any)
    if not field.metadata.get("many"):
        return choose(kind, value)
    if not isinstance(value, list):
        raise fault(f"must be a list, not {shown(value)}")
    return tuple(gathered(numbered(value), lambda item: choose(kind, item)))


def missing(key: str, field: attrs.Attribute[Any]) -> str:
    """The message for a required setting that is not there."""
    purpose = field.metadata.get("help")
    example = f'; write {key} = {{ env = "NAME" }}' if field.type is Secret else ""
    return f"missing{f': {purpose}' if purpose else ''}{example}"


def unlawful(
    options: Mapping[str, attrs.Attribute[Any]], known: Mapping[str, Any]
) -> list[SettingsProblem]:
    """What the validators say, each asked on its own so that one fault does not hide the next."""
    partial = types.SimpleNamespace(**{options[key].name: value for key, value in known.items()})
    problems: list[SettingsProblem] = []
    for key, field in options.items():
        if field.validator is None or key not in known:
            continue
        try:
            field.validator(partial, field, known[key])
        except (ValueError, TypeError) as error:
            problems += under(key, error)
        except AttributeError:  # it compares with a setting that is missing, and already reported
            continue
    return problems
