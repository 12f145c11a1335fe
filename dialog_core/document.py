"""A settings file's document before it is typed: read, overridden, its components' names looked up."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dialog_core.converter import gathered, is_source, numbered
from dialog_core.errors import SettingsError, SettingsProblem
from dialog_core.plugins import KINDS
from dialog_core.sources import Faults, Sources, under

__all__ = ["Override", "parse_override", "put", "read_document", "with_names"]

Override = tuple[str, object]
"""A dotted key, and the value that replaces what the file says there."""


def read_document(file: Path) -> dict[str, Any]:
    """The file's tables. Raises: SettingsError."""
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(
            SettingsProblem(str(file), f"cannot be read: {error.strerror}")
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(SettingsProblem(str(file), f"is not TOML: {error}")) from error


def with_names(document: Mapping[str, Any], sources: Sources) -> dict[str, Any]:
    """The document with the names of components that come from a source, ``use = { env = "STT" }``. Raises: Faults."""
    agents = document.get("agents")
    if not isinstance(agents, dict):
        return dict(document)
    named: dict[str, Any] = {}
    problems: list[SettingsProblem] = []
    for name, agent in agents.items():
        named[name] = dict(agent) if isinstance(agent, dict) else agent
        for kind in KINDS if isinstance(agent, dict) else ():
            if kind not in agent:
                continue
            try:
                named[name][kind] = with_name(agent[kind], sources)
            except Faults as error:
                problems += under(f"agents.{name}.{kind}", error)
    if problems:
        raise Faults(*problems)
    return {**document, "agents": named}


def with_name(table: Any, sources: Sources) -> Any:
    """A component's table, or a list of them, with its name looked up. Raises: Faults."""
    if isinstance(table, list):
        return gathered(numbered(table), lambda each: with_name(each, sources))
    if is_source(table):
        return sources.read(table)
    if isinstance(table, dict) and is_source(table.get("use")):
        try:
            return {**table, "use": sources.read(table["use"])}
        except Faults as error:
            raise Faults(*under("use", error)) from error
    return table


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
