"""A pytest plugin: ``--contract-report FILE`` writes what the conformance kit proved of each kit, as JSON and as text.

An ability that a kit claims is *proven* when every test that shows it has passed; what is not claimed is listed, too.
"""

from __future__ import annotations

import enum
import json
import platform
from collections.abc import Generator
from pathlib import Path
from typing import Any

import attrs
import pytest

from dialog_core.contract import VERSIONS
from dialog_core.net.version import VERSION

__all__ = ["KitResult", "Reporter", "readable"]

OPTION = "--contract-report"


@attrs.define(eq=False)
class KitResult:
    """What became of one kit's tests."""

    kit: Any
    passed: int = 0
    failed: dict[str, str] = attrs.field(factory=dict)
    """Test and message."""
    left_out: dict[str, str] = attrs.field(factory=dict)
    """Test and reason."""
    shown: dict[str, str] = attrs.field(factory=dict)
    """Abilities that tests are about, and what became of those: proven, failed or not shown."""

    @property
    def name(self) -> str:
        """The component, and which of its kits."""
        return f"{self.kit.name} ({self.kit.variant})" if self.kit.variant else str(self.kit.name)

    def note(self, test: str, ability: str | None, report: pytest.TestReport) -> None:
        """Take one phase of a test."""
        if report.failed:
            self.failed[test] = last_line(report)
        elif report.skipped:
            self.left_out[test] = reason_of(report)
        elif report.when == "call":
            self.passed += 1
        if ability is not None:
            self._show(ability, report)

    def _show(self, ability: str, report: pytest.TestReport) -> None:
        before = self.shown.setdefault(ability, "not shown")
        if report.failed:
            self.shown[ability] = "failed"
        elif report.when == "call" and report.passed and before == "not shown":
            self.shown[ability] = "proven"

    def abilities(self) -> dict[str, str]:
        """Each ability: proven, failed, not shown because its tests were left out, or not claimed."""
        claimed = {word(each) for each in self.kit.abilities}
        whole = "failed" if self.failed or not self.passed else "proven"
        result = {ability: self.shown.get(ability, whole) for ability in sorted(claimed)}
        return result | dict.fromkeys(sorted(self.shown.keys() - claimed), "not claimed")

    def told(self) -> dict[str, object]:
        """The result as JSON values."""
        kind = str(self.kit.kind)
        return {
            "component": self.kit.name,
            "variant": self.kit.variant,
            "kind": kind,
            "contract": VERSIONS.get(kind, ""),
            "distribution": distribution_of(kind, self.kit),
            "abilities": self.abilities(),
            "passed": self.passed,
            "failed": self.failed,
            "left out": self.left_out,
        }


def word(ability: object) -> str:
    """An ability's name."""
    return str(ability.value) if isinstance(ability, enum.Enum) else str(ability)


def last_line(report: pytest.TestReport) -> str:
    """What a failure said, in a line."""
    crash = getattr(report.longrepr, "reprcrash", None)
    lines = str(crash.message if crash else report.longrepr).strip().splitlines()
    return lines[0] if lines else ""


def reason_of(report: pytest.TestReport) -> str:
    """Why a test was not run."""
    where = report.longrepr
    return str(where[2]).removeprefix("Skipped: ") if isinstance(where, tuple) else str(where)


def distribution_of(kind: str, kit: Any) -> str:
    """The distribution that the component comes from, with its version."""
    from dialog_core.testing.contracts.component import choose  # noqa: PLC0415 - only for a report

    plugin = choose(kit).plugin
    return str(plugin) if plugin is not None else kind


@attrs.define(eq=False)
class Reporter:
    """Collects results during a run."""

    file: Path
    results: dict[int, KitResult] = attrs.field(factory=dict)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self,
        item: pytest.Item,
        call: pytest.CallInfo[None],  # noqa: ARG002 - the hook's own signature
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Take a report of a test that has a kit."""
        report = yield
        cls = getattr(item, "cls", None)
        kit = getattr(cls, "kit", None)
        if kit is not None and hasattr(kit, "abilities"):
            ability = getattr(getattr(item, "function", None), "proves", None)
            result = self.results.setdefault(id(kit), KitResult(kit))
            result.note(item.name, None if ability is None else word(ability), report)
        return report

    def pytest_sessionfinish(self) -> None:
        """Write both files."""
        document = {
            "dialog": VERSION,
            "python": platform.python_version(),
            "kits": [result.told() for result in self.results.values()],
        }
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", "utf-8")
        self.file.with_suffix(".txt").write_text(readable(document), "utf-8")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say where it is."""
        terminalreporter.write_line(f"contract report: {self.file}")


def readable(document: Any) -> str:
    """The report as text."""
    lines = [f"dialog {document['dialog']}, Python {document['python']}"]
    for kit in document["kits"]:
        variant = f" ({kit['variant']})" if kit["variant"] else ""
        lines += ["", f"{kit['component']}{variant}: {kit['kind']} contract {kit['contract']}"]
        lines.append(f"  from {kit['distribution']}")
        lines.append(f"  {kit['passed']} passed, {len(kit['failed'])} failed")
        lines += [f"  {state:<12} {name}" for name, state in kit["abilities"].items()]
        lines += [f"  FAILED {test}: {message}" for test, message in kit["failed"].items()]
        lines += [f"  left out {test}: {reason}" for test, reason in kit["left out"].items()]
    return "\n".join(lines) + "\n"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    group = parser.getgroup("dialog")
    group.addoption(
        OPTION,
        metavar="FILE",
        help="write what the conformance kit proved: JSON, and text beside it",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Report, if it is wanted."""
    file = config.getoption(OPTION)
    if file:
        config.pluginmanager.register(Reporter(Path(file).absolute()), "dialog-contract-report")
