"""The plugin is built on dialog's public names alone, as anybody's plugin is."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

HERE = Path(__file__).parent.parent
PAGES = HERE.parent.parent / "docs"
"""dialog's documentation, where this plugin lies in dialog's own repository."""
FILES = sorted([*HERE.glob("dialog_assemblyai/**/*.py"), *HERE.glob("tests/*.py")])


@attrs.frozen
class Import:
    """A name taken from a module of dialog."""

    module: str
    name: str


def imports_of(tree: ast.AST) -> Iterator[Import]:
    """What a file takes from dialog."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "dialog_core":
            yield from (Import(node.module or "", alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            taken = [each.name for each in node.names if each.name.split(".")[0] == "dialog_core"]
            yield from (Import(name, "") for name in taken)


USED = sorted(
    {found for path in FILES for found in imports_of(ast.parse(path.read_text("utf-8")))},
    key=str,
)


def test_something_is_used() -> None:
    assert Import("dialog_core", "Factory") in USED


@pytest.mark.parametrize("used", USED, ids=lambda used: f"{used.module}.{used.name}")
def test_what_is_used_is_public(used: Import) -> None:
    assert not any(part.startswith("_") for part in f"{used.module}.{used.name}".split("."))
    assert used.name in importlib.import_module(used.module).__all__


@pytest.mark.parametrize("used", USED, ids=lambda used: f"{used.module}.{used.name}")
def test_what_is_used_is_documented(used: Import) -> None:
    if not PAGES.is_dir():
        pytest.skip("the plugin lies outside of dialog's repository")
    pages = [page.read_text("utf-8") for page in PAGES.glob("reference/*.md")]
    told = (used.module, f"{used.module.replace('.', '/')}.py")

    assert any(
        (f"`{used.name}`" in page or f"### {used.name}\n" in page)
        for page in pages
        if any(module in page for module in told)
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_inner_part_of_anything_is_touched(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    touched = {
        f"{ast.unparse(node.value)}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.endswith("__")
    }

    assert {name for name in touched if not name.startswith("self._")} == set()
