"""``dialogctl plugins``: what is installed, which settings it has, whether it is sound; and how to make a new one."""

from __future__ import annotations

from collections.abc import Iterator

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dialog_core.cli.facts import facts, settings_of
from dialog_core.cli.find import find_plugin
from dialog_core.cli.plugin_check import command as check
from dialog_core.cli.plugin_new import command as new
from dialog_core.cli.plugin_test import command as test
from dialog_core.contract import VERSIONS
from dialog_core.line import Ability
from dialog_core.plugins import KINDS, Installed, Offer, Plugins

__all__ = ["command", "facts", "settings_of"]


@click.group("plugins")
def command() -> None:
    """List the installed plugins, show, check or test them, or make a new one."""


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
    """Show a plugin's components, what each can do, and every setting of it."""
    plugin = find_plugin(plugins, name)
    console = Console()
    for line in described(plugin, plugins.load(plugin)):
        console.print(line, soft_wrap=True)


for added in (check, new, test):
    command.add_command(added)


def described(plugin: Installed, offers: tuple[Offer, ...]) -> Iterator[Text]:
    """A plugin in lines: version, then each component with its contract, abilities and settings."""
    yield Text.assemble((plugin.name, "bold"), f"  {plugin}")
    for offer in offers:
        yield Text("")
        yield Text.assemble(f"{KINDS[offer.kind]} ", (offer.written, "cyan"))
        contract = f"{offer.factory.contract}; this core has {VERSIONS[offer.kind]}"
        yield Text(f"  contract {contract}", "dim")
        if abilities := offer.factory.abilities:
            yield Text(f"  can {', '.join(sorted(abilities))}")
        missing = set(Ability.ALL) - abilities if offer.kind == "voip" else ()
        if missing:
            yield Text(f"  cannot {', '.join(sorted(missing))}")
        settings = tuple(settings_of(offer.factory.settings))
        if not settings:
            yield Text("  no settings")
        for key, field in settings:
            yield Text.assemble("  ", (key, "bold"), f"  {', '.join(facts(field))}")
            yield Text(f"      {field.metadata.get('help', '')}", "dim")
