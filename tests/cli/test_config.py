"""What a settings file may hold, and where its values come from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Protocol

import pytest
from click.testing import Result

from dialog_core.testing.distributions import install_distribution


class Terminal(Protocol):
    @property
    def folder(self) -> Path: ...

    @property
    def file(self) -> Path: ...

    def write(self, text: str) -> str: ...

    def run(self, *args: str) -> Result: ...


SETTINGS = """
[server]
port = 8081

[agents.front]
agent = "vendor"
voip = "vendor"

[agents.front.stt]
use = "vendor"
api_key = { env = "FRONT_KEY" }
model = "nova-2"
wait = { env = "FRONT_WAIT", default = 4.0 }

[agents.front.tts]
use = "vendor"
api_key = { file = "key" }
voice = { id = "tenor" }
"""


@pytest.fixture
def settings(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.delenv("FRONT_WAIT", raising=False)
    monkeypatch.setenv("FRONT_KEY", "hush")
    (terminal.folder / "key").write_text("hush", "utf-8")
    return terminal.write(SETTINGS)


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("server.port", "server.port = 8081  # dialog.toml, line 3"),
        ("server.host", "server.host = '127.0.0.1'  # the default"),
        ("agents.front.agent", "agents.front.agent.use = 'vendor'  # dialog.toml, line 6"),
        ("agents.front.stt.model", "agents.front.stt.model = 'nova-2'  # dialog.toml, line 12"),
        ("agents.front.stt.wait", (
            "agents.front.stt.wait = 4.0  "
            "# the default for variable FRONT_WAIT, which is not set, in dialog.toml, line 13"
        )),
        ("agents.front.stt.api_key", (
            "agents.front.stt.api_key = Secret(...)  "
            "# environment variable FRONT_KEY, named in dialog.toml, line 11"
        )),
        ("agents.front.tts.api_key", (
            "agents.front.tts.api_key = Secret(...)  # file 'key', named in dialog.toml, line 17"
        )),
        ("agents.front.tts.voice.id", (
            "agents.front.tts.voice.id = 'tenor'  # dialog.toml, line 18"
        )),
        ("agents.front.vad.use", (
            "agents.front.vad.use = 'energy'  # the default: dialog-silero is not installed; pip install "
            "dialog-silero, and false barge-ins fall from 25 % to 2 %, turns cut off from 5 % to 1 %"
        )),
        ("agents.front.barge_in.1.use", (
            "agents.front.barge_in.1.use = 'backchannel'  # the default"
        )),
        ("observers", "observers.0.use = 'log'  # the default"),
    ],
)  # fmt: skip
def test_a_value_says_where_it_comes_from(
    terminal: Terminal, settings: str, key: str, told: str
) -> None:
    result = terminal.run("config", "explain", settings, key)

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[0] == told
    assert "hush" not in result.stdout


def test_only_the_name_of_a_component_depends_on_what_is_installed(
    terminal: Terminal, settings: str
) -> None:
    source = """
    @attrs.frozen
    class Rate:
        rate: int = setting(default=8000, help="samples per second")

    @hookimpl
    def dialog_vad():
        return (Factory("silero", Rate, make),)
    """
    install_distribution(terminal.folder, "dialog-silero", source)

    result = terminal.run("config", "explain", settings, "agents.front.vad")

    assert result.stdout.splitlines() == [
        "agents.front.vad.use = 'silero'  # the default: dialog-silero is installed",
        "agents.front.vad.rate = 8000  # the default",
    ]


def test_a_single_setting_says_what_it_is_for(terminal: Terminal, settings: str) -> None:
    result = terminal.run("config", "explain", settings, "agents.front.stt.wait")

    assert result.stdout.splitlines()[1] == (
        "  silence that counts as dead: float (s), default 5.0, above 0, at most 9"
    )


def test_a_flag_is_where_a_value_comes_from(terminal: Terminal, settings: str) -> None:
    flags = ["--set", "agents.front.stt.model=nova-3", "--set", "agents.front.vad=energy"]

    result = terminal.run("config", "explain", settings, "agents.front", *flags)

    lines = result.stdout.splitlines()
    assert (
        "agents.front.stt.model = 'nova-3'  # the command line, --set agents.front.stt.model=..."
        in lines
    )
    assert (
        "agents.front.vad.use = 'energy'  # the command line, --set agents.front.vad=..." in lines
    )


def test_a_dotenv_file_is_where_a_value_comes_from(
    terminal: Terminal, settings: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FRONT_KEY")
    (terminal.folder / ".env").write_text("FRONT_KEY=hush\n", "utf-8")

    result = terminal.run("config", "explain", settings, "agents.front.stt.api_key")

    assert result.stdout.splitlines()[0].endswith(
        "# variable FRONT_KEY of .env, named in dialog.toml, line 11"
    )


def test_each_member_of_a_chain_is_explained(terminal: Terminal, settings: str) -> None:
    table = SETTINGS.split("[agents.front.stt]")
    member = 'use = "vendor", api_key = "hush"'
    chain = f'stt = [\n  {{ {member} }},\n  {{ {member}, model = "nova-2" }},\n]'
    rest = table[1].split("[agents.front.tts]")[1]
    terminal.write(f"{table[0].rstrip()}\n{chain}\n\n[agents.front.tts]{rest}")

    result = terminal.run("config", "explain", settings, "agents.front.stt")

    lines = result.stdout.splitlines()
    assert "agents.front.stt.0.use = 'vendor'  # dialog.toml, line 8" in lines
    assert "agents.front.stt.0.model = 'nova-3'  # the default" in lines
    assert "agents.front.stt.1.model = 'nova-2'  # dialog.toml, line 8" in lines


def test_a_whole_file_can_be_explained(terminal: Terminal, settings: str) -> None:
    result = terminal.run("config", "explain", settings)

    assert result.exit_code == 0
    assert {line.partition(".")[0] for line in result.stdout.splitlines()} == {
        "agents",
        "engine",
        "log",
        "observers",
        "plugins",
        "server",
    }


def test_a_misspelt_setting_cannot_be_explained(terminal: Terminal, settings: str) -> None:
    result = terminal.run("config", "explain", settings, "agents.front.stt.modl")

    assert result.exit_code == 2
    assert result.stderr == (
        "error: agents.front.stt.modl: no such setting; did you mean 'agents.front.stt.model'?\n"
    )


def test_a_schema_leaves_out_what_is_broken(terminal: Terminal) -> None:
    install_distribution(terminal.folder, "dialog-broken", "import no_such_module")
    output = terminal.folder / "dialog.schema.json"

    result = terminal.run("config", "schema", "--output", str(output))

    assert result.exit_code == 0
    assert result.stderr.startswith(
        "warning: plugin 'broken': dialog-broken 1.0 cannot be imported"
    )
    assert "vendor" in str(json.loads(output.read_text("utf-8"))["$defs"]["stt"])
