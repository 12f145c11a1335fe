"""``dialogctl dial``: let an agent call somebody."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from dialog_core.cli.options import file_and_overrides, load_for
from dialog_core.cli.serve import require_free_port
from dialog_core.converter import did_you_mean
from dialog_core.errors import LineError, SettingsError, SettingsProblem
from dialog_core.line import Progress
from dialog_core.observe.observations import CallState
from dialog_core.plugins import Plugins
from dialog_core.settings import Settings

__all__ = ["command"]


@click.command("dial")
@file_and_overrides
@click.argument("number")
@click.option("--agent", "name", help="Who calls; needed only if the file has several agents.")
@click.option(
    "--note",
    "notes",
    multiple=True,
    metavar="KEY=VALUE",
    help="Something that the agent is to know of the call; may be repeated.",
)
@click.pass_obj
def command(
    plugins: Plugins,
    /,
    file: Path,
    number: str,
    sets: tuple[str, ...],
    name: str | None,
    notes: tuple[str, ...],
) -> None:
    """Start the server, let an agent call NUMBER, and stop when the call is over.

    Exits with 1 if nobody answered.
    """
    settings = load_for(plugins, file, sets)
    agent = chosen_agent(settings, name)
    require_public_url(settings)
    require_free_port(settings.server)
    from dialog_core.app import dial  # noqa: PLC0415 - the server's stack, which other commands do without

    try:
        last = dial(settings, agent, number, metadata=parsed(notes), told=tell)
    except LineError as error:
        raise click.ClickException(str(error)) from error
    if last.progress is not Progress.ENDED:
        raise SystemExit(1)


def chosen_agent(settings: Settings, name: str | None) -> str:
    """The agent that calls. Raises: SettingsError."""
    names = list(settings.agents)
    if name is None and len(names) == 1:
        return names[0]
    if name is None:
        problem = f"there are several: say which with --agent: {', '.join(names)}"
        raise SettingsError(SettingsProblem("agents", problem))
    if name not in names:
        hint = did_you_mean(name, names) or f"; there are: {', '.join(names)}"
        raise SettingsError(SettingsProblem("agents", f"no agent {name!r}{hint}"))
    return name


def require_public_url(settings: Settings) -> None:
    """Raises: SettingsError if carriers could not reach us."""
    if not settings.server.public_url:
        problem = "is needed to place calls: carriers ask there what to do with an answered one"
        raise SettingsError(SettingsProblem("server.public_url", problem))


def parsed(notes: tuple[str, ...]) -> Mapping[str, str]:
    """What ``--note`` says. Raises: BadParameter."""
    pairs = [note.partition("=") for note in notes]
    if not all(key and equals for key, equals, _ in pairs):
        raise click.BadParameter("must be KEY=VALUE", param_hint="--note")
    return {key: value for key, _, value in pairs}


def tell(state: CallState) -> None:
    """Print a step of the call."""
    click.echo(f"{state.progress.value}{f' ({state.reason})' if state.reason else ''}")
