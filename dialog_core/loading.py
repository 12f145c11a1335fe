"""Importing a plugin and asking its hooks: foreign code, each of whose failures becomes one sentence."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

import attrs

from dialog_core import hookspecs
from dialog_core.contract import VERSIONS, parse_range, parse_version
from dialog_core.converter import did_you_mean
from dialog_core.errors import PluginError
from dialog_core.factory import Factory
from dialog_core.installed import Installed, canonical

__all__ = ["answered", "check_hooks", "imported"]


def imported(plugin: Installed) -> ModuleType:
    """The plugin's module. Raises: PluginError, whatever its import raised."""
    try:
        return importlib.import_module(plugin.module)
    except Exception as error:  # anything may happen while foreign code is imported
        message = (
            f"{plugin} cannot be imported: {type(error).__name__}: {error}; "
            f"install it again: pip install --force-reinstall {plugin.distribution}"
        )
        raise PluginError(plugin.name, message) from error


def check_hooks(plugin: Installed, module: ModuleType) -> None:
    """Refuse hooks that would silently do nothing, or the wrong thing. Raises: PluginError."""
    specs = {name for name in vars(hookspecs) if name.startswith(f"{hookspecs.PROJECT}_")}
    for name, function in vars(module).items():
        options = getattr(function, f"{hookspecs.PROJECT}_impl", None)
        if not isinstance(options, dict):
            continue
        hook = options.get("specname") or name
        where = place(function)
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            message = (
                f"{where} is an async def; make it a plain def that returns a tuple of Factory"
            )
            raise PluginError(plugin.name, message)
        if options.get("wrapper") or options.get("hookwrapper"):
            message = f"{where} is a wrapper; a hook only returns what the plugin itself offers"
            raise PluginError(plugin.name, message)
        if hook not in specs:
            raise PluginError(plugin.name, f"{where}: no such hook{did_you_mean(hook, specs)}")
        expected = set(inspect.signature(getattr(hookspecs, hook)).parameters)
        if extra := set(inspect.signature(function).parameters) - expected:
            message = f"{where} takes {', '.join(sorted(extra))}, which the hook does not give"
            raise PluginError(plugin.name, message)


def answered(
    plugin: Installed, kind: str, function: Callable[[], Any]
) -> tuple[Factory[Any, Any], ...]:
    """What a hook returned, checked. Raises: PluginError."""
    where = place(function)
    try:
        answer = tuple(function())
    except Exception as error:  # foreign code again, and again one sentence
        message = f"{where} failed: {type(error).__name__}: {error}"
        raise PluginError(plugin.name, message) from error
    for factory in answer:
        if not isinstance(factory, Factory):
            raise PluginError(plugin.name, f"{where} must return Factory values, not {factory!r}")
        if not attrs.has(factory.settings):
            message = f"{where}: the settings of {factory.name!r} must be an attrs class"
            raise PluginError(plugin.name, message)
        check_contract(plugin, kind, factory, where)
    return answer


def place(function: Callable[..., Any]) -> str:
    """File and name of a hook."""
    return f"{inspect.getsourcefile(function)}: {function.__name__}"


def check_contract(plugin: Installed, kind: str, factory: Factory[Any, Any], where: str) -> None:
    """Refuse a component that was written for another version of its contract. Raises: PluginError."""
    try:
        wanted = parse_range(factory.contract)
    except ValueError as error:
        raise PluginError(
            plugin.name, f"{where}: the contract of {factory.name!r}: {error}"
        ) from error
    version = VERSIONS[kind]
    if wanted.holds(parse_version(version)):
        return
    older = "dialog-core" if wanted.wants_newer(parse_version(version)) else plugin.distribution
    message = (
        f"{plugin} wants version {factory.contract} of the {kind} contract, and this core has "
        f"{version}; upgrade {canonical(older)}: pip install --upgrade {canonical(older)}"
    )
    raise PluginError(plugin.name, message)
