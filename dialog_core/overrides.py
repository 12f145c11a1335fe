"""``--set KEY=VALUE``: values that replace what a settings file says (pure)."""

from __future__ import annotations

import tomllib
from typing import Any

from dialog_core.errors import SettingsError, SettingsProblem
from dialog_core.sources import Faults

__all__ = ["Override", "parse_override", "put"]

Override = tuple[str, object]


def parse_override(text: str) -> Override:
    """``agents.front.stt.model=nova-2`` as a key and a value; what is not a TOML value is text."""
    key, equals, value = text.partition("=")
    if not equals or not all(key.strip().split(".")):
        example = "agents.reception.stt.model=nova-3"
        raise SettingsError(SettingsProblem(f"--set {text}", f"write KEY=VALUE, such as {example}"))
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value


def put(document: dict[str, Any], key: str, value: object) -> None:
    """Set a value at a dotted key, making tables on the way. Raises: Faults."""
    *parents, last = key.split(".")
    table: Any = document
    for parent in parents:
        table = inner_table(table, parent, key)
    if isinstance(table, list):
        table[place_in(table, last, key)] = value
    else:
        table[last] = value


def inner_table(table: Any, name: str, key: str) -> Any:
    """What a key on the way leads to: a table, made if there is none, or a list of a chain's members."""
    place: Any = place_in(table, name, key) if isinstance(table, list) else name
    inner = table[place] if isinstance(table, list) else table.setdefault(name, {})
    if isinstance(inner, str):
        inner = table[place] = {"use": inner}
    if not isinstance(inner, dict | list):
        raise Faults(SettingsProblem(key, f"cannot be set: {name!r} is not a table"))
    return inner


def place_in(members: list[Any], name: str, key: str) -> int:
    """A member's number in a list. Raises: Faults."""
    if not name.isdecimal() or int(name) >= len(members):
        raise Faults(
            SettingsProblem(key, f"cannot be set: a list of {len(members)} has no {name!r}")
        )
    return int(name)
