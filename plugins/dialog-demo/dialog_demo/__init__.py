"""A whole call to see and to hear, on one machine: ``dialogctl demo``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dialog_core.hookspecs import hookimpl

if TYPE_CHECKING:
    import click

__all__ = ["dialog_commands"]


@hookimpl
def dialog_commands(cli: click.Group) -> None:
    """``dialogctl demo``."""
    from dialog_demo.command import demo  # noqa: PLC0415 - only for the command line

    command: Any = demo
    cli.add_command(command)
