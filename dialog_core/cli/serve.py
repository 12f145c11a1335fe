"""``dialogctl serve``: answer calls."""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import anyio
import click

from dialog_core.cli.options import file_and_overrides, load_for
from dialog_core.cli.watch import watch
from dialog_core.errors import SettingsError, SettingsProblem
from dialog_core.ineffective import without_effect
from dialog_core.net.services import open_services
from dialog_core.net.settings import ServerSettings
from dialog_core.observe.log import LEVELS
from dialog_core.plugins import Plugins
from dialog_core.protocols import VoIP
from dialog_core.settings import Settings

__all__ = ["banner", "command", "require_free_port"]


@click.command("serve")
@file_and_overrides
@click.option("--host", help="Address to listen on, instead of server.host.")
@click.option("--port", type=int, help="Port to listen on, instead of server.port.")
@click.option("--public-url", help="How carriers reach us, instead of server.public_url.")
@click.option("--log-level", type=click.Choice(LEVELS), help="Instead of log.level.")
@click.option("--watch", "watched", is_flag=True, help="Start again when code or settings change.")
@click.pass_obj
def command(
    plugins: Plugins,
    /,
    file: Path,
    sets: tuple[str, ...],
    *,
    watched: bool,
    **flags: str | int | None,
) -> None:
    """Answer the calls of every agent in a settings file."""
    if watched:
        arguments = [argument for argument in sys.argv[1:] if argument != "--watch"]
        child = [sys.executable, "-m", "dialog_core.cli.main", *arguments]
        anyio.run(watch, child, file.parent)
        return
    settings = load_for(plugins, file, sets, list(overrides(flags)))
    for problem in without_effect(settings, plugins):
        click.echo(f"warning: {problem}", err=True)
    require_free_port(settings.server)
    lines = anyio.run(lines_of, settings)
    from dialog_core.app import serve  # noqa: PLC0415 - the server's stack, which other commands do without

    serve(settings, ready=lambda address: click.echo("\n".join(banner(settings, lines, address))))


def overrides(flags: Mapping[str, str | int | None]) -> Iterator[tuple[str, object]]:
    """The settings that flags stand for."""
    keys = {"host": "server.host", "port": "server.port", "public_url": "server.public_url"}
    for name, value in flags.items():
        if value is not None:
            yield keys.get(name, "log.level"), value


def require_free_port(server: ServerSettings) -> None:
    """Refuse to start where somebody else listens. Raises: SettingsError."""
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((server.host, server.port))
        except OSError as error:
            raise SettingsError(address_problem(server, error)) from error


def address_problem(server: ServerSettings, error: OSError) -> SettingsProblem:
    """Why an address cannot be listened on, and what would do."""
    if error.errno == errno.EADDRINUSE:
        message = f"port {server.port} of {server.host} is in use; stop who uses it, or pass --port"
        return SettingsProblem("server.port", message)
    if error.errno == errno.EACCES:
        return SettingsProblem(
            "server.port", f"no right to listen on {server.port}; use one above 1023"
        )
    reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
    return SettingsProblem("server.host", f"cannot listen on {server.host!r}: {reason}")


async def lines_of(settings: Settings) -> Mapping[str, VoIP]:
    """Each agent's VoIP object, to be asked for its next steps; building one opens nothing."""
    async with open_services(observe=lambda _observation: None) as services:
        return {name: agent.voip.build(services) for name, agent in settings.agents.items()}


def banner(settings: Settings, lines: Mapping[str, VoIP], address: str) -> Iterator[str]:
    """What is running, and what the operator does now. address: such as ``http://127.0.0.1:8080``."""
    yield f"dialog answers calls at {address}"
    public = settings.server.public_url.rstrip("/")
    if public:
        yield f"carriers reach it at {public}"
    for name, agent in settings.agents.items():
        yield ""
        yield f"{name} ({agent.voip.name})"
        base = f"{public or address}/{name}/{agent.voip.name}"
        yield from (f"  {step}" for step in lines[name].next_steps(base))
    if not public:
        yield ""
        yield "This address is known to this machine only. For calls from a carrier open a tunnel:"
        yield f"  cloudflared tunnel --url {address}"
        yield "and start again with the address that it prints: --public-url https://..."
