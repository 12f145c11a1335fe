from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Protocol

import pytest
from click.testing import Result

from dialog_core.testing.distributions import install_distribution


class Terminal(Protocol):
    @property
    def folder(self) -> Path: ...

    def run(self, *args: str) -> Result: ...


EARS = f"""
from dialog_core.models import ModelSet

@hookimpl
def dialog_models():
    files = {{"ear.onnx": "{hashlib.sha256(b"weights").hexdigest()}"}}
    return (ModelSet("ear", "no requirement", "any", "inside", files, "MIT"),)
"""


@pytest.fixture
def folder(terminal: Terminal, tmp_path: Path) -> Path:
    install_distribution(terminal.folder, "dialog-ears", EARS)
    return tmp_path / "models"


def test_models_of_every_installed_plugin_are_listed(terminal: Terminal, folder: Path) -> None:
    told = terminal.run("models", "list", "--folder", str(folder)).stdout
    assert told == "ear  (MIT)  missing; run: dialogctl models fetch\n"


def test_what_is_there_is_not_fetched_again(terminal: Terminal, folder: Path) -> None:
    (folder / "ear").mkdir(parents=True)
    (folder / "ear" / "ear.onnx").write_bytes(b"weights")
    told = terminal.run("models", "fetch", "ear", "--folder", str(folder)).stdout
    assert told == f"ear: already in {folder / 'ear'}\n"


def test_a_damaged_file_shows_when_it_is_checked(terminal: Terminal, folder: Path) -> None:
    (folder / "ear").mkdir(parents=True)
    (folder / "ear" / "ear.onnx").write_bytes(b"weig")
    assert "missing" not in terminal.run("models", "list", "--folder", str(folder)).stdout
    assert "missing" in terminal.run("models", "list", "--check", "--folder", str(folder)).stdout


def test_a_model_that_cannot_be_fetched_is_told(terminal: Terminal, folder: Path) -> None:
    result = terminal.run("models", "fetch", "--folder", str(folder))
    assert result.exit_code == 1
    assert "no requirement: pip could not download it" in result.output


def test_a_misspelt_model_is_corrected(terminal: Terminal, folder: Path) -> None:
    result = terminal.run("models", "fetch", "eer", "--folder", str(folder))
    assert result.exit_code == 2
    assert "no model 'eer'; did you mean 'ear'?" in result.output
