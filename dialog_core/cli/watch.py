"""Developer mode: run a command, and run it again when a file beside the settings changes.

The command gets a polite end, so that calls in progress may finish with the code that they began with; new calls get
the new code. A command that ends by itself (a settings file with a mistake) is run again at the next change.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import anyio
import click

__all__ = ["Child", "files_of", "spawn", "watch"]

POLL_SECONDS = 0.5
PATTERNS = ("*.py", "*.toml", ".env")
SKIPPED = frozenset({".venv", "venv", "node_modules", "__pycache__", ".git", ".nox"})


class Child(Protocol):
    """A running command."""

    @property
    def returncode(self) -> int | None:
        """Its exit status, None while it runs."""
        ...

    def terminate(self) -> None:
        """Ask it to end."""
        ...

    async def wait(self) -> int:
        """Its exit status, once it has ended."""
        ...

    async def aclose(self) -> None:
        """End it now."""
        ...


Spawn = Callable[[Sequence[str]], Awaitable[Child]]
Stamps = Mapping[Path, int]


async def spawn(command: Sequence[str]) -> Child:
    """Start a command that shares our terminal."""
    return await anyio.open_process(command, stdin=None, stdout=None, stderr=None)


def files_of(folder: Path) -> Stamps:
    """When each file that matters was last changed."""
    found = {}
    for pattern in PATTERNS:
        for path in folder.rglob(pattern):
            if SKIPPED.isdisjoint(path.relative_to(folder).parts):
                try:
                    found[path] = path.stat().st_mtime_ns
                except FileNotFoundError:  # deleted in between: the next look will tell
                    continue
    return found


def changed(before: Stamps, after: Stamps) -> list[str]:
    """Names of the files that are new, gone or different."""
    return sorted(path.name for path, _stamp in set(before.items()) ^ set(after.items()))


async def watch(command: Sequence[str], folder: Path, start: Spawn = spawn) -> None:
    """Run a command, again at each change in `folder`, until cancelled or interrupted."""
    seen = files_of(folder)
    while True:
        child = await start(command)
        try:
            names = await next_change(folder, seen)
            seen = files_of(folder)
            click.echo(f"changed: {', '.join(dict.fromkeys(names))}; starting again", err=True)
            if child.returncode is None:
                child.terminate()
            await child.wait()
        finally:
            await close(child)


async def next_change(folder: Path, seen: Stamps) -> list[str]:
    """Wait until something differs from what was seen; the files' names."""
    while True:
        await anyio.sleep(POLL_SECONDS)
        if names := changed(seen, files_of(folder)):
            return names


async def close(child: Child) -> None:
    """End a child on every path; it must not outlive us."""
    with anyio.move_on_after(POLL_SECONDS, shield=True):
        await child.aclose()
