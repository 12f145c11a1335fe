"""``dialogctl models``: fetch and list the model files."""

from __future__ import annotations

from pathlib import Path

import click

from dialog_local.fetch import FetchError, fetch
from dialog_local.models import MODELS, default_folder, missing, stray

__all__ = ["models"]

FOLDER = click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=default_folder,
    help="Where models are kept; $DIALOG_MODELS, or the user's cache folder.",
)


@click.group()
def models() -> None:
    """Model files for speech on this machine."""


@models.command("fetch")
@FOLDER
def fetch_models(folder: Path) -> None:
    """Download what is missing or damaged, checked by its SHA-256."""
    for each in MODELS:
        try:
            fetched = fetch(each, folder / each.name)
        except (FetchError, OSError) as error:
            raise click.ClickException(str(error)) from error
        click.echo(
            f"{each.name}: {'fetched into' if fetched else 'already in'} {folder / each.name}"
        )


@models.command("list")
@FOLDER
@click.option("--check", is_flag=True, help="Compare each file with its published SHA-256.")
def list_models(folder: Path, *, check: bool) -> None:
    """Show which models are there."""
    for each in MODELS:
        place = folder / each.name
        lacking = stray(each, place) if check else missing(each, place)
        size = sum((place / name).stat().st_size for name in each.files if name not in lacking)
        state = (
            "missing; run: dialogctl models fetch" if lacking else f"{size / 1e6:.1f} MB in {place}"
        )
        click.echo(f"{each.name}  ({each.licence})  {state}")
