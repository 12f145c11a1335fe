"""An application's own agent: a class named in the settings file by its dotted path."""

from __future__ import annotations

import copy
import importlib
import inspect
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs

from dialog_core.errors import SettingsProblem
from dialog_core.factory import Factory, Services
from dialog_core.plugins import Chosen, Structure
from dialog_core.sources import Faults

__all__ = ["choose_own_agent", "is_dotted"]


@attrs.frozen
class NoSettings:
    """Of a class that takes none."""


def is_dotted(use: str) -> bool:
    """Whether a name is a path to a class: ``reception:Reception`` or ``reception.Reception``."""
    return ":" in use or "." in use


def choose_own_agent(
    use: str, table: Mapping[str, object], *, folder: Path, structure: Structure
) -> Chosen[Any]:
    """The class at a dotted path, imported as from `folder`.

    The rest of its table is structured into the fields of an attrs class; any other class takes no settings. Each
    call gets an instance of its own, made from copies of the values. Raises: Faults.
    """
    cls = find_class(use, folder)
    if attrs.has(cls):
        settings = structure(table, cls)
        return Chosen(Factory(use, cls, build=maker(cls, settings)), settings)
    if table:
        message = f"has no setting; make {cls.__name__} an attrs class with a field for each"
        raise Faults(*(SettingsProblem(key, message) for key in table))
    try:
        inspect.signature(cls).bind()
    except TypeError as error:
        message = f"{use!r} cannot be made: {error}; make it an attrs class with defaults"
        raise Faults(SettingsProblem("use", message)) from error
    return Chosen(Factory(use, NoSettings, build=lambda _settings, _services: cls()), NoSettings())


def maker(cls: type, settings: Any) -> Callable[[Any, Services], Any]:
    """Makes a fresh instance at each call, which shares nothing with the one that was checked."""
    fields = [field for field in attrs.fields(cls) if field.init]
    arguments = {field.alias: copy.deepcopy(getattr(settings, field.name)) for field in fields}
    return lambda _settings, _services: cls(**copy.deepcopy(arguments))


def find_class(use: str, folder: Path) -> type:
    """Import a module, the settings file's folder first. Raises: Faults in one sentence."""
    separator = ":" if ":" in use else "."
    module_name, _, name = use.rpartition(separator)
    if (path := str(folder.resolve())) not in sys.path:
        sys.path.insert(0, path)
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # whatever an application's module raises must become one sentence
        frame = traceback.extract_tb(error.__traceback__)[-1]
        own = not isinstance(error, ImportError) and not isinstance(error, SyntaxError)
        where = f" ({Path(frame.filename).name}, line {frame.lineno})" if own else ""
        message = f"cannot import {module_name!r}: {error or type(error).__name__}{where}"
        raise Faults(SettingsProblem("use", message)) from error
    found = getattr(module, name, None)
    if not isinstance(found, type):
        what = "has no" if found is None else "is not a class:"
        raise Faults(SettingsProblem("use", f"module {module_name!r} {what} {name!r}"))
    return found
