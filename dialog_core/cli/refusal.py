"""What an operator can mend: one line for each mistake, and exit status 2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

__all__ = ["Refusal"]


class Refusal(click.ClickException):
    """Something that the operator can mend; each line is a sentence of its own."""

    exit_code = 2

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = tuple(lines)

    def show(self, file: Any = None) -> None:
        """Print each line to standard error."""
        for line in self.lines:
            click.echo(f"error: {line}", file=file, err=True)
