"""The documentation is true: made from the code where it can be, run where it is code, and complete."""

from __future__ import annotations

import ast
import importlib
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs
import httpx
import pytest
from starlette.applications import Starlette

from dialog_core import errors
from dialog_core.cli.main import DISTRIBUTIONS
from dialog_core.cli.plugins import facts, settings_of
from dialog_core.engine.speech import SpeechEngineSettings
from dialog_core.observe import observations
from dialog_core.observe.observations import ProviderTimed
from dialog_core.plugins import KINDS, Plugins, discover
from dialog_core.policies import barge_in, endpointers, vad
from dialog_core.settings import ResolvedAgent, Settings, TurnSettings, load
from dialog_core.testing.calls import in_call
from dialog_core.testing.line import FakeLine
from dialog_core.testing.vendor import in_memory
from dialog_core.turns.gate import GateSettings
from dialog_core.turns.records import BargeIn
from tests.documents import (
    ROOT,
    Block,
    blocks_of,
    classes_of,
    current,
    documented_commands,
    hooks,
    pages,
    transition_of,
)

SNIPPETS = ROOT / "docs" / "snippets"
REFERENCE = ROOT / "docs" / "reference"
LINK = re.compile(r"\[[^\]]*\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)")
ENVIRON = {
    "PUBLIC_URL": "https://voice.example.com",
    "TWILIO_ACCOUNT_SID": f"AC{'0' * 32}",
    "DIALOG_SECRET": "x" * 32,
}
"""What the settings files look up; the rest are keys, of which any will do."""
ELSEWHERE = re.compile(r"(?<![\w/.~])/(?:home|root|Users|work|opt|tmp)/\S*")


def environ_of(text: str) -> Mapping[str, str]:
    names = re.findall(r'env = "(\w+)"', text)
    return {name: ENVIRON.get(name, "acme-test") for name in names}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def headings(text: str) -> set[str]:
    return set(re.findall(r"^#+ (.+)$", text, re.MULTILINE))


def code_blocks(language: str, *patterns: str) -> Iterator[Block]:
    for page in pages():
        if any(page.match(pattern) for pattern in patterns):
            yield from (block for block in blocks_of(page) if block.language == language)


# --- what stands on the pages ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_a_page_says_what_the_code_says(page: Path) -> None:
    text = page.read_text("utf-8")

    assert text == current(text), "write it anew: python -m tests.documents"


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for path, anchor in LINK.findall(page.read_text("utf-8")):
        target = (page.parent / path).resolve() if path else page
        known = {re.sub(r"[^\w\- ]", "", h).replace(" ", "-").lower() for h in headings_of(target)}
        if not target.exists() or (anchor and anchor not in known):
            broken.append(f"{path}#{anchor}")

    assert broken == []


def headings_of(page: Path) -> set[str]:
    return headings(page.read_text("utf-8")) if page.suffix == ".md" and page.exists() else set()


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_a_page_names_no_place_on_somebodys_machine(page: Path) -> None:
    assert ELSEWHERE.findall(page.read_text("utf-8")) == []


def test_every_snippet_of_the_documentation_is_a_file() -> None:
    own = ("README.md", "docs/**/*.md", "docs/*.md", "contrib/**/README.md")
    blocks = [*code_blocks("python", *own), *code_blocks("toml", *own)]
    core = [block for block in blocks if not block.page.startswith("plugins/")]

    assert [str(block) for block in core if not block.name] == []


# --- what runs ------------------------------------------------------------------------------------------------------


def plugins_with_acme(folder: Path, patch: pytest.MonkeyPatch) -> Plugins:
    """All that is installed, and the documentation's two plugins as their own project files describe them."""
    for project in SNIPPETS.glob("dialog-acme-*/pyproject.toml"):
        patch.syspath_prepend(project.parent)
        told = tomllib.loads(project.read_text("utf-8"))["project"]
        info = folder / f"{told['name'].replace('-', '_')}-{told['version']}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {told['name']}\n", "utf-8")
        points = told["entry-points"]["dialog.plugins"]
        lines = [f"{name} = {module}" for name, module in points.items()]
        (info / "entry_points.txt").write_text("\n".join(["[dialog.plugins]", *lines]), "utf-8")
    return Plugins((*discover(), *discover([str(folder)])))


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ResolvedAgent:
    file = SNIPPETS / "acme" / "dialog.toml"
    plugins = plugins_with_acme(tmp_path, monkeypatch)
    return load(file, environ=environ_of(file.read_text()), plugins=plugins).agents["reception"]


