"""``dialogctl plugins test``: run the conformance kit on an installed plugin."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import click

from dialog_core.cli.find import find_plugin
from dialog_core.cli.refusal import Refusal
from dialog_core.plugins import Plugins

__all__ = ["command"]

NEEDED = ("pytest", "trio", "hypothesis")
"""What the extra ``testing`` brings."""


@click.command("test")
@click.argument("name")
@click.option(
    "--report", type=click.Path(path_type=Path, dir_okay=False), help="File for what was proved."
)
@click.pass_obj
def command(plugins: Plugins, name: str, report: Path | None) -> None:
    """Run the conformance kit on an installed plugin, against the fake vendor that it brings."""
    plugin = find_plugin(plugins, name)
    plugins.load(plugin)
    if missing := [module for module in NEEDED if find_spec(module) is None]:
        needed = " and ".join(missing)
        raise Refusal([f"testing a plugin needs {needed}: pip install 'dialog-core[testing]'"])
    from dialog_core.testing.contracts.run import run_kits  # noqa: PLC0415 - only this command needs pytest

    raise SystemExit(run_kits(plugin.name, report))
