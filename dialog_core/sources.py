"""Where text of a settings file may come from instead: the environment, a ``.env`` file, a file of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs

from dialog_core.errors import SettingsProblem
from dialog_core.fields import QUOTES

__all__ = ["Faults", "Found", "Sources", "fault", "read_dotenv", "under"]


class Faults(ValueError):
    """Everything that is wrong below one place of a settings file; paths are relative to it."""

    def __init__(self, *problems: SettingsProblem) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


def fault(message: str) -> Faults:
    """One fault at the very place."""
    return Faults(SettingsProblem("", message))


def under(key: str, error: Exception) -> tuple[SettingsProblem, ...]:
    """The problems of an error raised for the value at `key`."""
    if not isinstance(error, Faults):
        return (SettingsProblem(key, str(error)),)
    return tuple(
        attrs.evolve(problem, path=f"{key}.{problem.path}" if problem.path else key)
        for problem in error.problems
    )


@attrs.frozen
class Sources:
    """What ``{ env = ... }`` and ``{ file = ... }`` are looked up in."""

    environ: Mapping[str, str]
    folder: Path
    """Paths in the settings file are relative to it."""

    def read(self, table: Mapping[str, object]) -> object:
        """The text that a source names, or its default. Raises: Faults."""
        match dict(table):
            case {"env": str(name), **rest} if rest.keys() <= {"default"}:
                text = self.environ.get(name)
                if text is None and "default" not in rest:
                    raise fault(
                        f"environment variable {name} is not set; set it, or write it into .env"
                    )
                return rest["default"] if text is None else Found(text)
            case {"file": str(name), **rest} if not rest:
                try:
                    return Found((self.folder / name).read_text("utf-8").strip())
                except (OSError, UnicodeDecodeError) as error:
                    raise fault(f"cannot read file {name!r}: {reason(error)}") from error
        raise fault('a source is written { env = "NAME" } or { file = "path" }')


class Found(str):
    """Text that came from the environment or a file, and so carries no type of its own."""

    __slots__ = ()


def reason(error: Exception) -> str:
    """The system's words for it, without the path that the message already has."""
    return getattr(error, "strerror", None) or str(error)


def read_dotenv(path: Path) -> dict[str, str]:
    """Variables of a ``.env`` file: NAME=value lines, ``#`` comments, an optional ``export``; {} without the file."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return {}
    found = {}
    for number, line in enumerate(lines, 1):
        text = line.strip().removeprefix("export ").strip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise Faults(SettingsProblem(path.name, f"line {number}: write NAME=value"))
        value = value.strip()
        if value[:1] not in QUOTES:
            value = value.partition(" #")[0].rstrip()
        found[name.strip()] = value.strip(QUOTES)
    return found