@pytest.mark.anyio
async def test_the_stt_plugin_hears_a_call(acme: ResolvedAgent) -> None:
    from dialog_acme_stt.testing import FakeAcme

    fake = FakeAcme(["Is anybody there?", "A table for two."])
    line = FakeLine()
    async with in_memory(fake.app) as services:
        agent, stt = acme.agent.build(services), acme.stt.build(services)
        async with in_call(line, agent, stt=stt) as call:
            await line.listen()
            await line.say("any words: the fake hears its script")
            await line.listen()
            await line.say("and again")
            await line.listen()
    assert call.history.heard().splitlines() == [
        "Hello.",
        "+15550001111, you said: Is anybody there?",
        "+15550001111, you said: A table for two.",
    ]


@pytest.mark.anyio
async def test_the_stt_plugin_loses_no_word_with_its_socket(acme: ResolvedAgent) -> None:
    from dialog_acme_stt.testing import FakeAcme

    fake = FakeAcme(["Is anybody there?"], drops_after=2.4)
    line = FakeLine()
    async with in_memory(fake.app) as services:
        agent, stt = acme.agent.build(services), acme.stt.build(services)
        async with in_call(line, agent, stt=stt) as call:
            await line.wait(2.0)
            await line.say("three words now")
            await line.listen()
    assert fake.connections == 2
    (turn,) = [e.utterance for e in call.history.entries if e.utterance is not None]
    assert turn.text == "Is anybody there?"
    assert turn.started == pytest.approx(2.0, abs=0.1)


@pytest.mark.anyio
async def test_the_tts_plugin_speaks_in_a_call(acme: ResolvedAgent) -> None:
    from dialog_acme_tts.testing import FakeAcme

    fake = FakeAcme()
    line = FakeLine()
    async with in_memory(fake.app) as services:
        agent, tts = acme.agent.build(services), acme.tts.build(services)
        async with in_call(line, agent, tts=tts) as call:
            await line.listen()
            await line.say("I have a question about my very long order.")
            await line.wait(2.5)
            await line.say("Stop, please.")
            await line.listen()
    assert fake.spoken[0] == "Hello."
    (cut,) = [record for record in call.records if isinstance(record, BargeIn)]
    assert "+15550001111, you said: I have".startswith(cut.heard)
    assert call.history.heard().endswith("you said: Stop, please.")


@pytest.mark.anyio
async def test_the_tts_plugin_says_whose_fault_it_is(acme: ResolvedAgent) -> None:
    from dialog_acme_tts.testing import FakeAcme

    line = FakeLine()
    async with in_memory(FakeAcme(status=503).app) as services:
        agent, tts = acme.agent.build(services), acme.tts.build(services)
        async with in_call(line, agent, tts=tts) as call:
            await line.listen()
    troubles = [seen.detail for seen in call.observed if isinstance(seen, observations.Trouble)]
    assert troubles == ["acme-tts tts: refused (status 503)"]
    assert call.history.heard() == "Sorry, something went wrong."


