"""Where the value of a setting comes from: flag, file, environment, the agent's language, or default."""

from __future__ import annotations

import enum
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from dialog_core.cli.facts import facts
from dialog_core.converter import did_you_mean, is_source, options_of
from dialog_core.document import parse_override, put, read_document
from dialog_core.errors import SettingsError, SettingsProblem
from dialog_core.plugins import Chosen
from dialog_core.resilience.failover import Chain
from dialog_core.settings import Settings
from dialog_core.sources import read_dotenv
from dialog_core.toml_lines import lines_of

__all__ = ["explained"]

Key = tuple[str, ...]


@attrs.frozen
class Leaf:
    """One setting in force."""

    key: Key
    value: object
    field: attrs.Attribute[Any] | None = None
    """None for the name of a component."""

    @property
    def shown(self) -> str:
        """The value as a file would write it; a secret's is hidden."""
        value = self.value.value if isinstance(self.value, enum.Enum) else self.value
        return f"{'.'.join(self.key)} = {value!r}"


def explained(settings: Settings, sets: Sequence[str], key: str) -> Iterator[str]:
    """Each setting at or below `key`, its value, and where it comes from. Raises: SettingsError if there is none."""
    wanted = tuple(key.split(".")) if key else ()
    known = tuple(leaves((), settings))
    found = [leaf for leaf in known if leaf.key[: len(wanted)] == wanted]
    if not found:
        names = {".".join(leaf.key) for leaf in known}
        hint = did_you_mean(key, names) or "; without KEY all settings are listed"
        raise SettingsError(SettingsProblem(key, f"no such setting{hint}"))
    origins = attrs.evolve(Origins.of(settings.path, sets), assumed=assumed_in(settings))
    for leaf in found:
        yield f"{leaf.shown}  # {origins.of_leaf(leaf)}"
    if len(found) == 1 and (field := found[0].field) is not None:
        yield f"  {field.metadata.get('help', '')}: {', '.join(facts(field))}"


def leaves(key: Key, value: object, field: attrs.Attribute[Any] | None = None) -> Iterator[Leaf]:
    """Every setting below a value."""
    match value:
        case Chosen(settings=Chain(members=members)):
            yield from leaves(key, members)
        case Chosen():
            yield Leaf((*key, "use"), value.name)
            yield from leaves(key, value.settings)
        case Mapping() if value and all(attrs.has(type(inner)) for inner in value.values()):
            for name, inner in value.items():
                yield from leaves((*key, name), inner)
        case tuple() if value and all(attrs.has(type(inner)) for inner in value):
            for index, inner in enumerate(value):
                yield from leaves((*key, str(index)), inner)
        case _ if attrs.has(type(value)):
            for name, inner in options_of(type(value)).items():
                yield from leaves((*key, name), getattr(value, inner.name), inner)
        case _:
            yield Leaf(key, value, field)


def assumed_in(settings: Settings) -> Mapping[Key, str]:
    """Why the components that agents leave out are what they are, by the key of their names."""
    return {
        ("agents", name, kind, "use"): because
        for name, agent in settings.agents.items()
        for kind, because in agent.defaults.items()
    }


@attrs.frozen
class Origins:
    """What a file, its ``.env`` and the command line say."""

    file: Path
    document: Mapping[str, Any]
    lines: Mapping[Key, int]
    dotenv: Mapping[str, str]
    overrides: Sequence[Key]
    assumed: Mapping[Key, str] = attrs.field(factory=dict)
    """Why a component that the file leaves out is what it is."""

    @classmethod
    def of(cls, file: Path, sets: Sequence[str]) -> Origins:
        """Read once more what the settings were loaded from."""
        document = read_document(file)
        pairs = [parse_override(text) for text in sets]
        for key, value in pairs:
            put(document, key, value)
        return cls(
            file,
            document,
            lines_of(file.read_text("utf-8")),
            read_dotenv(file.parent / ".env"),
            [tuple(key.split(".")) for key, _ in pairs],
        )

    def of_leaf(self, leaf: Leaf) -> str:
        """Where a value comes from, in words."""
        for key in candidates(leaf.key):
            written, present = self.written(key)
            if not present:
                continue
            flags = [flag for flag in self.overrides if key[: len(flag)] == flag]
            where = f"{self.file.name}, line {self.line(key)}"
            if flags:
                where = f"the command line, --set {'.'.join(flags[-1])}=..."
            return f"{self.looked_up(written)}{where}"
        if leaf.field is not None and leaf.field.metadata.get("spoken") and leaf.value is not None:
            return f"the agent's language: {'.'.join(leaf.key[:2])}.language"
        because = self.assumed.get(leaf.key)
        return f"the default: {because}" if because else "the default"

    def written(self, key: Key) -> tuple[object, bool]:
        """What the file has at a key, and whether it has anything."""
        node: Any = self.document
        for name in key:
            if isinstance(node, list) and len(node) == 1 and not name.isdigit():
                node = node[0]  # a list of one is that one
            if isinstance(node, list) and name.isdigit() and int(name) < len(node):
                node = node[int(name)]
            elif isinstance(node, dict) and name in node:
                node = node[name]
            else:
                return None, False
        return node, True

    def line(self, key: Key) -> int:
        """The line of a key, or of the nearest table around it."""
        while key and key not in self.lines:
            key = key[:-1]
        return self.lines.get(key, 1)

    def looked_up(self, written: object) -> str:
        """Where a source found its text; nothing for what stands in the file itself."""
        if not is_source(written):
            return ""
        if "file" in written:
            return f"file {str(written['file'])!r}, named in "
        name = str(written["env"])
        if name in os.environ:
            return f"environment variable {name}, named in "
        if name in self.dotenv:
            return f"variable {name} of .env, named in "
        return f"the default for variable {name}, which is not set, in "


def candidates(key: Key) -> Iterator[Key]:
    """The keys that may have set a value: its own, and a component's bare name."""
    yield key
    if key[-1] == "use":
        yield key[:-1]
