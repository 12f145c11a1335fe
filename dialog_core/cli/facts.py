"""What is known of a setting, in words."""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Iterator
from typing import Any

import attrs

from dialog_core.converter import options_of
from dialog_core.fields import Secret

__all__ = ["alternatives", "default_of", "facts", "settings_of"]


def settings_of(cls: type) -> Iterator[tuple[str, attrs.Attribute[Any]]]:
    """Each setting with its dotted key, those of nested tables included."""
    for key, field in options_of(cls).items():
        is_component = "kind" in field.metadata
        options = () if is_component else alternatives(field.type)
        inner = tuple(option for option in options if attrs.has(option))
        if not inner:
            yield key, field
        for nested in inner:
            yield from ((f"{key}.{below}", setting) for below, setting in settings_of(nested))


def alternatives(wanted: Any) -> tuple[Any, ...]:
    """X and Y of ``X | Y``."""
    if typing.get_origin(wanted) in (typing.Union, types.UnionType):
        return typing.get_args(wanted)
    return (wanted,)


def facts(field: attrs.Attribute[Any]) -> Iterator[str]:
    """Type and unit, default, limits, and whether it is a secret."""
    unit = field.metadata.get("unit")
    if "kind" in field.metadata:
        yield "name or table of a component"
    else:
        yield f"{' or '.join(type_name(a) for a in alternatives(field.type))}{f' ({unit})' if unit else ''}"
    default = default_of(field)
    if default is attrs.NOTHING:
        yield "required"
    else:
        yield f"default {default.value if isinstance(default, enum.Enum) else default!r}"
    for limit, words in (("at_least", "at least"), ("above", "above"), ("at_most", "at most")):
        if (bound := field.metadata.get(limit)) is not None:
            yield f"{words} {bound:g}"
    if choices := field.metadata.get("one_of"):
        yield f"one of {', '.join(map(str, choices))}"
    if Secret in alternatives(field.type):
        yield "secret"


def type_name(wanted: Any) -> str:
    """A type in few letters."""
    if wanted is type(None):
        return "none"
    if isinstance(wanted, type) and issubclass(wanted, enum.Enum):
        return "/".join(str(member.value) for member in wanted)
    if typing.get_origin(wanted) is typing.Literal:
        return "/".join(map(str, typing.get_args(wanted)))
    if isinstance(wanted, type) and not typing.get_args(wanted):
        return wanted.__name__
    return str(wanted).replace("typing.", "").replace("collections.abc.", "")


def default_of(field: attrs.Attribute[Any]) -> Any:
    """A setting's default; `attrs.NOTHING` where there is none, or none that can be known without the object."""
    default: Any = field.default
    if not hasattr(default, "takes_self"):
        return default
    return attrs.NOTHING if default.takes_self else default.factory()