@pytest.mark.parametrize(
    "file",
    [*SNIPPETS.glob("*/dialog.toml"), *ROOT.glob("contrib/examples/*/dialog.toml")],
    ids=name_of,
)
def test_a_settings_file_loads(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / file.parent.name
    shutil.copytree(file.parent, folder)
    for name in ("fullchain.pem", "privkey.pem"):
        (folder / name).touch()
    monkeypatch.chdir(folder)
    (tmp_path / "found").mkdir()
    plugins = plugins_with_acme(tmp_path / "found", monkeypatch)

    assert load(folder / file.name, environ=environ_of(file.read_text()), plugins=plugins).agents


@pytest.mark.parametrize("block", code_blocks("toml", "plugins/*/README.md"), ids=str)
def test_a_plugins_fragment_of_settings_loads(block: Block, tmp_path: Path) -> None:
    whole = tomllib.loads((ROOT / "contrib/examples/minimal/dialog.toml").read_text("utf-8"))
    fragment = re.sub(r'account_sid = "AC\.\.\."', f'account_sid = "AC{"0" * 32}"', block.content)
    for agent in tomllib.loads(fragment).get("agents", {}).values():
        whole["agents"]["reception"] |= agent
    file = tmp_path / "dialog.toml"
    file.write_text("", "utf-8")
    overrides = list(whole.items())
    environ = environ_of(block.content) | environ_of(
        (ROOT / "contrib/examples/minimal/dialog.toml").read_text("utf-8")
    )

    assert load(file, overrides=overrides, environ=environ).agents


@pytest.mark.parametrize("block", code_blocks("python", "plugins/*/README.md"), ids=str)
def test_a_plugins_fragment_of_code_imports_what_there_is(block: Block) -> None:
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    compile(block.content, str(block), "exec", flags=flags)
    for node in ast.parse(block.content).body:
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module or "")
            assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == []


def test_the_agents_test_passes_where_a_reader_puts_it(tmp_path: Path) -> None:
    folder = tmp_path / "bakery"
    shutil.copytree(SNIPPETS / "bakery", folder, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", "."]

    done = subprocess.run(  # noqa: S603 - our own command
        command, cwd=folder, capture_output=True, text=True, check=False
    )

    assert "2 passed" in done.stdout, done.stdout


@pytest.mark.requirement("A.50")
@pytest.mark.anyio
async def test_the_embedded_application_answers_beside_its_own_pages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = SNIPPETS / "embed" / "dialog.toml"
    for name, value in environ_of(file.read_text()).items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(file.parent)
    app: Starlette = importlib.import_module("app").app
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="https://www.example.com") as client,
    ):
        own = await client.get("/")
        health = await client.get("/voice/health")
        unsigned = await client.post("/voice/reception/twilio/voice")
    assert own.text == "our own page"
    assert health.json()["status"] == "ok"
    assert unsigned.status_code == 403


def test_the_concierges_tool_has_a_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    from dialog_core import Tool

    monkeypatch.syspath_prepend(SNIPPETS / "concierge")
    tool = Tool.of(importlib.import_module("tools").book_table)

    assert tool.spec.description == "Book a table for tonight."
    assert list(tool.spec.parameters["properties"]) == ["guests", "room"]


# --- what must be there ---------------------------------------------------------------------------------------------


def reference(page: str) -> str:
    return (REFERENCE / f"{page}.md").read_text("utf-8")


def test_every_hook_is_documented() -> None:
    assert [name for name in hooks() if f"| `{name}` |" not in reference("hooks")] == []


@pytest.mark.parametrize(
    "module",
    ["messages", "audio", "turns.events", "turns.effects", "turns.records", "turns.policy"],
)
def test_every_message_has_a_heading(module: str) -> None:
    names = {cls.__name__ for cls in classes_of(f"dialog_core.{module}")}

    assert names - headings(reference("messages")) == set()


def test_every_observation_has_a_heading() -> None:
    names = {cls.__name__ for cls in classes_of("dialog_core.observe.observations")}

    assert {ProviderTimed.__name__} <= names <= headings(reference("observations"))


@pytest.mark.requirement("A.8")
def test_every_error_has_a_heading() -> None:
    raised = {name for name in errors.__all__ if issubclass(getattr(errors, name), Exception)}

    assert raised - headings(reference("errors")) == set()


def test_every_command_has_a_heading() -> None:
    page = reference("cli")

    assert {name for name, _ in documented_commands()} - headings(page) == set()
    assert [name for name in DISTRIBUTIONS if f"`dialogctl {name}`" not in page] == []


def core_settings() -> Iterator[type]:
    """The settings classes of the core: the sections of a file, and the built-in components'."""
    for owner in (Settings, ResolvedAgent):
        for field in attrs.fields(owner):
            if isinstance(field.type, type) and attrs.has(field.type):
                yield field.type
    found = Plugins()
    (policies,) = [plugin for plugin in found.installed if plugin.name == "policies"]
    yield from (offer.factory.settings for offer in found.load(policies))


