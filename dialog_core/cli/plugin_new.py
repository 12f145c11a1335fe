"""``dialogctl plugins new``: the files of a new plugin, which pass their own tests as they are."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import click

import dialog_core
from dialog_core.cli.refusal import Refusal
from dialog_core.contract import VERSIONS, parse_version

__all__ = ["KINDS", "command", "new_plugin", "template"]

KINDS = ("stt", "tts", "llm", "voip", "endpointer", "barge_in", "vad")
"""Kinds of components that there is a template for."""
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@click.command("new")
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("name")
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Folder in which the plugin's folder is made; the current one if left out.",
)
def command(kind: str, name: str, into: Path) -> None:
    """Make the distribution dialog-NAME with a component of a KIND, to be filled with a vendor's protocol."""
    folder = new_plugin(kind, name, into)
    path = folder if folder.is_absolute() else f"./{folder}"  # else pip takes it for a name
    click.echo(f"made {folder}; now:")
    click.echo(f"  pip install -e '{path}[test]'")
    click.echo(f"  dialogctl plugins test {name}")
    click.echo(f"and read {folder / 'README.md'}, which says where to begin")


def new_plugin(kind: str, name: str, into: Path) -> Path:
    """Write a plugin's files; returns their folder. Raises: Refusal."""
    if not NAME.fullmatch(name):
        raise Refusal([f"the name {name!r} must be a-z, 0-9 and single dashes, such as acme-voice"])
    folder = into / f"dialog-{name}"
    if folder.exists() and any(folder.iterdir()):
        raise Refusal([f"{folder} is not empty; remove it, or choose another folder with --into"])
    if find_spec("copier") is None:
        raise Refusal(["making a plugin needs copier: pip install 'dialog-core[new]'"])
    import copier  # noqa: PLC0415 - an optional dependency, slow to import

    major = parse_version(VERSIONS[kind])[0]
    words = {
        "kind": kind,
        "name": name,
        "module": f"dialog_{name.replace('-', '_')}",
        "title": "".join(part.capitalize() for part in name.split("-")),
        "contract": f">={VERSIONS[kind]},<{major + 1}",
    }
    copier.run_copy(str(template()), folder, data=words, defaults=True, quiet=True, unsafe=False)
    return folder


def template() -> Path:
    """The folder of the template: inside the package as it is installed, beside it in its repository."""
    package = Path(dialog_core.__file__).parent
    installed = package / "template"
    return installed if installed.exists() else package.parent / "contrib" / "template"
