from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Protocol

import pytest
from click.testing import Result

from dialog_core.cli.serve import banner, lines_of
from dialog_core.plugins import Plugins
from dialog_core.settings import load
from dialog_core.testing.distributions import install_distribution
from dialog_core.testing.pytest_plugin import real_loop


class Terminal(Protocol):
    @property
    def folder(self) -> Path: ...

    @property
    def file(self) -> Path: ...

    def write(self, text: str) -> str: ...

    def plugins(self) -> Plugins: ...

    def run(self, *args: str) -> Result: ...


def test_version_names_core_and_python(terminal: Terminal) -> None:
    result = terminal.run("version")

    assert result.exit_code == 0
    assert result.stdout.startswith("dialog-core ")


def test_help_lists_built_in_and_plugin_commands(terminal: Terminal) -> None:
    source = """
    import click

    @hookimpl
    def dialog_commands(cli):
        cli.add_command(click.Command("wave", help="Wave."))
    """
    install_distribution(terminal.folder, "dialog-wave", source)

    result = terminal.run("--help")

    assert result.exit_code == 0
    assert all(name in result.stdout for name in ("check", "plugins", "serve", "version", "wave"))


def test_a_plugin_brings_a_command(terminal: Terminal) -> None:
    source = """
    import click

    @hookimpl
    def dialog_commands(cli):
        cli.add_command(click.Command("demo", callback=lambda: click.echo("a call")))
    """
    install_distribution(terminal.folder, "dialog-demo", source)

    assert terminal.run("demo").stdout == "a call\n"


@pytest.mark.requirement("D.4")
def test_check_draws_what_would_be_assembled(terminal: Terminal) -> None:
    result = terminal.run("check", str(terminal.file), "--set", "agents.front.turns.patience=4.0")

    assert result.exit_code == 0
    assert [line.lstrip(" │├└─") for line in result.stdout.splitlines()[1:]] == [
        "observer log  dialog-core 1.0",
        "agent front (en-US)",
        "voip vendor  dialog-vendor 2.1",
        "stt vendor  dialog-vendor 2.1",
        "api_key = Secret(...)",
        "model = 'nova-2'",
        "tts vendor  dialog-vendor 2.1",
        "api_key = Secret(...)",
        "vad energy  dialog-core 1.0  default",
        "endpointer, the first that decides  default",
        "1. adaptive  dialog-core 1.0",
        "2. heuristic  dialog-core 1.0",
        "barge_in, a vote  default",
        "1. hard-cut  dialog-core 1.0",
        "after = 0.15",
        "2. backchannel  dialog-core 1.0",
        "agent vendor  dialog-vendor 2.1",
        "turns",
        "patience = 4.0",
        (
            "note: agents.front.vad is energy by default: dialog-silero is not installed; pip install "
            "dialog-silero, and false barge-ins fall from 25 % to 2 %, turns cut off from 5 % to 1 %"
        ),
    ]


def test_check_says_that_an_installed_voice_detector_is_the_default(terminal: Terminal) -> None:
    source = """
    @hookimpl
    def dialog_vad():
        return (Factory("silero", NoSettings, make),)
    """
    install_distribution(terminal.folder, "dialog-silero", source)

    left_out = terminal.run("check", str(terminal.file)).stdout
    named = terminal.run("check", str(terminal.file), "--set", "agents.front.vad=silero").stdout

    assert "vad silero  dialog-silero 1.0  default\n" in left_out
    assert "note: agents.front.vad is silero by default: dialog-silero is installed\n" in left_out
    assert "vad silero  dialog-silero 1.0\n" in named
    assert "note:" not in named


def test_check_warns_of_settings_without_effect(terminal: Terminal) -> None:
    result = terminal.run(
        "check",
        str(terminal.file),
        "--set",
        "server.public_url=https://voice.example.com",
        "--set",
        "server.trust_forwarded=true",
    )

    assert result.exit_code == 0
    assert result.stderr == (
        "warning: server.trust_forwarded: has no effect: addresses are built from server.public_url\n"
    )


def test_check_warns_of_lists_that_name_nobody(terminal: Terminal) -> None:
    result = terminal.run("check", str(terminal.file), "--set", 'plugins.deny=["vender"]')

    assert result.exit_code == 0
    assert result.stderr == (
        "warning: plugins.deny: has no effect: no installed plugin is called 'vender'; "
        "see dialogctl plugins list\n"
    )


def test_check_warns_of_what_a_plugin_says_has_no_effect(terminal: Terminal) -> None:
    source = """
    @attrs.frozen
    class FadingSettings:
        after: float = setting(default=0.2, help="speech before the fade")

        def without_effect(self):
            yield "after", "the mode is 'cut'"

    @hookimpl
    def dialog_barge_in():
        return (Factory("fading", FadingSettings, make),)
    """
    install_distribution(terminal.folder, "dialog-fading", source)

    result = terminal.run("check", str(terminal.file), "--set", "agents.front.barge_in=fading")

    assert result.exit_code == 0
    assert result.stderr == (
        "warning: agents.front.barge_in.after: has no effect: the mode is 'cut'\n"
    )


def test_plugins_are_listed_without_importing_them(terminal: Terminal) -> None:
    module = install_distribution(terminal.folder, "dialog-broken", "import no_such_module")

    result = terminal.run("plugins", "list")

    assert result.exit_code == 0
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["plugin", "distribution", "version"],
        ["broken", "dialog-broken", "1.0"],
        ["policies", "dialog-core", "1.0"],
        ["vendor", "dialog-vendor", "2.1"],
    ]
    assert module not in sys.modules


