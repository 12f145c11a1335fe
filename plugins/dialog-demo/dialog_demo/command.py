"""``dialogctl demo``: hold a call, show it, keep it, and say whether it went as it should."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import click
from rich.console import Console
from rich.text import Text

from dialog_core.errors import DialogError, SettingsError
from dialog_core.plugins import Plugins

if TYPE_CHECKING:
    from dialog_demo.conversation import Conversation
    from dialog_demo.goal import Check
    from dialog_demo.take import Take

__all__ = ["EXAMPLE", "demo"]

EXAMPLE = Path(__file__).parent / "example"
LOG_WIDTH = 132
"""Columns where there is no terminal to ask."""
MISSED, REFUSED, INTERRUPTED = 1, 2, 130


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
    console = Console(width=None if sys.stdout.isatty() else LOG_WIDTH, highlight=False)
    try:
        missing = run(console, plugins, file, script or file.parent / "caller.toml", output, port)
    except KeyboardInterrupt:
        missing = INTERRUPTED
    if missing == INTERRUPTED:
        click.echo("\ninterrupted: the call was ended, and nothing of it was kept", err=True)
    sys.exit(missing)


def run(
    console: Console, plugins: Plugins, file: Path, script: Path, output: Path, port: int
) -> int:
    """Call, show, keep; returns the exit status."""
    console.print(Text("loading the models", "dim"))
    from dialog_demo.live import LiveView  # noqa: PLC0415 - the server's stack, which other commands do without
    from dialog_demo.script import read_script  # noqa: PLC0415 - as above
    from dialog_demo.stage import Interrupted, Plan, perform  # noqa: PLC0415 - as above

    part = read_script(script)
    plan = Plan(file, part, port, plugins)
    options = {"use_uvloop": find_spec("uvloop") is not None}
    try:
        take = anyio.run(perform, plan, LiveView(console), backend_options=options)
    except Interrupted:
        return INTERRUPTED
    except SettingsError:
        raise
    except DialogError as error:
        click.echo(f"error: {error}", err=True)
        return REFUSED
    from dialog_demo.conversation import read_conversation  # noqa: PLC0415 - as above
    from dialog_demo.goal import check  # noqa: PLC0415 - as above

    talk = read_conversation(take)
    checks = check(take, talk, part)
    return report(console, take, talk, checks, output)


def report(
    console: Console, take: Take, talk: Conversation, checks: tuple[Check, ...], output: Path
) -> int:
    """Show where the time went and what was reached, and write the files; returns the exit status."""
    from dialog_demo.artefacts import FILES, leave  # noqa: PLC0415 - not before it is needed
    from dialog_demo.sound import RATE, loudness  # noqa: PLC0415 - as above
    from dialog_demo.waterfall import waterfall  # noqa: PLC0415 - as above

    console.print(Text("\nWhere the time of each answer went, in milliseconds", "bold"))
    console.print(waterfall(talk, console.width if console.is_terminal else LOG_WIDTH))
    console.print(
        Text(
            "server: from the caller's last voiced sample until the carrier has the first audio.",
            "dim",
        )
    )
    console.print(
        Text("heard: the same on the recording, until the answer's first sounding sample.\n", "dim")
    )
    for each in checks:
        mark = Text("  missing ", "bold red") if each.missing else Text("  ok      ", "green")
        console.print(mark + Text(f"{each.what}{f': {each.missing}' if each.missing else ''}"))
    try:
        leave(output, take, talk, checks)
    except OSError as error:
        click.echo(
            f"error: '{output}' cannot be written: {error.strerror}; pass --output", err=True
        )
        return REFUSED
    length = len(take.caller) / RATE
    console.print(
        Text(f"\n{output}/", "bold")
        + Text(
            f"  {length:.1f} s, caller {loudness(take.caller):.0f} dB, agent {loudness(take.agent):.0f} dB",
            "dim",
        )
    )
    for name, what in FILES.items():
        console.print(Text(f"  {name.ljust(17)}") + Text(what, "dim"))
    failed = sum(1 for each in checks if each.missing)
    verdict = (
        f"{failed} of {len(checks)} checks failed"
        if failed
        else "the conversation reached its goal"
    )
    console.print(Text(f"\n{verdict}", "bold red" if failed else "bold green"))
    return MISSED if failed else 0
