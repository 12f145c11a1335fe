"""The bakery's scenario files, in pytest."""

from __future__ import annotations

from pathlib import Path

from dialog_core.testing.simulate import check_scenario


def test_callers_learn_when_it_opens() -> None:
    check_scenario(Path(__file__).with_name("opening-hours.toml"))