@pytest.mark.requirement("B.45")
def test_a_plugin_shows_every_setting(terminal: Terminal) -> None:
    result = terminal.run("plugins", "show", "vendor")

    assert result.exit_code == 0
    about_speech = result.stdout.split("speech-to-text vendor\n")[1].split("\n\n")[0]
    assert about_speech.rstrip().splitlines() == [
        "  contract >=1,<2; this core has 1.0",
        "  api_key  Secret, required, secret",
        "      key of the account",
        "  model  str, default 'nova-3', one of nova-2, nova-3",
        "      name of the model",
        "  wait  float (s), default 5.0, above 0, at most 9",
        "      silence that counts as dead",
        "  tries  int or none, default None, at least 1",
        "      attempts",
        "  pace  slow, default 'slow'",
        "      of words",
        "  voice.id  str, default 'alto'",
        "      id of the voice",
    ]
    assert (
        "  can transfer\n  cannot keypress, outbound, record, send_digits, transcribe\n  no settings\n"
        in result.stdout
    )


def test_sound_plugins_are_found_sound(terminal: Terminal) -> None:
    result = terminal.run("plugins", "check")

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        (
            "sound   policies  dialog-core 1.0  voice activity detector energy, endpointer heuristic, "
            "endpointer adaptive, barge-in policy hard-cut, barge-in policy backchannel, observer log"
        ),
        (
            "sound   vendor  dialog-vendor 2.1  VoIP line vendor, speech-to-text vendor, "
            "text-to-speech vendor, agent vendor"
        ),
    ]


def test_every_broken_plugin_is_told_at_once(terminal: Terminal) -> None:
    mute = """
    @attrs.frozen
    class MuteSettings:
        wait: float = setting(default=1.0, help="silence")
        name: str = attrs.field(default="")

    @hookimpl
    def dialog_stt():
        return (Factory("mute", MuteSettings, make),)
    """
    newer = """
    @hookimpl
    def dialog_tts():
        return (Factory("newer", NoSettings, make, contract=">=3"),)
    """
    install_distribution(terminal.folder, "dialog-broken", "import no_such_module")
    install_distribution(terminal.folder, "dialog-mute", mute)
    install_distribution(terminal.folder, "dialog-newer", newer)

    result = terminal.run("plugins", "check")

    assert result.exit_code == 2
    assert [line.split()[:2] for line in result.stdout.splitlines()] == [
        ["broken", "broken"],
        ["broken", "mute"],
        ["broken", "newer"],
        ["sound", "policies"],
        ["sound", "vendor"],
    ]
    assert result.stderr.splitlines() == [
        (
            "error: plugin 'broken': dialog-broken 1.0 cannot be imported: ModuleNotFoundError: No module "
            "named 'no_such_module'; install it again: pip install --force-reinstall dialog-broken"
        ),
        (
            "error: plugin 'mute': speech-to-text 'mute': the setting 'wait' has no unit; give it unit=, "
            "or limits on both sides"
        ),
        (
            "error: plugin 'mute': speech-to-text 'mute': the setting 'name' does not say what it is for; "
            "give it help="
        ),
        (
            "error: plugin 'newer': dialog-newer 1.0 wants version >=3 of the tts contract, and this core "
            "has 1.0; upgrade dialog-core: pip install --upgrade dialog-core"
        ),
    ]


def test_a_check_imports_nothing_that_a_settings_file_bars(terminal: Terminal) -> None:
    module = install_distribution(terminal.folder, "dialog-broken", "import no_such_module")
    terminal.write('[plugins]\ndeny = ["broken"]\n')

    result = terminal.run("plugins", "check", "--file", str(terminal.file))

    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == (
        "barred  broken  dialog-broken 1.0  is denied; take it out of plugins.deny"
    )
    assert module not in sys.modules


def test_a_plugin_that_is_not_there_cannot_be_shown(terminal: Terminal) -> None:
    result = terminal.run("plugins", "show", "vendr")

    assert result.exit_code == 2
    assert result.stderr == "error: plugin 'vendr': is not installed; did you mean 'vendor'?\n"


@real_loop
@pytest.mark.anyio
@pytest.mark.requirement("B.39")
async def test_the_banner_says_what_to_do_next(terminal: Terminal) -> None:
    settings = load(terminal.file, plugins=terminal.plugins())

    lines = banner(settings, await lines_of(settings), "http://127.0.0.1:8080")

    assert "\n".join(lines) == (
        "dialog answers calls at http://127.0.0.1:8080\n"
        "\n"
        "front (vendor)\n"
        "  set the webhook of your number to http://127.0.0.1:8080/front/vendor/voice\n"
        "\n"
        "This address is known to this machine only. For calls from a carrier open a tunnel:\n"
        "  cloudflared tunnel --url http://127.0.0.1:8080\n"
        "and start again with the address that it prints: --public-url https://..."
    )


@real_loop
@pytest.mark.anyio
async def test_the_banner_builds_on_the_public_address(terminal: Terminal) -> None:
    overrides = [("server.public_url", "https://voice.example.com")]
    settings = load(terminal.file, overrides=overrides, plugins=terminal.plugins())

    lines = banner(settings, await lines_of(settings), "http://127.0.0.1:8080")

    assert list(lines)[1:] == [
        "carriers reach it at https://voice.example.com",
        "",
        "front (vendor)",
        "  set the webhook of your number to https://voice.example.com/front/vendor/voice",
    ]


def test_the_command_line_imports_neither_server_nor_vendors() -> None:
    script = (
        "import sys\n"
        "from dialog_core.cli.main import new_cli\n"
        "from dialog_core.plugins import Plugins\n"
        "new_cli(Plugins()).main(['plugins', 'list'], standalone_mode=False)\n"
        "heavy = {'uvicorn', 'onnxruntime', 'openai', 'twilio', 'deepgram', 'cartesia'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)  # noqa: S603 - our own script
