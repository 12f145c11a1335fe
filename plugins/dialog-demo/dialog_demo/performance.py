"""A demo from its first line to its last: call, show, keep, judge."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import anyio
import click
from rich.console import Console
from rich.text import Text

from dialog_demo.artefacts import FILES, leave
from dialog_demo.conversation import Conversation, read_conversation
from dialog_demo.goal import Check, check
from dialog_demo.live import LiveView
from dialog_demo.sound import RATE, loudness
from dialog_demo.stage import CallFailed, Interrupted, Plan, perform
from dialog_demo.take import Take
from dialog_demo.waterfall import waterfall

__all__ = ["INTERRUPTED", "REACHED", "REFUSED", "run"]

REACHED, MISSED, REFUSED, INTERRUPTED = 0, 1, 2, 130
"""Exit statuses."""
SERVER = "server: from the caller's last voiced sample until the carrier has the first audio."
HEARD = "heard: the same on the recording, until the answer's first sounding sample.\n"


CALLS = 3
"""Calls at most, while the machine is too busy to hold one as it should be."""


def run(console: Console, plan: Plan, output: Path) -> int:
    """Hold the call and report on it; returns the exit status. Raises: SettingsError.

    A call that misses its goal on a machine that had no time for it, as measured, is held again.
    """
    for more in reversed(range(CALLS)):
        status, too_busy = attempt(console, plan, output)
        if status != MISSED or not too_busy:
            break
        again = "the call is held again" if more else "close other programs, and run it again"
        console.print(Text(f"\nthis machine is too busy for a call: {too_busy}; {again}\n", "bold"))
    return status


def attempt(console: Console, plan: Plan, output: Path) -> tuple[int, str]:
    """Hold one call; returns the exit status and what shows that the machine was too busy. Raises: SettingsError."""
    options = {"use_uvloop": find_spec("uvloop") is not None}
    try:
        take = anyio.run(perform, plan, LiveView(console), backend_options=options)
    except (Interrupted, KeyboardInterrupt):
        click.echo("\ninterrupted: the call was ended, and nothing of it was kept", err=True)
        return INTERRUPTED, ""
    except CallFailed as error:
        click.echo(f"error: {error}", err=True)
        return REFUSED, ""
    talk = read_conversation(take)
    checks = check(take, talk, plan.script)
    for part in told(talk, checks, console.width):
        console.print(part)
    try:
        leave(output, take, talk, checks)
    except OSError as error:
        why = f"'{output}' cannot be written: {error.strerror}; pass --output"
        click.echo(f"error: {why}", err=True)
        return REFUSED, ""
    for part in kept(output, take):
        console.print(part)
    failed = sum(1 for each in checks if each.missing)
    if failed:
        console.print(Text(f"\n{failed} of {len(checks)} checks failed", "bold red"))
        return MISSED, take.too_busy
    console.print(Text("\nthe conversation reached its goal", "bold green"))
    return REACHED, ""


def told(talk: Conversation, checks: tuple[Check, ...], width: int) -> Iterator[object]:
    """Where the time went, and what was reached."""
    yield Text("\nWhere the time of each answer went, in milliseconds", "bold")
    yield waterfall(talk, width)
    yield Text(SERVER, "dim")
    yield Text(HEARD, "dim")
    for each in checks:
        if each.missing:
            yield Text.assemble(("  missing ", "bold red"), f"{each.what}: {each.missing}")
        else:
            yield Text.assemble(("  ok      ", "green"), each.what)


def kept(output: Path, take: Take) -> Iterator[Text]:
    """The folder, how long and how loud the recording is, and each file."""
    levels = f"caller {loudness(take.caller):.0f} dB, agent {loudness(take.agent):.0f} dB"
    facts = f"  {len(take.caller) / RATE:.1f} s, {levels}"
    yield Text.assemble((f"\n{output}/", "bold"), (facts, "dim"))
    for name, what in FILES.items():
        yield Text.assemble(f"  {name.ljust(17)}", (what, "dim"))
