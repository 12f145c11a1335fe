"""What an operator can mend is one line, word for word, and exit status 2."""

from __future__ import annotations

import socket
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


def refusal(terminal: Terminal, old: str, new: str) -> list[str]:
    """The lines that `check` refuses with once `old` is replaced in the settings file."""
    text = terminal.file.read_text("utf-8")
    assert old in text
    result = terminal.run("check", terminal.write(text.replace(old, new)))
    assert (result.exit_code, result.stdout) == (2, "")
    return result.stderr.splitlines()


def test_a_plugin_is_not_installed(terminal: Terminal) -> None:
    assert refusal(terminal, 'stt = { use = "vendor"', 'stt = { use = "deepgram"') == [
        (
            "error: agents.front.stt.use: no speech-to-text named 'deepgram'; installed: vendor; "
            "install the distribution dialog-deepgram: pip install dialog-deepgram"
        )
    ]


def test_a_plugin_is_misspelt(terminal: Terminal) -> None:
    assert refusal(terminal, 'stt = { use = "vendor"', 'stt = { use = "vender"') == [
        (
            "error: agents.front.stt.use: no speech-to-text named 'vender'; installed: vendor; "
            "did you mean 'vendor'?"
        )
    ]


def test_an_import_fails(terminal: Terminal) -> None:
    install_distribution(terminal.folder, "dialog-broken", "import no_such_module")

    assert refusal(terminal, 'stt = { use = "vendor"', 'stt = { use = "broken"') == [
        (
            "error: plugin 'broken': dialog-broken 1.0 cannot be imported: "
            "ModuleNotFoundError: No module named 'no_such_module'; "
            "install it again: pip install --force-reinstall dialog-broken"
        )
    ]


def test_an_option_is_unknown(terminal: Terminal) -> None:
    assert refusal(terminal, 'model = "nova-2"', 'modle = "nova-2"') == [
        "error: agents.front.stt.modle: unknown key; did you mean 'model'?"
    ]


def test_an_option_is_unlike_any(terminal: Terminal) -> None:
    assert refusal(terminal, 'model = "nova-2"', 'zzz = "nova-2"') == [
        "error: agents.front.stt.zzz: unknown key; dialogctl plugins show vendor lists them"
    ]


def test_a_secret_is_missing(terminal: Terminal) -> None:
    assert refusal(terminal, 'api_key = "hush", model', "model") == [
        (
            "error: agents.front.stt.api_key: missing: key of the account; "
            'write api_key = { env = "NAME" }'
        )
    ]


@pytest.mark.requirement("E.12")
def test_every_variable_that_is_not_set_is_named(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FRONT_KEY", raising=False)

    assert refusal(terminal, 'api_key = "hush"', 'api_key = { env = "FRONT_KEY" }') == [
        f"error: agents.front.{stage}.api_key: environment variable FRONT_KEY is not set; "
        "set it, or write it into .env"
        for stage in ("stt", "tts")
    ]


def test_a_hook_is_async(terminal: Terminal) -> None:
    source = "@hookimpl\nasync def dialog_stt():\n    return ()\n"
    module = install_distribution(terminal.folder, "dialog-async", source)

    assert refusal(terminal, 'stt = { use = "vendor"', 'stt = { use = "async"') == [
        (
            f"error: plugin 'async': {terminal.folder / module}.py: dialog_stt is an async def; "
            "make it a plain def that returns a tuple of Factory"
        )
    ]


def test_two_plugins_have_one_name(terminal: Terminal) -> None:
    source = '@hookimpl\ndef dialog_tts():\n    return (Factory("vendor", NoSettings, make),)\n'
    install_distribution(terminal.folder, "vendor-again", source, entry_point="vendor")

    assert refusal(terminal, "front", "front") == [
        (
            "error: agents.front.tts.use: dialog-vendor 2.1 and vendor-again 1.0 both offer a "
            "text-to-speech named 'vendor'; write 'dialog-vendor:vendor' or 'vendor-again:vendor'"
        )
    ]


def test_a_plugin_wants_another_contract(terminal: Terminal) -> None:
    source = """
    @hookimpl
    def dialog_stt():
        return (Factory("newer", NoSettings, make, contract=">=2,<3"),)
    """
    install_distribution(terminal.folder, "dialog-newer", source, version="4.2")

    assert refusal(terminal, 'stt = { use = "vendor"', 'stt = { use = "newer"') == [
        (
            "error: plugin 'newer': dialog-newer 4.2 wants version >=2,<3 of the stt contract, and "
            "this core has 1.0; upgrade dialog-core: pip install --upgrade dialog-core"
        )
    ]


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        ('deny = ["dialog-vendor"]', "is denied; take it out of plugins.deny"),
        ('allow = ["deepgram"]', "is not allowed; add it to plugins.allow"),
    ],
)
def test_a_plugin_may_not_be_used(terminal: Terminal, rules: str, reason: str) -> None:
    assert refusal(terminal, "[server]", f"[plugins]\n{rules}\n\n[server]") == [
        f"error: agents.front.{kind}.use: plugin 'vendor' (dialog-vendor 2.1) {reason}"
        for kind in ("agent", "voip", "stt", "tts")
    ]


def test_the_lists_of_plugins_are_misshapen(terminal: Terminal) -> None:
    assert refusal(terminal, "[server]", '[plugins]\ndeny = "vendor"\nalow = []\n\n[server]') == [
        "error: plugins.alow: unknown key; did you mean 'allow'?",
        "error: plugins.deny: must be a list, not 'vendor'",
    ]


def test_a_port_is_in_use(terminal: Terminal) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = terminal.run("serve", str(terminal.file), "--port", str(port))

    assert result.exit_code == 2
    assert result.stderr == (
        f"error: server.port: port {port} of 127.0.0.1 is in use; stop who uses it, or pass --port\n"
    )


def test_a_host_is_not_ours(terminal: Terminal) -> None:
    result = terminal.run("serve", str(terminal.file), "--host", "192.0.2.1")

    assert result.exit_code == 2
    assert result.stderr == (
        "error: server.host: cannot listen on '192.0.2.1': Cannot assign requested address\n"
    )


def test_a_settings_file_is_missing(terminal: Terminal) -> None:
    result = terminal.run("check", "nowhere.toml")

    assert result.exit_code == 2
    assert result.stderr == "error: nowhere.toml: cannot be read: No such file or directory\n"


def test_a_flag_is_misshapen(terminal: Terminal) -> None:
    result = terminal.run("check", str(terminal.file), "--set", "model")

    assert result.exit_code == 2
    assert result.stderr == (
        "error: --set model: write KEY=VALUE, such as agents.reception.stt.model=nova-3\n"
    )


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("chekc", "no command 'chekc'; did you mean 'check'?"),
        ("demo", "the command 'demo' comes with dialog-demo: pip install dialog-demo"),
        (
            "zzz",
            "no command 'zzz'; there are: check, config, dial, models, plugins, replay, serve, simulate, version",
        ),
    ],
)
def test_a_command_is_unknown(terminal: Terminal, command: str, message: str) -> None:
    result = terminal.run(command)

    assert (result.exit_code, result.stderr) == (2, f"error: {message}\n")


def test_the_plugin_of_a_command_is_broken(terminal: Terminal) -> None:
    install_distribution(terminal.folder, "dialog-demo", "import no_such_module")

    result = terminal.run("demo")

    assert result.exit_code == 2
    assert result.stderr == (
        "error: plugin 'demo': dialog-demo 1.0 cannot be imported: "
        "ModuleNotFoundError: No module named 'no_such_module'; "
        "install it again: pip install --force-reinstall dialog-demo\n"
    )
