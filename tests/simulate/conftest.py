"""Says which seed the fresh calls and turns of this run began with, so that it can be run again."""

from __future__ import annotations

import pytest

from dialog_core.testing.pytest_plugin import virtual_backend as anyio_backend
from tests.simulate.amounts import CALLS, FRESH_SEED, TURNS

__all__ = ["anyio_backend", "pytest_terminal_summary"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A line at the end of the run."""
    told = f"DIALOG_SEED={FRESH_SEED} DIALOG_SIMULATED_CALLS={CALLS} DIALOG_SIMULATED_TURNS={TURNS}"
    terminalreporter.write_line(f"simulated with {told}")
