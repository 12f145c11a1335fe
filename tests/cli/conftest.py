from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from click.testing import CliRunner, Result

from dialog_core.cli.main import new_cli
from dialog_core.plugins import Plugins, discover
from dialog_core.testing.distributions import install_distribution

POLICIES = """
@attrs.frozen
class Cut:
    after: float = setting(default=0.3, unit="s", help="speech that interrupts")

def one(name, *others, settings=NoSettings):
    return (Factory(name, settings, make), *(Factory(other, NoSettings, make) for other in others))

dialog_vad = hookimpl(lambda: one("energy"), specname="dialog_vad")
dialog_endpointer = hookimpl(lambda: one("heuristic", "adaptive"), specname="dialog_endpointer")
dialog_barge_in = hookimpl(lambda: one("hard-cut", "backchannel", settings=Cut), specname="dialog_barge_in")
dialog_observer = hookimpl(lambda: one("log"), specname="dialog_observer")
"""
VENDOR = """
import enum

class Pace(enum.Enum):
    SLOW = "slow"

@attrs.frozen
class Voice:
    id: str = setting(default="alto", help="id of the voice")

@attrs.frozen
class VendorSettings:
    api_key: Secret = setting(help="key of the account")
    model: str = setting(default="nova-3", one_of=("nova-2", "nova-3"), help="name of the model")
    wait: float = setting(default=5.0, unit="s", above=0, at_most=9, help="silence that counts as dead")
    tries: int | None = setting(default=None, at_least=1, help="attempts")
    pace: Pace = setting(default=Pace.SLOW, help="of words")
    voice: Voice = setting(factory=Voice, help="who speaks")

class Line:
    def routes(self, door):
        return ()

    def next_steps(self, base):
        return (f"set the webhook of your number to {base}/voice",)

@hookimpl
def dialog_voip():
    can = frozenset({"transfer"})
    return (Factory("vendor", NoSettings, lambda settings, services: Line(), abilities=can),)

@hookimpl
def dialog_stt():
    return (Factory("vendor", VendorSettings, make),)

@hookimpl
def dialog_tts():
    return (Factory("vendor", VendorSettings, make),)

@hookimpl
def dialog_agent():
    return (Factory("vendor", NoSettings, make),)
"""
GOOD = """
[server]
host = "127.0.0.1"

[agents.front]
agent = "vendor"
voip = "vendor"
stt = { use = "vendor", api_key = "hush", model = "nova-2" }
tts = { use = "vendor", api_key = "hush" }
"""


@attrs.frozen
class Terminal:
    """A folder with plugins and a settings file, and a command line in it."""

    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "dialog.toml"

    def write(self, text: str) -> str:
        self.file.write_text(text, "utf-8")
        return str(self.file)

    def plugins(self) -> Plugins:
        return Plugins(discover([str(self.folder)]))

    def run(self, *args: str) -> Result:
        return CliRunner().invoke(new_cli(self.plugins()), list(args), prog_name="dialogctl")


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.syspath_prepend(tmp_path)
    install_distribution(tmp_path, "dialog-core", POLICIES, entry_point="policies")
    install_distribution(tmp_path, "dialog-vendor", VENDOR, version="2.1")
    found = Terminal(tmp_path)
    found.write(GOOD)
    return found
