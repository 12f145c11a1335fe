"""What an agent is made of where its table does not say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from dialog_core.errors import PluginError
from dialog_core.observe.observations import Observation, Trouble
from dialog_core.plugins import Plugins, discover
from dialog_core.process import open_process
from dialog_core.settings import ResolvedAgent, Settings, load, parse_override
from dialog_core.testing.distributions import install_distribution
from dialog_core.testing.vendor import in_memory

POLICIES = """
from dialog_core.policies.vad import ENERGY

dialog_vad = hookimpl(lambda: (ENERGY,), specname="dialog_vad")
dialog_endpointer = hookimpl(
    lambda: tuple(Factory(n, NoSettings, make) for n in ("heuristic", "adaptive")), specname="dialog_endpointer")
@attrs.frozen
class Cut:
    after: float = setting(default=0.3, help="speech")

dialog_barge_in = hookimpl(
    lambda: (Factory("hard-cut", Cut, make), Factory("backchannel", NoSettings, make)), specname="dialog_barge_in")
dialog_observer = hookimpl(lambda: (Factory("log", NoSettings, make),), specname="dialog_observer")
"""
VENDOR = """
from dialog_core.testing.fakes import FakeTts

vendor = lambda name, build=make: (Factory(name, NoSettings, build),)
dialog_voip = hookimpl(lambda: vendor("vendor"), specname="dialog_voip")
dialog_stt = hookimpl(lambda: vendor("vendor"), specname="dialog_stt")
dialog_tts = hookimpl(lambda: vendor("vendor", lambda *_: FakeTts()), specname="dialog_tts")
dialog_agent = hookimpl(lambda: vendor("vendor"), specname="dialog_agent")
"""
SILERO = """
@hookimpl
def dialog_vad():
    return (Factory("silero", NoSettings, make),)
"""
BROKEN_MODEL = """
def build(settings, services):
    raise OSError("no model here")

@hookimpl
def dialog_vad():
    return (Factory("silero", NoSettings, build),)
"""
FILE = """
[agents.front]
agent = "vendor"
voip = "vendor"
stt = "vendor"
tts = "vendor"
"""


@attrs.frozen
class Desk:
    """A folder with a settings file that names no voice detector; the core and a vendor are installed there."""

    folder: Path

    @property
    def plugins(self) -> Plugins:
        return Plugins(discover([str(self.folder)]))

    def install(self, distribution: str, source: str) -> None:
        install_distribution(self.folder, distribution, source)

    def load(self, *overrides: str) -> Settings:
        file = self.folder / "dialog.toml"
        file.write_text(FILE, "utf-8")
        parsed = [parse_override(override) for override in overrides]
        return load(file, overrides=parsed, environ={}, plugins=self.plugins)

    def front(self, *overrides: str) -> ResolvedAgent:
        return self.load(*overrides).agents["front"]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.syspath_prepend(tmp_path)
    install_distribution(tmp_path, "dialog-core", POLICIES, entry_point="policies")
    install_distribution(tmp_path, "dialog-vendor", VENDOR)
    return Desk(tmp_path)


def test_silero_is_the_voice_detector_where_it_is_installed(desk: Desk) -> None:
    desk.install("dialog-silero", SILERO)

    agent = desk.front()

    assert (agent.vad.name, str(agent.vad.plugin)) == ("silero", "dialog-silero 1.0")
    assert agent.defaults["vad"] == "dialog-silero is installed"


def test_the_energy_detector_stands_in_where_it_is_not(desk: Desk) -> None:
    agent = desk.front()

    assert agent.vad.name == "energy"
    assert agent.defaults["vad"].startswith(
        "dialog-silero is not installed; pip install dialog-silero, and "
    )


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ('plugins.deny=["dialog-silero"]', "is denied; take it out of plugins.deny, and "),
        ('plugins.allow=["vendor"]', "is not allowed; add it to plugins.allow, and "),
    ],
)
def test_a_plugin_that_may_not_be_used_is_no_default(desk: Desk, rule: str, told: str) -> None:
    desk.install("dialog-silero", "raise AssertionError('imported')")

    agent = desk.front(rule)

    assert agent.vad.name == "energy"
    assert agent.defaults["vad"].startswith(f"dialog-silero {told}")


@pytest.mark.parametrize("use", ["energy", "own"])
def test_what_is_named_is_what_is_used(desk: Desk, use: str) -> None:
    desk.install("dialog-silero", "raise AssertionError('imported')")
    desk.install("dialog-own", SILERO.replace("silero", "own"))

    agent = desk.front(f"agents.front.vad={use}")

    assert agent.vad.name == use
    assert set(agent.defaults) == {"endpointer", "barge_in"}


def test_somebody_elses_silero_must_be_named(desk: Desk) -> None:
    desk.install("acme-silero", SILERO)

    assert desk.front().vad.name == "energy"
    assert str(desk.front("agents.front.vad=silero").vad.plugin) == "acme-silero 1.0"


def test_two_of_the_name_leave_no_doubt_which_is_the_default(desk: Desk) -> None:
    desk.install("acme-silero", SILERO)
    desk.install("dialog-silero", SILERO)

    assert str(desk.front().vad.plugin) == "dialog-silero 1.0"


def test_an_installed_plugin_that_is_broken_is_told_and_not_passed_over(desk: Desk) -> None:
    desk.install("dialog-silero", "import no_such_module")

    with pytest.raises(PluginError, match=r"dialog-silero 1\.0 cannot be imported"):
        desk.front()
    assert desk.front("agents.front.vad=energy").vad.name == "energy"


def test_agents_that_name_it_and_agents_that_do_not_share_one_model(desk: Desk) -> None:
    desk.install("dialog-silero", SILERO)

    assert desk.front().vad == desk.front("agents.front.vad=silero").vad


@pytest.mark.anyio
@pytest.mark.requirement("B.14")
async def test_a_default_that_cannot_be_made_leaves_the_energy_detector(
    desk: Desk,
) -> None:
    desk.install("dialog-silero", BROKEN_MODEL)
    settings = desk.load()
    observed: list[Observation] = []

    async with (
        in_memory({}) as services,
        open_process(settings, services=services, plugins=desk.plugins, observe=observed.append),
    ):
        pass

    assert settings.agents["front"].vad.name == "silero"
    [trouble] = [seen for seen in observed if isinstance(seen, Trouble)]
    assert trouble.where == "vad silero"
    assert "the energy detector stands in" in str(trouble)


def test_loading_imports_neither_the_model_nor_its_runtime(tmp_path: Path) -> None:
    pytest.importorskip("dialog_silero")
    pytest.importorskip("dialog_twilio")
    voip = (
        '{ use = "twilio", account_sid = "AC00000000000000000000000000000000", auth_token = "key" }'
    )
    file = tmp_path / "dialog.toml"
    file.write_text(
        f'[agents.front]\nvoip = {voip}\nagent = "chat"\nllm = {{ use = "openai", api_key = "k", model = "m" }}\n'
        'stt = { use = "deepgram", api_key = "k" }\ntts = { use = "cartesia", api_key = "k", voice = "v" }\n',
        "utf-8",
    )
    code = (
        "import sys\nfrom dialog_core.settings import load\n"
        "print(load(sys.argv[1]).agents['front'].vad.name)\n"
        "print([name for name in ('onnxruntime', 'dialog_silero.model') if name in sys.modules])\n"
    )

    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines() == ["silero", "[]"]
