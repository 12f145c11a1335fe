"""The page on turn-taking tells the measured figures, and what each default rests on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from contrib.quality.page import LATEST, LINES, by_line, tables
from contrib.quality.run import DEFAULT_DETECTOR
from dialog_core.defaults import DEFAULT_COMPONENTS
from dialog_core.policies.barge_in import BackchannelSettings, HardCutSettings
from dialog_core.policies.endpointers import AdaptiveSettings, HeuristicSettings
from dialog_core.turns.gate import GateSettings

PAGE = (Path(__file__).parents[2] / "docs/explanation/turn-taking.md").read_text()
NAMED = re.compile(r"\b([A-Z][a-z]+) (\d{4})\b")
FIELDS = ("voice activity", "turn-taking", "speech recognition")


def defaults() -> Iterator[tuple[str, Any]]:
    """Each number of the default stack, as a settings file would write it."""
    after = DEFAULT_COMPONENTS["barge_in"][0]["after"]
    parts: dict[str, attrs.AttrsInstance] = {
        "gate": GateSettings(),
        "heuristic": HeuristicSettings(),
        "adaptive": AdaptiveSettings(),
        "hard-cut": HardCutSettings(after=after),
        "backchannel": BackchannelSettings(),
    }
    for name, settings in parts.items():
        for field in attrs.fields(type(settings)):
            value = getattr(settings, field.name)
            if isinstance(value, int | float) and not isinstance(value, bool):
                yield f"{name}.{field.name}", value


def row_of(setting: str) -> str:
    """The row that tells of a setting."""
    rows = [line for line in PAGE.splitlines() if line.startswith("|") and f"`{setting}`" in line]
    assert len(rows) == 1, f"{setting} is not in the table of defaults once"
    return rows[0]


@pytest.mark.requirement("D.41")
@pytest.mark.parametrize(("setting", "value"), tuple(defaults()))
def test_each_number_of_the_default_stack_names_what_it_rests_on(
    setting: str, value: float
) -> None:
    row = row_of(setting)
    _, names, numbers, source, _ = row.split("|")
    told = [number.strip() for number in numbers.split(",")]
    place = names.split(",").index(next(name for name in names.split(",") if setting in name))
    assert float(told[min(place, len(told) - 1)]) == value
    assert NAMED.search(source) or "the corpus" in source


@pytest.mark.requirement("D.41")
def test_whoever_is_named_is_in_the_literature() -> None:
    before, literature = PAGE.split("## Literature\n")
    rests = before.split("### Where the defaults come from")[1]
    named = {(name, year) for name, year in NAMED.findall(rests)}
    assert named
    entries = [" ".join(entry.split()) for entry in literature.split("\n- ")]
    missing = [
        f"{name} {year}"
        for name, year in sorted(named)
        if not any(name in entry and year in entry for entry in entries)
    ]
    assert missing == []


@pytest.mark.requirement("D.41")
@pytest.mark.parametrize("field", FIELDS)
def test_the_literature_covers_detection_turns_and_recognition(field: str) -> None:
    assert field in " ".join(PAGE.split("## Literature\n")[1].split()).lower()


def test_what_the_better_voice_detector_brings_is_what_was_measured() -> None:
    figures = json.loads(LATEST.read_text())
    rows = by_line(figures)
    without, there = (rows[LINES[f"{name}, quiet"]] for name in ("energy", DEFAULT_DETECTOR))
    assert DEFAULT_COMPONENTS["vad"].gain == (
        f"false barge-ins fall from {without['false']:.0f} % to {there['false']:.0f} %, "
        f"turns cut off from {without['cut off']:.0f} % to {there['cut off']:.0f} %"
    )


def test_on_the_whole_corpus_the_default_stack_keeps_what_is_asked_of_it() -> None:
    row = by_line(json.loads(LATEST.read_text()))[LINES[f"{DEFAULT_DETECTOR}, quiet"]]
    assert row["wait"] <= 500
    assert row["cut off"] <= 2
    assert row["missed"] == 0
    assert row["yields"] <= 220
    assert row["yields p95"] <= 450
    assert row["false"] <= 3


def test_the_tables_are_those_of_the_latest_results() -> None:
    for table in tables(json.loads(LATEST.read_text())):
        assert table in PAGE, f"run: python -m contrib.quality.page\n{table}"