@pytest.mark.parametrize("cls", core_settings(), ids=lambda cls: cls.__name__)
def test_every_setting_has_a_row(cls: type) -> None:
    page = reference("settings")
    rows = (f"| `{key}` | {', '.join(facts(field))} |" for key, field in settings_of(cls))

    assert [row for row in rows if row.replace("float | None", "float \\| None") not in page] == []


def test_every_kind_of_component_is_named() -> None:
    page = reference("settings")
    plain = [field.name for field in attrs.fields(ResolvedAgent) if field.name != "name"]

    assert [
        name for name in (*KINDS, *plain) if f"`{name}`" not in page and f"`{name}s`" not in page
    ] == []


THRESHOLDS: Mapping[str, tuple[type, ...]] = {
    "gate": (GateSettings,),
    "vad": (vad.EnergySettings,),
    "turns": (TurnSettings,),
    "engine": (SpeechEngineSettings,),
    "endpointer": (
        endpointers.AcousticSettings,
        endpointers.HeuristicSettings,
        endpointers.ProviderSettings,
    ),
    "barge_in": (barge_in.HardCutSettings, barge_in.SoftFadeSettings),
}


@pytest.mark.requirement("B.45")
def test_every_threshold_can_be_tuned_by_the_table() -> None:
    table = reference("settings").split("## Tuning")[1]
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in table.splitlines()
        if line.startswith("| `")
    ]
    told = {(re.findall(r"`([\w.]+)`", row[0])[0], row[1], row[2]) for row in rows}
    wanted = {
        (f"{section}.{field.alias}", str(field.default), field.metadata["unit"])
        for section, classes in THRESHOLDS.items()
        for cls in classes
        for field in attrs.fields(cls)
    }

    assert told == wanted
    assert [row[0] for row in rows if not (row[3] and row[4])] == []


@pytest.mark.requirement("D.2")
def test_the_machines_table_is_the_machines() -> None:
    from dialog_core.turns.machine import TRANSITIONS
    from dialog_core.turns.state import Phase

    page = (ROOT / "docs/explanation/turn-machine.md").read_text("utf-8")
    lines = [line for line in page.splitlines() if line.startswith("| `") or "| IDLE |" in line]
    cells = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in lines]
    phases = [Phase[name] for name in cells[0][1:]]
    told = {
        (phase, row[0]): act
        for row in cells[1:]
        for phase, act in zip(phases, row[1:], strict=True)
        if act
    }

    assert told == {
        (phase, event.__name__): transition_of(phase, event) for phase, event in TRANSITIONS
    }
    assert all(f"| {phase.name} |" in page for phase in Phase)


@pytest.mark.requirement("A.1", "A.8", "A.55")
def test_what_was_chosen_and_what_else_there_is_is_said() -> None:
    three_lanes = (ROOT / "docs/explanation/three-lanes.md").read_text("utf-8")
    alternatives = (ROOT / "docs/explanation/alternatives.md").read_text("utf-8")

    assert "speech-to-speech" in three_lanes
    assert [
        name for name in ("LiveKit", "Vapi", "Retell", "Pipecat") if name not in alternatives
    ] == []


def test_every_page_can_be_found_from_the_index() -> None:
    index = (ROOT / "docs/index.md").read_text("utf-8")
    written = [path.relative_to(ROOT / "docs").as_posix() for path in ROOT.glob("docs/**/*.md")]

    assert [path for path in written if path != "index.md" and f"({path})" not in index] == []


def test_the_readme_names_every_plugin_with_what_it_offers() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    rows = {
        line.split("|")[1].strip(): line
        for line in readme.splitlines()
        if line.startswith("| [dialog-")
    }
    missing = []
    for project in ROOT.glob("plugins/*/pyproject.toml"):
        name = project.parent.name
        row = rows.get(f"[{name}](plugins/{name}/README.md)", "")
        hooks_of = re.findall(
            r"def dialog_(\w+)\(",
            next(project.parent.glob("dialog_*/__init__.py")).read_text("utf-8"),
        )
        missing += [
            f"{name}: {kind}"
            for kind in hooks_of
            if f"`{'command' if kind == 'commands' else kind}`" not in row
        ]

    assert missing == []
