"""``dialogctl plugins check``: is every installed plugin sound."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import click

from dialog_core.cli.facts import alternatives, settings_of
from dialog_core.cli.refusal import Refusal
from dialog_core.errors import PluginError
from dialog_core.plugins import KINDS, Installed, Offer, Plugins
from dialog_core.settings import screening_of

__all__ = ["command"]


@click.command("check")
@click.option(
    "--file",
    type=click.Path(path_type=Path),
    help="A settings file, whose plugins.allow and plugins.deny hold.",
)
@click.pass_obj
def command(plugins: Plugins, file: Path | None) -> None:
    """Import every installed plugin and check its hooks, contracts and settings."""
    screened = plugins if file is None else plugins.screened(screening_of(file))
    problems = []
    for plugin in screened.installed:
        found, offers = checked(screened, plugin)
        problems += found
        words = ", ".join(f"{KINDS[offer.kind]} {offer.written}" for offer in offers)
        click.echo(f"{'broken' if found else 'sound':8}{plugin.name}  {plugin}  {words}".rstrip())
    for plugin, reason in screened.barred.items():
        click.echo(f"{'barred':8}{plugin.name}  {plugin}  {reason}")
    if problems:
        raise Refusal(problems)


def checked(plugins: Plugins, plugin: Installed) -> tuple[list[str], tuple[Offer, ...]]:
    """What is wrong with a plugin, and what it offers."""
    try:
        offers = plugins.load(plugin)
        problems = [problem for offer in offers for problem in faults(offer)]
    except PluginError as error:
        return [str(error)], ()
    return problems, offers


def faults(offer: Offer) -> Iterator[str]:
    """What an operator would miss in a component's settings. Raises: PluginError."""
    where = f"plugin {offer.plugin.name!r}: {KINDS[offer.kind]} {offer.factory.name!r}"
    for key, field in settings_of(offer.factory.settings):
        if not field.metadata.get("help"):
            yield f"{where}: the setting {key!r} does not say what it is for; give it help="
        if float in alternatives(field.type) and not has_scale(field):
            yield f"{where}: the setting {key!r} has no unit; give it unit=, or limits on both sides"


def has_scale(field: attrs.Attribute[Any]) -> bool:
    """Whether one can tell what its numbers mean: a unit, or a lower and an upper limit."""
    told = field.metadata
    lower = told.get("at_least") is not None or told.get("above") is not None
    return bool(told.get("unit")) or (lower and told.get("at_most") is not None)
