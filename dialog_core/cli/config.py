"""``dialogctl config``: what a settings file may hold, and where a value of it comes from."""

from __future__ import annotations

import json
from pathlib import Path

import click

from dialog_core.cli.explain import explained
from dialog_core.cli.options import file_and_overrides, load_for
from dialog_core.plugins import Plugins

__all__ = ["command"]


@click.group("config")
def command() -> None:
    """Write the settings file's schema, or explain a value of it."""


@command.command("schema")
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="File, instead of the screen."
)
@click.pass_obj
def schema(plugins: Plugins, output: Path | None) -> None:
    """Write the JSON schema of a settings file, for the plugins that are installed."""
    from dialog_core.schema import schema_of  # noqa: PLC0415 - only this command needs it

    for error in plugins.load_all():
        click.echo(f"warning: {error}; left out", err=True)
    text = json.dumps(schema_of(plugins.catalog()), indent=2) + "\n"
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, "utf-8")


@command.command("explain")
@file_and_overrides
@click.argument("key", required=False, default="")
@click.pass_obj
def explain(plugins: Plugins, file: Path, sets: tuple[str, ...], key: str) -> None:
    """Say which value is in force at KEY, such as agents.reception.stt.model, and where it comes from.

    A KEY that is a table explains every setting in it; without a KEY the whole file is explained.
    """
    settings = load_for(plugins, file, sets)
    for line in explained(settings, sets, key):
        click.echo(line)
