"""``dialogctl demo``: hold a call, show it, keep it, and say whether it went as it should."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from dialog_core.plugins import Plugins

__all__ = ["EXAMPLE", "demo"]

EXAMPLE = Path(__file__).parent / "example"
LOG_WIDTH = 132
"""Columns where there is no terminal to ask."""


@click.command("demo")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo-output"),
    show_default=True,
    help="Folder for the recording, the transcript and the picture.",
)
@click.option(
    "--file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    default=EXAMPLE / "dialog.toml",
    help="Settings file of the agent to call; a booking line comes with the demo.",
)
@click.option(
    "--script",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="What the caller says; caller.toml beside FILE unless given.",
)
@click.option(
    "--port", default=0, help="Port of 127.0.0.1 to serve on; any that is free unless given."
)
@click.pass_obj
def demo(plugins: Plugins, output: Path, file: Path, script: Path | None, port: int) -> None:
    """Hold a real call with a simulated caller, on this machine alone.

    Exits with 0 only if the conversation reached its goal.
    """
    from dialog_demo.performance import run  # noqa: PLC0415 - the server's stack, which other commands do without
    from dialog_demo.script import read_script  # noqa: PLC0415 - as above
    from dialog_demo.stage import Plan  # noqa: PLC0415 - as above

    console = Console(width=None if sys.stdout.isatty() else LOG_WIDTH, highlight=False)
    part = read_script(script or file.parent / "caller.toml")
    console.print(Text("loading the models", "dim"))
    sys.exit(run(console, Plan(file, part, port, plugins), output))
