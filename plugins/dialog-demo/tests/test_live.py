from __future__ import annotations

import io
import re

import anyio
import pytest
from dialog_demo.live import LiveView, stable, strip
from dialog_demo.take import Take
from rich.console import Console


def shown(take: Take, *, terminal: bool) -> list[str]:
    """What is printed of a call, colours aside."""
    file = io.StringIO()
    console = Console(
        file=file, width=110, force_terminal=terminal, no_color=True, legacy_windows=False
    )
    view = LiveView(console)
    view.listen(lambda: (take.caller, take.agent))
    for observation in take.observed:
        view.observe(observation)
    return [line.rstrip() for line in plain(file.getvalue()).splitlines()]


def plain(printed: str) -> str:
    """Without the terminal's codes."""
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", printed)


def test_in_a_log_each_thing_is_a_line(take: Take) -> None:
    assert shown(take, terminal=False) == [
        "   0.1  agent   Hello. How can I help you?",
        "        caller  I would like to come on. ...",
        "   3.0  caller  I would like to come on. Tuesday.",
        "   5.4  agent   We are open from Monday to Friday, from 9 AM (cut off)  [0.60 s after the caller]",
        "        caller  At half past ten, ...",
        "   7.0  caller  (interrupts) At half past ten, please.",
        "   8.6  agent   10:30 AM, very well. It is booked. Anything else?  [0.60 s after the caller]",
        "        caller  No, thank ...",
        "  10.6  caller  No, thank you.",
        "  11.8  agent   See you on Tuesday. Goodbye.  [0.60 s after the caller]",
        "  13.0  (agent hung up)",
    ]


def test_on_a_terminal_the_two_sides_stand_in_columns(take: Take) -> None:
    lines = shown(take, terminal=True)
    caller = next(line for line in lines if "half past ten" in line)
    agent = next(line for line in lines if "very well" in line)
    assert caller.index("(interrupts)") < 10
    assert agent.index("10:30") > 50
    assert "0.60 s" in agent
    assert max(map(len, lines)) <= 110


@pytest.mark.anyio
async def test_what_still_moves_is_drawn_again_and_again(take: Take) -> None:
    file = io.StringIO()
    view = LiveView(Console(file=file, width=110, force_terminal=True, legacy_windows=False))
    for observation in take.observed[:4]:
        view.observe(observation)
    with anyio.move_on_after(1.0):
        await view.watch(lambda: (take.caller[: 8000 * 5], take.agent[: 8000 * 5]))
    assert plain(file.getvalue()).count("I would like to come on. …") > 5
    assert "▆" in file.getvalue() or "▅" in file.getvalue() or "▄" in file.getvalue()


def test_the_newest_word_is_withheld() -> None:
    assert stable("My name is dead.") == "My name is"
    assert stable("No") == stable("") == ""


def test_levels_are_of_the_last_seconds() -> None:
    loud, quiet = b"\x80" * 16000, b"\xff" * 16000
    assert strip(quiet + loud, 8) == "    ████"
    assert strip(b"", 8) == " " * 8
