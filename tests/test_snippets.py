"""Every piece of code in the documentation runs: settings load, plugins are found and hold calls, tests pass."""

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

import httpx
import pytest
from starlette.applications import Starlette

from dialog_core import Tool
from dialog_core.plugins import Plugins, discover
from dialog_core.settings import load
from tests.documents import ROOT, Block, blocks_of, pages

SNIPPETS = ROOT / "docs" / "snippets"
MINIMAL = ROOT / "contrib" / "examples" / "minimal" / "dialog.toml"
SETTINGS_FILES = [
    *sorted(SNIPPETS.glob("*/dialog.toml")),
    *sorted(ROOT.glob("contrib/examples/*/dialog.toml")),
]
PLUGIN_LINES = re.compile(r"(\d+) lines\s+of\s+code")
ENVIRON = {
    "PUBLIC_URL": "https://voice.example.com",
    "TWILIO_ACCOUNT_SID": f"AC{'0' * 32}",
    "DIALOG_SECRET": "x" * 32,
    "PERSONA": "ada",
    "PORT": "8080",
}
"""What the settings files look up; the rest are keys, of which any will do."""


def environ_of(*texts: str) -> Mapping[str, str]:
    names = re.findall(r'env = "(\w+)"', "\n".join(texts))
    return {name: ENVIRON.get(name, "any-key") for name in names}


def in_readmes(language: str) -> Iterator[Block]:
    """What plugins' own pages show without naming a file."""
    for page in pages():
        if page.parent.name.startswith("dialog-") and page.parent.parent.name in {
            "plugins",
            "contrib",
        }:
            yield from (block for block in blocks_of(page) if block.language == language)


def folder_id(path: Path) -> str:
    return path.parent.name


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plugins:
    """All that is installed, and the documentation's two plugins as their own project files describe them."""
    for project in SNIPPETS.glob("dialog-acme-*/pyproject.toml"):
        monkeypatch.syspath_prepend(project.parent)
        pretend_installed(project, tmp_path / "installed")
    return Plugins((*discover(), *discover([str(tmp_path / "installed")])))


def pretend_installed(project: Path, folder: Path) -> None:
    """Write the metadata that installing a project would leave in a folder."""
    told = tomllib.loads(project.read_text("utf-8"))["project"]
    info = folder / f"{told['name'].replace('-', '_')}-{told['version']}.dist-info"
    info.mkdir(parents=True)
    metadata = f"Metadata-Version: 2.1\nName: {told['name']}\nVersion: {told['version']}\n"
    (info / "METADATA").write_text(metadata, "utf-8")
    points = told["entry-points"]["dialog.plugins"]
    lines = [f"{name} = {module}" for name, module in points.items()]
    (info / "entry_points.txt").write_text("\n".join(["[dialog.plugins]", *lines]), "utf-8")


@pytest.mark.parametrize("file", SETTINGS_FILES, ids=folder_id)
def test_a_settings_file_loads(
    file: Path, plugins: Plugins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("fullchain.pem", "privkey.pem"):
        Path(name).touch()

    assert load(file, environ=environ_of(file.read_text("utf-8")), plugins=plugins).agents


def test_the_hooks_of_the_acme_plugins_are_found_by_entry_point(plugins: Plugins) -> None:
    file = SNIPPETS / "acme" / "dialog.toml"
    agent = load(file, environ=environ_of(file.read_text("utf-8")), plugins=plugins).agents[
        "reception"
    ]

    assert str(agent.stt.plugin) == "dialog-acme-stt 0.1.0"
    assert str(agent.tts.plugin) == "dialog-acme-tts 0.1.0"
    assert agent.llm is not None
    assert str(agent.llm.plugin) == "dialog-acme-llm 0.1.0"
    assert agent.tts.settings.voice == "tenor"


@pytest.mark.parametrize(
    "folder",
    ["bakery", "concierge", "dialog-acme-llm", "dialog-acme-stt", "dialog-acme-tts", "spoken"],
)
def test_the_tests_pass_where_a_reader_puts_them(folder: str, tmp_path: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__", ".pytest_cache")
    shutil.copytree(SNIPPETS / folder, tmp_path / folder, ignore=ignored)
    if (project := tmp_path / folder / "pyproject.toml").exists():
        pretend_installed(project, tmp_path / folder)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", "."]

    done = subprocess.run(  # noqa: S603 - our own command
        command, cwd=tmp_path / folder, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


def test_the_tutorials_plugin_is_short() -> None:
    folder = SNIPPETS / "dialog-acme-llm" / "dialog_acme_llm"
    lines = sum(code_lines(folder / name) for name in ("__init__.py", "session.py"))

    assert lines == int(
        PLUGIN_LINES.findall((ROOT / "docs/tutorial/first-plugin.md").read_text())[0]
    )
    assert lines <= 60


def code_lines(path: Path) -> int:
    """Lines of a file that are neither empty, nor comments, nor documentation."""
    text = path.read_text("utf-8")
    told: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Expr(value=ast.Constant(value=str())):
                told.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines = enumerate(text.splitlines(), 1)
    return sum(
        1
        for number, line in lines
        if number not in told and line.strip() and line.lstrip()[0] != "#"
    )


@pytest.mark.parametrize("block", [*in_readmes("toml")], ids=str)
def test_a_plugins_fragment_of_settings_loads(block: Block, tmp_path: Path) -> None:
    minimal = MINIMAL.read_text("utf-8")
    whole = tomllib.loads(minimal)
    fragment = block.content.replace('"AC..."', f'"{ENVIRON["TWILIO_ACCOUNT_SID"]}"')
    for agent in tomllib.loads(fragment)["agents"].values():
        whole["agents"]["reception"] |= agent
    file = tmp_path / "dialog.toml"
    file.touch()

    assert load(file, overrides=[*whole.items()], environ=environ_of(minimal, fragment)).agents


@pytest.mark.parametrize("block", [*in_readmes("python")], ids=str)
def test_a_plugins_fragment_of_code_imports_what_there_is(block: Block) -> None:
    compile(block.content, str(block), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    for node in ast.parse(block.content).body:
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module or "")
            assert [each.name for each in node.names if not hasattr(module, each.name)] == []


@pytest.mark.requirement("A.50")
@pytest.mark.anyio
async def test_an_embedded_application_answers_beside_its_own_pages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = SNIPPETS / "embed" / "dialog.toml"
    for name, value in environ_of(file.read_text("utf-8")).items():
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
    assert unsigned.status_code == httpx.codes.FORBIDDEN


def test_the_concierges_tool_has_a_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(SNIPPETS / "concierge")
    tool = Tool.of(importlib.import_module("tools").book_table)

    assert tool.spec.description == "Book a table for tonight."
    assert list(tool.spec.parameters["properties"]) == ["guests", "room"]
