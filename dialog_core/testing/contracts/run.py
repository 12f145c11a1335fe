"""Runs the conformance kit on an installed plugin, without the plugin's tests and without this repository."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dialog_core.errors import PluginError
from dialog_core.plugins import Installed, discover
from dialog_core.testing.contracts.contract import Contract
from dialog_core.testing.contracts.kit import Kit

__all__ = ["contract_of", "discover_kits", "run_kits", "test_classes"]

CONTRACTS: Mapping[str, str] = {
    "voip": "VoipContract",
    "stt": "SttContract",
    "tts": "TtsContract",
    "llm": "LlmContract",
    "vad": "VadContract",
    "endpointer": "EndpointerContract",
    "barge_in": "BargeInContract",
}
"""The contract of each kind, in the module of this package that is called like the kind."""
PLACES = ("kits", "testing")
"""Modules of a plugin in which ``kits()`` is looked for."""
TESTS = """
from dialog_core.testing.contracts.run import test_classes
globals().update(test_classes({name!r}))
"""
PLUGINS = ("anyio.pytest_plugin", "dialog_core.testing.pytest_plugin")


def contract_of(kind: str) -> type[Any]:
    """The contract class of a kind of component."""
    contract: type[Any] = getattr(
        import_module(f"dialog_core.testing.contracts.{kind}"), CONTRACTS[kind]
    )
    return contract


def installed(name: str) -> Installed:
    """The entry point of this name. Raises: PluginError."""
    found = discover()
    for plugin in found:
        if plugin.name == name:
            return plugin
    known = ", ".join(sorted(plugin.name for plugin in found))
    raise PluginError(name, f"is not installed; installed: {known}")


def discover_kits(name: str) -> tuple[Kit, ...]:
    """What ``kits()`` of an installed plugin returns. Raises: PluginError if it has none."""
    plugin = installed(name)
    for place in PLACES:
        module = f"{plugin.module}.{place}"
        if has_module(module) and hasattr(found := import_module(module), "kits"):
            return tuple(found.kits())
    raise PluginError(name, f"brings no kits; define kits() in {plugin.module}.testing")


def has_module(name: str) -> bool:
    """Whether there is such a module; its package is imported."""
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # the plugin is a single file, not a package
        return False


def test_classes(name: str) -> dict[str, type]:
    """A test class for each kit of an installed plugin, by a name that pytest collects. Raises: PluginError."""
    return {f"Test_{label(kit)}": test_class(kit) for kit in discover_kits(name)}


test_classes.__test__ = False  # type: ignore[attr-defined] # not a test, whatever its name says


def label(kit: Kit) -> str:
    """A kit's name as an identifier."""
    words = "_".join(filter(None, (kit.kind, kit.name, kit.variant)))
    return "".join(letter if letter.isalnum() else "_" for letter in words)


def test_class(kit: Kit) -> type:
    """The contract of the kit's kind, with the kit."""
    contract = contract_of(kit.kind)
    bases = (contract,) if issubclass(contract, Contract) else (contract, Contract)
    return type(f"Test_{label(kit)}", bases, {"kit": kit})


def run_kits(name: str, report: Path | None = None) -> int:
    """Test an installed plugin with all its kits; returns pytest's exit code, 0 if all is well.

    report: where to write what was proved. Runs in a process of its own, which no file of the current folder touches.
    """
    discover_kits(name)  # so that a missing kit is one sentence, not a page of pytest's
    with TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "test_kits.py").write_text(TESTS.format(name=name), "utf-8")
        (place / "pytest.ini").write_text("[pytest]\n", "utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider"]
        for plugin in PLUGINS:
            command += ["-p", plugin]
        if report is not None:
            command += ["--contract-report", str(report.absolute())]
        environ = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
        paths = [path for path in sys.path if path]
        environ["PYTHONPATH"] = os.pathsep.join(paths)
        return subprocess.run(command, cwd=place, env=environ, check=False).returncode  # noqa: S603 - our own words
