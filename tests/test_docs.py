"""The documentation is complete, and says what the code says; see test_snippets.py for what of it runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import get_args, get_type_hints

import attrs
import pytest

from dialog_core import errors
from dialog_core.cli.main import DISTRIBUTIONS
from dialog_core.cli.plugins import facts, settings_of
from dialog_core.converter import options_of
from dialog_core.engine.speech import SpeechEngineSettings
from dialog_core.observe.observations import ProviderTimed
from dialog_core.plugins import KINDS, Plugins
from dialog_core.policies import barge_in, endpointers, vad
from dialog_core.settings import ResolvedAgent, Settings, TurnSettings
from dialog_core.turns.gate import GateSettings
from dialog_core.turns.machine import TRANSITIONS
from dialog_core.turns.state import Phase
from tests.documents import (
    FENCE,
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

REFERENCE = ROOT / "docs" / "reference"
LINK = re.compile(r"\[[^\]]*\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)")
ELSEWHERE = re.compile(r"(?<![\w/.~])/(?:home|root|Users|work|opt|tmp)/\S*")


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
    prose = FENCE.sub("", page.read_text("utf-8"))
    for path, anchor in LINK.findall(prose):
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
    plugins = ("plugins/", "contrib/dialog-")  # their fragments are tried in test_snippets.py
    core = [block for block in blocks if not block.page.startswith(plugins)]

    assert [str(block) for block in core if not block.name] == []


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


@pytest.mark.parametrize("cls", [*core_settings()], ids=lambda cls: cls.__name__)
def test_every_setting_has_a_row(cls: type) -> None:
    page = reference("settings")
    rows = (f"| `{key}` | {', '.join(facts(field))} |" for key, field in settings_of(cls))

    assert [row for row in rows if row not in page] == []


def test_every_kind_of_component_is_named() -> None:
    page = reference("settings")
    plain = options_of(ResolvedAgent)

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
        endpointers.AdaptiveSettings,
        endpointers.ProviderSettings,
    ),
    "barge_in": (
        barge_in.HardCutSettings,
        barge_in.SoftFadeSettings,
        barge_in.MinWordsSettings,
        barge_in.BackchannelSettings,
    ),
}


def is_text(cls: type, field: attrs.Attribute[object]) -> bool:
    """Whether a setting is a name or a sentence, and so no threshold."""
    kind = get_type_hints(cls)[field.name]
    return kind is str or str in get_args(kind)


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
        if not is_text(cls, field)
    }

    assert told == wanted
    assert [row[0] for row in rows if not (row[3] and row[4])] == []


@pytest.mark.requirement("D.2")
def test_the_machines_table_is_the_machines() -> None:
    page = (ROOT / "docs/explanation/turn-machine.md").read_text("utf-8")
    lines = [line for line in page.splitlines() if line.startswith(("| `", "| event |"))]
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
            if kind != "models" and f"`{'command' if kind == 'commands' else kind}`" not in row
        ]

    assert missing == []
