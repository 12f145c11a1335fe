from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import anyio
import attrs
import pytest

from dialog_core.cli.watch import Child, files_of, spawn, watch
from dialog_core.testing.pytest_plugin import real_loop

pytestmark = pytest.mark.anyio


@attrs.define(eq=False)
class FakeChild:
    """A command that ends when it is told to."""

    returncode: int | None = None
    ended: anyio.Event = attrs.field(factory=anyio.Event)

    def terminate(self) -> None:
        self.returncode = 0
        self.ended.set()

    async def wait(self) -> int:
        if self.returncode is None:
            await self.ended.wait()
        return self.returncode or 0

    async def aclose(self) -> None:
        self.terminate()


@attrs.define
class Starts:
    """Starts fake children, and changes a file after each of the first `edits`."""

    folder: Path
    edits: int
    fails: bool = False
    children: list[FakeChild] = attrs.field(factory=list)
    enough: anyio.Event = attrs.field(factory=anyio.Event)

    async def __call__(self, _command: Sequence[str]) -> Child:
        child = FakeChild(returncode=2 if self.fails else None)
        self.children.append(child)
        if len(self.children) > self.edits:
            self.enough.set()
        else:
            (self.folder / "agent.py").write_text(f"VERSION = {len(self.children)}\n", "utf-8")
        return child


async def run_until_enough(folder: Path, starts: Starts) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch, ["serve"], folder, starts)
        await starts.enough.wait()
        tasks.cancel_scope.cancel()


@pytest.mark.requirement("A.48", "B.39")
async def test_a_change_ends_the_command_and_starts_it_again(tmp_path: Path) -> None:
    starts = Starts(tmp_path, edits=2)

    await run_until_enough(tmp_path, starts)

    assert [child.returncode for child in starts.children] == [0, 0, 0]


async def test_a_command_that_ended_is_run_again_at_the_next_change(tmp_path: Path) -> None:
    starts = Starts(tmp_path, edits=1, fails=True)

    await run_until_enough(tmp_path, starts)

    assert len(starts.children) == 2


async def test_the_command_ends_with_the_watch(tmp_path: Path) -> None:
    starts = Starts(tmp_path, edits=0)

    await run_until_enough(tmp_path, starts)

    assert starts.children[0].ended.is_set()


async def test_code_settings_and_dotenv_are_watched(tmp_path: Path) -> None:
    for name in ("agent.py", "dialog.toml", ".env", "notes.txt", ".venv/x.py", "flows/a.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    names = {str(path.relative_to(tmp_path)) for path in files_of(tmp_path)}

    assert names == {"agent.py", "dialog.toml", ".env", "flows/a.toml"}


@real_loop
async def test_a_real_command_can_be_started_and_ended() -> None:
    child = await spawn([sys.executable, "-c", "import signal; signal.pause()"])

    child.terminate()

    assert await child.wait() != 0
    await child.aclose()
