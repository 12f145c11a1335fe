"""On which line of a TOML file each key stands.

The standard library's reader keeps no positions, so the file is read statement by statement: lines are added to one
until it parses, which is where it ends. A statement's keys, those of inline tables
in it included, stand on its first line.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["lines_of"]

Key = tuple[str, ...]


def lines_of(text: str) -> Mapping[Key, int]:
    """The line of each key, tables and members of arrays included. text: a whole file that parses."""
    found: dict[Key, int] = {}
    table: Key = ()
    for number, statement in statements(text):
        parsed = tomllib.loads(statement)
        if statement.lstrip().startswith("["):
            table = header(parsed)
            if statement.lstrip().startswith("[["):
                count = sum(key[:-1] == table and key[-1].isdigit() for key in found)
                table = (*table, str(count))
            found.setdefault(table, number)
            continue
        for key in below((), parsed):
            found.setdefault((*table, *key), number)
    return found


def statements(text: str) -> Iterator[tuple[int, str]]:
    """Each header or key with its value, and the line on which it begins."""
    begun, lines = 0, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        if not lines and (not line.strip() or line.lstrip().startswith("#")):
            continue
        begun = begun if lines else number
        lines.append(line)
        statement = "\n".join(lines)
        try:
            tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue
        yield begun, statement
        lines = []


def header(parsed: Mapping[str, Any]) -> Key:
    """The key of a header, dotted or not."""
    key: Key = ()
    node: Any = parsed
    while node:
        if isinstance(node, list):
            node = node[0]
        else:
            ((name, node),) = node.items()
            key = (*key, name)
    return key


def below(prefix: Key, node: object) -> Iterator[Key]:
    """A value's key, and those of all that is inside it."""
    if prefix:
        yield prefix
    if isinstance(node, dict):
        for name, inner in node.items():
            yield from below((*prefix, name), inner)
    elif isinstance(node, list):
        for index, inner in enumerate(node):
            yield from below((*prefix, str(index)), inner)
