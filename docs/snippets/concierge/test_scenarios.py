"""The concierge's scenario files, in pytest."""

from __future__ import annotations

from pathlib import Path

from dialog_core.testing.simulate import check_scenario


def test_a_table_is_booked() -> None:
    check_scenario(Path(__file__).with_name("table-for-four.toml"))
