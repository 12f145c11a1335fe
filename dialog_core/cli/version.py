"""``dialogctl version``."""

from __future__ import annotations

import platform

import click

from dialog_core.net.version import VERSION

__all__ = ["command"]


@click.command("version")
def command() -> None:
    """Print the versions of dialog and Python."""
    click.echo(f"dialog-core {VERSION}, Python {platform.python_version()}")
