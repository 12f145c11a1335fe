"""Installing the core and every plugin of this repository brings no vendor's own package.

What would be installed is followed through the metadata of what is: from requirement to requirement, without extras
that nobody asks for. The packages themselves may well be here, for the tests that let them certify our fakes.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from dialog_core.installed import canonical

ROOT = Path(__file__).parents[2]
FILES = [ROOT / "pyproject.toml", *sorted(ROOT.glob("plugins/*/pyproject.toml"))]
"""The core's and each plugin's."""
NAME = re.compile(r"[\w.-]+")
SDKS = frozenset(
    {
        "assemblyai",
        "cartesia",
        "deepgram-sdk",
        "elevenlabs",
        "openai",
        "plivo",
        "telnyx",
        "together",
        "twilio",
    }
)
"""The vendors' own packages."""


def project(file: Path) -> dict[str, Any]:
    """What a project says of itself."""
    described: dict[str, Any] = tomllib.loads(file.read_text("utf-8"))["project"]
    return described


def requirements(name: str, extras: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    """(name, its extras) of what a distribution requires on this machine. Raises: PackageNotFoundError."""
    for requirement in map(Requirement, metadata.requires(name) or []):
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in {"", *extras}):
            yield canonical(requirement.name), frozenset(requirement.extras)


def brought_by(*names: str) -> dict[str, str]:
    """Every distribution that installing these brings, and which of them asked for it."""
    brought = dict.fromkeys(names, "")
    waiting = [(name, frozenset[str]()) for name in names]
    seen = set(waiting)
    while waiting:
        name, extras = waiting.pop()
        for wanted in requirements(name, extras):
            brought.setdefault(wanted[0], name)
            if wanted not in seen:
                seen.add(wanted)
                waiting.append(wanted)
    return brought


def test_the_core_and_all_plugins_bring_no_vendors_package() -> None:
    brought = brought_by(*(project(file)["name"] for file in FILES))
    assert {name: brought[name] for name in SDKS & brought.keys()} == {}
    assert {"anyio", "httpx", "idna"} <= brought.keys()


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(project(file)["name"]))
def test_no_project_asks_for_a_vendors_package_even_as_an_extra(file: Path) -> None:
    described = project(file)
    optional = described.get("optional-dependencies", {}).values()
    asked = [*described["dependencies"], *(each for extra in optional for each in extra)]
    assert SDKS.isdisjoint(canonical(NAME.match(each)[0]) for each in asked)  # type: ignore[index] # all have one


def test_the_list_of_vendors_packages_is_that_of_the_certified_fakes() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
    assert {canonical(Requirement(each).name) for each in groups["certify"]} == SDKS


def test_a_package_is_found_however_far_away_and_behind_an_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    describe(tmp_path, "near", "Requires-Dist: far[voice]", "Requires-Dist: unused; extra == 'y'")
    describe(tmp_path, "far", "Requires-Dist: OpenAI>=1; extra == 'voice'", "Requires-Dist: near")
    describe(tmp_path, "openai")
    monkeypatch.syspath_prepend(tmp_path)
    assert brought_by("near") == {"near": "", "far": "near", "openai": "far"}


def describe(folder: Path, name: str, *lines: str) -> None:
    """Put a distribution's metadata into a folder."""
    described = folder / f"{name}-1.dist-info"
    described.mkdir()
    text = "\n".join(["Metadata-Version: 2.1", f"Name: {name}", "Version: 1", *lines, ""])
    (described / "METADATA").write_text(text, "utf-8")
