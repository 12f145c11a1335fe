"""What an operator may set, and is told."""

from __future__ import annotations

from typing import Any

import pytest
from dialog_core import Secret
from dialog_core.testing.contracts import choose

from dialog_assemblyai.settings import AssemblyAISettings
from dialog_assemblyai.testing import kits


def settings(**given: Any) -> AssemblyAISettings:
    return AssemblyAISettings(api_key=Secret("test-key"), **given)


@pytest.mark.parametrize(
    "given",
    [
        {"patience": 3.0},
        {"min_turn_silence": 2.0, "max_turn_silence": 1.0},
        {"keyterms": ("x" * 51,)},
        {"keyterms": ("",)},
        {"keyterms": ("x",) * 101},
        {"send_every": 0.02},
    ],
)
def test_what_cannot_work_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        settings(**given)


def test_what_has_no_effect_is_told() -> None:
    told = settings(format_turns=True, end_of_turn_confidence=0.5).without_effect()

    assert {key for key, _ in told} == {"format_turns", "end_of_turn_confidence"}
    assert (
        list(settings(model="universal-streaming-english", format_turns=True).without_effect())
        == []
    )


def test_a_settings_file_may_set_all_of_it() -> None:
    chosen = choose(kits()[0], keyterms=["Miller"], turns=True)

    assert chosen.settings.keyterms == ("Miller",)
