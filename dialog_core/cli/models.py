"""``dialogctl models``: fetch and list the model files of the installed plugins."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from dialog_core.cli.refusal import Refusal
from dialog_core.converter import did_you_mean
from dialog_core.model_fetch import FetchError, fetch
from dialog_core.models import ModelSet, default_folder, missing, stray
from dialog_core.plugins import Plugins

__all__ = ["command"]

FOLDER = click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=default_folder,
    help="Where models are kept; $DIALOG_MODELS, or the user's cache folder.",
)
NAMES = click.argument("names", nargs=-1, metavar="[MODEL]...")


@click.group("models")
def command() -> None:
    """Model files that the installed plugins use and that do not come with a package."""


@command.command("fetch")
@NAMES
@FOLDER
@click.pass_obj
def fetch_models(plugins: Plugins, names: Sequence[str], folder: Path) -> None:
    """Download what is missing or damaged, checked by its SHA-256: these models, or all."""
    for each in chosen(plugins, names):
        try:
            fetched = fetch(each, folder / each.name)
        except (FetchError, OSError) as error:
            raise click.ClickException(str(error)) from error
        click.echo(
            f"{each.name}: {'fetched into' if fetched else 'already in'} {folder / each.name}"
        )


@command.command("list")
@NAMES
@FOLDER
@click.option("--check", is_flag=True, help="Compare each file with its published SHA-256.")
@click.pass_obj
def list_models(plugins: Plugins, names: Sequence[str], folder: Path, *, check: bool) -> None:
    """Show which models are there."""
    for each in chosen(plugins, names):
        place = folder / each.name
        lacking = stray(each, place) if check else missing(each, place)
        size = sum((place / name).stat().st_size for name in each.files if name not in lacking)
        state = (
            "missing; run: dialogctl models fetch" if lacking else f"{size / 1e6:.1f} MB in {place}"
        )
        click.echo(f"{each.name}  ({each.licence})  {state}")


def chosen(plugins: Plugins, names: Sequence[str]) -> tuple[ModelSet, ...]:
    """The models of these names, all without any. Raises: Refusal for a name that no plugin knows."""
    plugins.load_all()
    models = plugins.models()
    known = {each.name: each for each in models}
    unknown = [name for name in names if name not in known]
    if unknown:
        listed = f"; there are: {', '.join(known)}" if known else "; no installed plugin has any"
        raise Refusal(
            [f"no model {name!r}{did_you_mean(name, known) or listed}" for name in unknown]
        )
    return tuple(known[name] for name in names) if names else models
