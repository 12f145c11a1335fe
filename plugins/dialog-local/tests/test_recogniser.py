from __future__ import annotations

import numpy as np
import pytest
from dialog_local.moonshine import RATE, Heard, read_tokens
from dialog_local.recogniser import STEADY_DB, believable, spread


def test_the_token_table_has_short_and_long_entries() -> None:
    assert read_tokens(b"\x02hi\x01!") == (b"hi", b"!")
    assert read_tokens(bytes([200 - 128 + 128, 1]) + b"x" * 200 + b"\x00") == (b"x" * 200, b"")


@pytest.mark.parametrize(
    "text", ["You", "you.", "\u266a\u266a", "Thank you for watching!", "...", ""]
)
def test_what_the_model_invents_is_not_believed(text: str) -> None:
    assert believable(Heard(text, -0.1), floor=-0.6).text == ""


def test_what_the_model_is_unsure_of_is_not_believed() -> None:
    assert believable(Heard("Thank you.", -0.7), floor=-0.6).text == ""
    assert believable(Heard("Thank you.", -0.5), floor=-0.6).text == "Thank you."


def test_noise_and_hum_are_steady() -> None:
    noise = np.random.default_rng(0).normal(0, 0.05, RATE).astype(np.float32)
    hum = np.sin(np.arange(RATE, dtype=np.float32) * 0.05)
    assert spread(noise) < STEADY_DB
    assert spread(hum) < STEADY_DB
    assert spread(np.zeros(0, np.float32)) == 0
