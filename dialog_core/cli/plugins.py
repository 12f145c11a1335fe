"""``dialogctl plugins``: what is installed, and which settings it has."""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Iterator
from typing import Any

import attrs
import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dialog_core.cli.check import default_of
from dialog_core.converter import did_you_mean, options_of
from dialog_core.errors import PluginError
from dialog_core.fields import Secret
from dialog_core.plugins import KINDS, Installed, Offer, Plugins

__all__ = ["command"]


@click.group("plugins")
def command() -> None:
    """List the installed plugins, or show one."""


@command.command("list")
@click.pass_obj
def list_(plugins: Plugins) -> None:
    """List the installed plugins; imports none of them."""
    table = Table(box=None, pad_edge=False)
    for heading in ("plugin", "distribution", "version"):
        table.add_column(heading)
    for plugin in plugins.installed:
        table.add_row(plugin.name, plugin.distribution, plugin.version)
    Console().print(table, soft_wrap=True)


@command.command("show")
@click.argument("name")
@click.pass_obj
def show(plugins: Plugins, name: str) -> None:
    """Show a plugin's components and every setting of each."""
    known = {plugin.name: plugin for plugin in plugins.installed}
    if name not in known:
        hint = did_you_mean(name, known) or f"; installed: {', '.join(known)}"
        raise PluginError(name, f"is not installed{hint}")
    console = Console()
    for line in described(known[name], plugins.load(known[name])):
        console.print(line, soft_wrap=True)


def described(plugin: Installed, offers: tuple[Offer, ...]) -> Iterator[Text]:
    """A plugin in lines: version, then each component with its settings."""
    yield Text.assemble((plugin.name, "bold"), f"  {plugin}")
    for offer in offers:
        yield Text("")
        yield Text.assemble(f"{KINDS[offer.kind]} ", (offer.written, "cyan"))
        settings = tuple(settings_of(offer.factory.settings))
        if not settings:
            yield Text("  no settings")
        for key, field in settings:
            yield Text.assemble("  ", (key, "bold"), f"  {', '.join(facts(field))}")
            yield Text(f"      {field.metadata.get('help', '')}", "dim")


def settings_of(cls: type) -> Iterator[tuple[str, attrs.Attribute[Any]]]:
    """Each setting with its dotted key, those of nested tables included."""
    for key, field in options_of(cls).items():
        inner = tuple(option for option in alternatives(field.type) if attrs.has(option))
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
