from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dialog_core.echo.path import find, ringing, share
from tests.echo.voices import agents_voice, callers_voice, decoded, encoded

F32 = NDArray[np.float32]

COUNT, LAGS, LAST = 1024, 7168, 512
AGENT, CALLER = decoded(agents_voice()), decoded(callers_voice())
SPOKEN = 24400
"""A sample in the middle of a word."""
RANDOM = np.random.default_rng(5)


def played_until(end: int) -> F32:
    return AGENT[end - LAGS - COUNT : end]


def echo_of(end: int, delay: int, decibels: float, noise: float = -65.0) -> F32:
    """What is heard up to a sample, through the codec."""
    returned = AGENT[end - delay - COUNT : end - delay] * 10 ** (decibels / 20)
    noisy = returned + 10 ** (noise / 20) * RANDOM.standard_normal(COUNT)
    return decoded(encoded(noisy))


@pytest.mark.parametrize("decibels", [-10, -20, -30])
@pytest.mark.parametrize("delay", [160, 400, 800, 1600, 2400, 3200, 6000])
def test_an_echo_is_found_where_it_comes_from(delay: int, decibels: float) -> None:
    end = SPOKEN + delay
    path = find(echo_of(end, delay, decibels), played_until(end))
    assert path is not None
    assert path.at == LAGS - delay
    assert path.share > 0.8
    assert 10 * np.log10(path.power) == pytest.approx(decibels, abs=1.0)


def test_a_path_explains_what_comes_later() -> None:
    end, delay = SPOKEN + 1600, 1600
    path = find(echo_of(end, delay, -20), played_until(end))
    assert path is not None
    later = end + 400
    assert share(echo_of(later, delay, -20, noise=-90), played_until(later), path, LAST) > 0.9


def test_no_path_explains_another_voice() -> None:
    alike, shares = [], []
    for start in range(0, CALLER.size - COUNT, 200):
        for end in range(10000, 120000, 11000):
            path = find(CALLER[start : start + COUNT], played_until(end))
            if path is not None and path.share >= 0.5:
                alike.append(path.alike)
            shares.append(0.0 if path is None else path.share)
    assert max(alike, default=0.0) < 0.4
    assert np.mean(np.array(shares) > 0.5) < 0.05


def test_a_voice_over_an_echo_is_not_explained() -> None:
    end, delay = SPOKEN + 1600, 1600
    echo = echo_of(end, delay, -10)
    path = find(echo, played_until(end))
    assert path is not None
    both = echo + CALLER[1000 : 1000 + COUNT]
    assert share(both, played_until(end), path, LAST) < 0.4


def test_what_is_as_loud_as_what_was_played_is_no_echo() -> None:
    end = SPOKEN + 1600
    assert find(AGENT[SPOKEN - COUNT : SPOKEN], played_until(end)) is None


def test_nothing_comes_back_of_silence() -> None:
    silence = np.zeros(LAGS + COUNT, np.float32)
    assert find(CALLER[:COUNT], silence) is None
    assert find(silence[:COUNT], played_until(SPOKEN)) is None


def test_a_room_rings_on_after_what_was_played() -> None:
    end, delay = SPOKEN + 1600, 1600
    path = find(echo_of(end, delay, -20), played_until(end))
    assert path is not None
    played = played_until(end).copy()
    loud = ringing(played, path, COUNT)
    played[path.at + COUNT - 512 :] = 0.0
    assert 0.0 < ringing(played, path, COUNT) < loud
    assert ringing(np.zeros_like(played), path, COUNT) == 0.0
