from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialog_core.turns.events import SpeechStarted, SpeechStopped
from dialog_core.turns.gate import Gate, GateSettings

WINDOW = 0.032
LONG = GateSettings(start=0.6, end=0.35, min_speech=0.5, min_silence=0.5)
pytestmark = pytest.mark.requirement("B.10")

Happening = tuple[int, SpeechStarted | SpeechStopped]


def run(probabilities: list[float], settings: GateSettings) -> list[Happening]:
    gate = Gate(settings)
    events = [gate.push(p, n * WINDOW, WINDOW) for n, p in enumerate(probabilities)]
    return [(n, event) for n, event in enumerate(events) if event is not None]


def test_speech_is_reported_from_its_first_voiced_window_to_the_middle_of_its_last() -> None:
    happenings = run([0.1] * 10 + [0.9] * 20 + [0.1] * 20, LONG)
    assert happenings == [
        (25, SpeechStarted(10 * WINDOW, 0.9)),
        (45, SpeechStopped(29 * WINDOW + WINDOW / 2)),
    ]


def test_silence_after_a_short_sound_does_not_make_it_long_enough() -> None:
    assert run(([0.9] * 10 + [0.0] * 40) * 3, LONG) == []


def test_a_short_pause_does_not_end_speech_and_does_not_count_as_voice() -> None:
    spoken = [0.9] * 8 + [0.1] * 5 + [0.9] * 8
    happenings = run(spoken + [0.1] * 5 + [0.9] * 4, LONG)
    assert happenings == [(len(spoken) - 1, SpeechStarted(0.0, 0.9))]


def test_between_the_thresholds_nothing_changes() -> None:
    assert run([0.5] * 50, LONG) == []
    assert len(run([0.9] * 16 + [0.5] * 50, LONG)) == 1


def test_the_start_tells_the_highest_probability_that_made_it_certain() -> None:
    quick = GateSettings(min_speech=0.09)
    assert run([0.7, 0.97, 0.8, 0.99], quick) == [(2, SpeechStarted(0.0, 0.97))]


def test_a_gap_counts_as_neither_voice_nor_silence() -> None:
    gate = Gate(LONG)
    for n in range(16):
        gate.push(0.9, n * WINDOW, WINDOW)
    assert gate.sounding
    assert gate.push(0.1, 5.0, WINDOW) is None
    assert gate.push(0.9, 5.1, WINDOW) is None
    assert gate.sounding


def test_an_end_above_the_start_is_refused() -> None:
    with pytest.raises(ValueError, match="at most start"):
        GateSettings(start=0.5, end=0.6)


@st.composite
def settings(draw: st.DrawFn) -> GateSettings:
    start = draw(st.floats(0.05, 1))
    seconds = st.floats(0, 0.6)
    return GateSettings(start, draw(st.floats(0, start)), draw(seconds), draw(seconds))


probabilities = st.lists(
    st.tuples(st.integers(1, 25), st.floats(0, 1)).map(lambda run: [run[1]] * run[0]), max_size=12
).map(lambda runs: [p for run in runs for p in run])


@given(probabilities=probabilities, settings=settings())
def test_starts_and_stops_alternate_beginning_with_a_start(
    probabilities: list[float], settings: GateSettings
) -> None:
    kinds = [type(event) for _, event in run(probabilities, settings)]
    expected = [SpeechStarted, SpeechStopped] * (len(kinds) // 2 + 1)
    assert kinds == expected[: len(kinds)]


@given(probabilities=probabilities, settings=settings())
def test_times_never_run_backwards_and_never_lie_ahead(
    probabilities: list[float], settings: GateSettings
) -> None:
    happenings = run(probabilities, settings)
    assert all(a.at <= b.at + 1e-9 for (_, a), (_, b) in pairwise(happenings))
    assert all(event.at <= (n + 1) * WINDOW + 1e-9 for n, event in happenings)


@given(probabilities=probabilities, settings=settings())
def test_what_is_reported_lasted_long_enough(
    probabilities: list[float], settings: GateSettings
) -> None:
    for n, event in run(probabilities, settings):
        stopped = isinstance(event, SpeechStopped)
        since = probabilities[round(event.at / WINDOW + 0.5 * stopped) : n + 1]
        if not stopped:
            voiced = [p for p in since if p >= settings.end]
            assert len(voiced) * WINDOW >= settings.min_speech - 1e-6
            assert since[0] >= settings.start
        else:
            assert all(p < settings.end for p in since)
            assert len(since) * WINDOW >= settings.min_silence - 1e-6


@given(probabilities=probabilities, settings=settings(), gap=st.floats(0.01, 9))
def test_a_gap_only_moves_what_comes_after_it(
    probabilities: list[float], settings: GateSettings, gap: float
) -> None:
    middle = len(probabilities) // 2
    gate = Gate(settings)
    late = [
        gate.push(p, n * WINDOW + (gap if n >= middle else 0), WINDOW)
        for n, p in enumerate(probabilities)
    ]
    kinds = [(n, type(event)) for n, event in enumerate(late) if event is not None]
    assert kinds == [(n, type(event)) for n, event in run(probabilities, settings)]
