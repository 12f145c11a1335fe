"""Scenario files: an application's own tests, in a few lines of TOML."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from dialog_core.cli.main import new_cli
from dialog_core.errors import SettingsError
from dialog_core.plugins import Plugins
from dialog_core.testing.simulate.acting import check_scenario, play
from dialog_core.testing.simulate.scenario import load_scenario

BAKERY = Path(__file__).parents[2] / "docs" / "snippets" / "bakery"
TABLES = '''
from dialog_core import Call


def book(guests: int) -> str:
    """Book a table.

    guests: how many.
    """
    return f"booked for {guests}"


async def end(call: Call) -> str:
    """End the call."""
    await call.hang_up()
    return "ends"


async def transfer(call: Call) -> str:
    """Hand the caller over."""
    await call.transfer("+15550003333")
    return "handed over"
'''


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """With an agent that books tables; its module is forgotten afterwards."""
    name = f"tables_{abs(hash(tmp_path))}"
    (tmp_path / f"{name}.py").write_text(TABLES, "utf-8")
    (tmp_path / "module").write_text(name)
    path = list(sys.path)
    yield tmp_path
    sys.path[:] = path
    sys.modules.pop(name, None)


def write(folder: Path, text: str) -> Path:
    name = (folder / "module").read_text()
    file = folder / "scenario.toml"
    tools = ", ".join(f'"{name}:{tool}"' for tool in ("book", "end", "transfer"))
    chat = f'[chat]\ngreeting = "Hello."\ntools = [{tools}]\n'
    file.write_text(f'agent = "chat"\n{text}\n{chat}', "utf-8")
    return file


def test_a_scenario_of_ten_lines_passes() -> None:
    report = check_scenario(BAKERY / "opening-hours.toml")
    assert str(report) == "opening-hours.toml: 2 lines, all as expected"
    assert len((BAKERY / "opening-hours.toml").read_text().strip().splitlines()) == 10


def test_a_failure_tells_what_was_expected_what_was_heard_and_when(tmp_path: Path) -> None:
    text = (BAKERY / "opening-hours.toml").read_text().replace("at seven", "at eight")
    file = tmp_path / "early.toml"
    file.write_text(text, "utf-8")
    (tmp_path / "bakery.py").write_text((BAKERY / "bakery.py").read_text(), "utf-8")
    with pytest.raises(AssertionError) as raised:
        check_scenario(file)
    told = str(raised.value)
    assert "caller line 1 (says 'When do you open?'), 3.69 to 4.89 s" in told
    assert "expected  the words 'We open at eight'" in told
    assert "heard     'We open at seven, every" in told
    assert re.search(r"5\.4\d to ", told)


def test_tools_and_the_end_of_the_call_are_expected(folder: Path) -> None:
    file = write(
        folder,
        """
        answers = [
            { text = "One moment.", tool = "book", arguments = { guests = 4 } },
            { text = "You have a table for four." },
            { text = "Goodbye.", tool = "end" },
            { text = "Have a nice day." },
        ]
        [[caller]]
        says = "A table for four please."
        expect = { words = ["a table for four"], tools = ["book"], without = ["five"], ended = false }
        [[caller]]
        says = "Thanks, bye."
        expect = { words = ["goodbye", "nice day"], tools = ["end"] }
        [expect]
        ended = true
        """,
    )
    check_scenario(file)


def test_what_the_model_is_not_told_to_answer_is_a_failure_with_its_reason(folder: Path) -> None:
    file = write(folder, '[[caller]]\nsays = "Hello?"\nexpect = { words = ["welcome"] }\n')
    (missed,) = play(load_scenario(file)).missed
    assert "the scenario has 0 answers, and this is request 1" in missed.heard
    assert "Sorry, something went wrong." in missed.heard


def test_a_transfer_a_tool_that_was_not_called_and_a_slow_answer_are_told(folder: Path) -> None:
    file = write(
        folder,
        """
        answers = [{ tool = "transfer" }, { text = "I will put you through." }]
        [[caller]]
        says = "Please transfer me."
        expect = { transferred = "+15550003333", tools = ["book"], within = 0.1 }
        """,
    )
    within, tool = play(load_scenario(file)).missed
    assert within.expected == "an answer within 0.1 s"
    assert within.heard.startswith("after ")
    assert tool.expected == "the tool 'book' to be called"


def test_hesitation_coughs_and_keys_are_played(folder: Path) -> None:
    file = write(
        folder,
        """
        answers = [{ text = "Yes, of course." }]
        [[caller]]
        says = "I would like to"
        [[caller]]
        says = "book a table."
        pause = 0.8
        expect = { words = ["of course"] }
        [[caller]]
        coughs = true
        seconds = 0.15
        [[caller]]
        presses = "5"
        expect = { silence = true }
        [[caller]]
        hangs_up = true
        after = 1.5
        """,
    )
    report = check_scenario(file)
    turns = re.findall(r"TURN .(.*?).; start", report.story)
    assert turns == ["I would like to book a table."]


def test_a_wrong_file_is_refused_with_every_place(tmp_path: Path) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(
        'agent = "x:Y"\n[[caller]]\nsay = "hi"\n[[caller]]\nsays = "a"\npresses = "1"\n'
    )
    with pytest.raises(SettingsError) as raised:
        load_scenario(file)
    assert "did you mean 'says'?" in str(raised.value)


def test_a_settings_file_brings_its_agent_and_policies(tmp_path: Path) -> None:
    (tmp_path / "bakery.py").write_text((BAKERY / "bakery.py").read_text(), "utf-8")
    text = (BAKERY / "dialog.toml").read_text()
    text = text.replace('agent = "bakery:Bakery"', 'agent = "bakery:Bakery"\nbarge_in = "disabled"')
    for name in (
        "PUBLIC_URL",
        "TWILIO_ACCOUNT_SID",
        "TWILIO_AUTH_TOKEN",
        "DEEPGRAM_API_KEY",
        "CARTESIA_API_KEY",
    ):
        value = {
            "PUBLIC_URL": "https://voice.example.com",
            "TWILIO_ACCOUNT_SID": f"AC{'0' * 32}",
        }.get(name, "key")
        text = text.replace(f'{{ env = "{name}" }}', f'"{value}"')
    (tmp_path / "dialog.toml").write_text(text, "utf-8")
    scenario = (BAKERY / "opening-hours.toml").read_text()
    scenario = scenario.replace(
        'agent = "bakery:Bakery"', 'agent = "bakery"\nsettings = "dialog.toml"'
    )
    file = tmp_path / "uninterrupted.toml"
    file.write_text(scenario.replace("interrupted = true", "interrupted = false"), "utf-8")
    check_scenario(file)


# --- dialogctl simulate


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(new_cli(Plugins()), ["simulate", *arguments])
    return result.exit_code, result.output


def test_dialogctl_plays_the_same_file() -> None:
    status, output = run(str(BAKERY / "opening-hours.toml"))
    assert (status, output) == (0, "opening-hours.toml: 2 lines, all as expected\n")


def test_dialogctl_fails_with_the_same_message(tmp_path: Path) -> None:
    (tmp_path / "bakery.py").write_text((BAKERY / "bakery.py").read_text(), "utf-8")
    file = tmp_path / "early.toml"
    file.write_text((BAKERY / "opening-hours.toml").read_text().replace("at seven", "at eight"))
    status, output = run(str(file), "--json")
    assert status == 1
    (report,) = json.loads(output)
    assert report["missed"][0]["expected"] == "the words 'We open at eight'"


def test_dialogctl_draws_calls_and_turns_from_a_seed() -> None:
    status, output = run("--calls", "20", "--turns", "200", "--seed", "7")
    assert status == 0
    assert "20 calls from seed 7" in output
    assert "turns from seed 7" in output
    assert run("--calls", "20", "--turns", "200", "--seed", "7")[1] == output


def test_dialogctl_asks_what_to_do() -> None:
    status, output = run()
    assert status == 2
    assert "name a scenario file" in output
