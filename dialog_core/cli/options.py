"""What several commands have in common: the settings file, and flags that override it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import click

from dialog_core.document import Override, parse_override
from dialog_core.plugins import Plugins
from dialog_core.settings import Settings, load

__all__ = ["file_and_overrides", "load_for"]

C = TypeVar("C", bound=Callable[..., object])


def file_and_overrides(command: C) -> C:
    """Give a command FILE and --set."""
    command = click.option(
        "--set",
        "sets",
        multiple=True,
        metavar="KEY=VALUE",
        help="Override a setting, such as agents.reception.stt.model=nova-3; may be repeated.",
    )(command)
    return click.argument("file", type=click.Path(path_type=Path))(command)


def load_for(
    plugins: Plugins, file: Path, sets: Sequence[str], flags: Sequence[Override] = ()
) -> Settings:
    """Load a settings file with what the command line overrides; flags win over --set."""
    return load(file, overrides=[*map(parse_override, sets), *flags], plugins=plugins)
