"""``dialogctl replay``: step a recorded call through the turn machine and look at it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from dialog_core.cli.dial import chosen_agent
from dialog_core.cli.refusal import Refusal
from dialog_core.plugins import Plugins
from dialog_core.turns.state import TurnPolicy

__all__ = ["command"]


@click.command("replay")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--settings",
    type=click.Path(path_type=Path),
    help="The settings file of the call; the default policies unless given.",
)
@click.option("--agent", "name", help="Whose settings; needed only if there are several agents.")
@click.option("--events", is_flag=True, help="Print the events as Python, for a test.")
@click.pass_obj
def command(
    plugins: Plugins, /, file: Path, settings: Path | None, name: str | None, *, events: bool
) -> None:
    """Step a recorded call through the turn machine and print the table of its phases.

    A step that comes out otherwise than it was recorded is marked with a star. Exits with 1 if a law was broken.
    """
    from dialog_core.observe.recorder import RecordedStep, read_recording  # noqa: PLC0415 - only this command reads one

    try:
        recorded: Sequence[RecordedStep] = tuple(read_recording(file.read_text("utf-8")))
    except (ValueError, OSError) as error:
        raise Refusal([f"{file}: {error}"]) from error
    if events:
        click.echo("\n".join(f"{step.event!r}," for step in recorded))
        return
    from dialog_core.testing.simulate.replaying import replay  # noqa: PLC0415 - only this command replays

    replayed = replay(recorded, policy_from(plugins, settings, name))
    click.echo("\n".join(told(replayed.rows)))
    for breach in replayed.breaches:
        click.echo(f"law broken at {breach.at:.2f}: {breach.law}: {breach.detail}")
    if replayed.breaches:
        raise SystemExit(1)


def told(rows: Sequence[tuple[float, str, str, str, bool]]) -> Iterator[str]:
    """The table's lines: when, what, the phase, what was wanted."""
    for at, event, phase, effects, same in rows:
        yield f"{at:8.2f} {' ' if same else '*'} {event:<34} {phase:<12} {effects}".rstrip()


def policy_from(plugins: Plugins, file: Path | None, name: str | None) -> TurnPolicy | None:
    """The policy of an agent's settings. Raises: SettingsError."""
    if file is None:
        return None
    from dialog_core.settings import load  # noqa: PLC0415
    from dialog_core.testing.simulate.replaying import policy_of_agent  # noqa: PLC0415

    settings = load(file, plugins=plugins)
    return policy_of_agent(settings.agents[chosen_agent(settings, name)])
