"""What is measured of the machine, and what a call that missed its goal on a busy one leads to."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import anyio
import attrs
import pytest
from dialog_demo import performance
from dialog_demo.lateness import Lateness, too_busy
from dialog_demo.performance import CALLS, MISSED, REACHED, run
from dialog_demo.script import Script
from dialog_demo.stage import Plan, View
from dialog_demo.take import Take
from rich.console import Console

from dialog_core.observe.observations import Counted

BUSY = "the server ran up to 0.40 s late"


@attrs.define
class Late:
    """A clock that jumps whenever it is read."""

    jump: float
    at: float = 0.0

    def monotonic(self) -> float:
        self.at += self.jump
        return self.at

    def wall(self) -> float:
        return self.at


@pytest.mark.anyio
async def test_the_worst_lateness_is_kept() -> None:
    lateness = Lateness(Late(0.3))
    with anyio.move_on_after(0.1):
        await lateness.measure()
    assert lateness.worst == pytest.approx(0.28)


def test_a_machine_is_too_busy_if_it_is_late_or_does_not_listen() -> None:
    skipped = Counted("CA1", "speech windows skipped", 7)
    assert too_busy(0.05, []) == ""
    assert too_busy(0.05, [Counted("CA1", "something else", 7)]) == ""
    assert too_busy(0.4, []) == BUSY
    assert too_busy(0.05, [skipped]) == "7 pieces of the caller's speech were not listened to"
    assert too_busy(0.4, [skipped]).startswith(f"{BUSY}, and 7 pieces")


@pytest.fixture
def missed(take: Take) -> Take:
    """A call that has not reached its goal."""
    return attrs.evolve(take, clears=())


def played(
    takes: Iterator[Take], script: Script, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[int, str]:
    """Run the command's work on calls that are given; returns its status, and what was printed."""

    async def perform(_plan: Plan, _view: View) -> Take:
        return next(takes)

    monkeypatch.setattr(performance, "perform", perform)
    file = io.StringIO()
    plan = Plan(folder / "dialog.toml", script)
    return run(Console(file=file, width=132), plan, folder / "out"), file.getvalue()


def test_a_call_that_misses_its_goal_is_held_once(
    missed: Take, script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, printed = played(iter([missed]), script, tmp_path, monkeypatch)
    assert status == MISSED
    assert "too busy" not in printed


def test_on_a_busy_machine_it_is_held_again(
    take: Take, missed: Take, script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurried = attrs.evolve(missed, too_busy=BUSY)
    status, printed = played(iter([hurried, take]), script, tmp_path, monkeypatch)
    assert status == REACHED
    assert f"too busy for a call: {BUSY}; the call is held again" in printed


def test_a_machine_that_stays_busy_is_told_in_the_end(
    missed: Take, script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurried = attrs.evolve(missed, too_busy=BUSY)
    status, printed = played(iter([hurried] * CALLS), script, tmp_path, monkeypatch)
    assert status == MISSED
    assert printed.rstrip().endswith("close other programs, and run it again")
