from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialog_core.audio import TELEPHONE, AudioFormat, AudioFrame, Encoding
from dialog_core.echo.sounds import FRAMES, RATE, Heard, Played
from tests.echo.voices import agents_voice, decoded

VOICE = agents_voice()[:16000]
WIDE = AudioFormat(Encoding.PCM16, 24000)


def test_what_is_handed_over_ahead_sounds_in_its_turn() -> None:
    played = Played(TELEPHONE, 1.0)
    played.add(VOICE[:8000], 1.0)
    played.add(VOICE[8000:], 1.1)
    assert played.ends == 3.0
    assert (played.samples(1.0, 16000) == decoded(VOICE)).all()


def test_where_nothing_was_played_is_silence() -> None:
    played = Played(TELEPHONE, 1.0)
    played.add(VOICE[:800], 1.0)
    played.add(VOICE[800:1600], 2.0)
    found = played.samples(0.9, RATE * 2)
    assert (found[800:1600] == decoded(VOICE[:800])).all()
    assert (found[8800:9600] == decoded(VOICE[800:1600])).all()
    assert not found[:800].any()
    assert not found[1600:8800].any()
    assert not found[9600:].any()


def test_what_is_cleared_never_sounded() -> None:
    played = Played(TELEPHONE, 1.0)
    played.add(VOICE[:8000], 1.0)
    played.add(VOICE[8000:], 1.0)
    played.cut(1.5)
    played.add(VOICE[:800], 1.6)
    found = played.samples(1.0, RATE)
    assert played.ends == pytest.approx(1.7)
    assert (found[:4000] == decoded(VOICE[:4000])).all()
    assert not found[4000:4800].any()
    assert (found[4800:5600] == decoded(VOICE[:800])).all()


def test_no_more_is_kept_than_may_come_back() -> None:
    played = Played(TELEPHONE, 1.0)
    for second in range(600):
        played.add(VOICE[:8000], float(second))
    assert played.ends == 600.0
    assert not played.samples(596.0, RATE).any()
    assert played.samples(598.0, RATE).any()


@given(st.lists(st.integers(80, 400), min_size=30, max_size=60), st.integers(0, 900))
def test_however_the_frames_are_cut_they_give_the_same_samples(
    lengths: list[int], spare: int
) -> None:
    heard, at = Heard(TELEPHONE), 0
    for length in lengths:
        heard.frames.append(AudioFrame(at / RATE, VOICE[at : at + length]))
        at += length
    end = at - min(spare, at - 1200)
    samples = heard.samples(end / RATE, 1024)
    assert samples is not None
    assert (samples == decoded(VOICE[end - 1024 : end])).all()


def test_audio_with_a_gap_in_it_is_not_compared() -> None:
    heard = Heard(TELEPHONE)
    for number in range(20):
        late = 0.1 if number >= 17 else 0.0
        heard.frames.append(AudioFrame(number * 0.02 + late, VOICE[:160]))
    assert heard.samples(0.5, 1024) is None
    assert heard.samples(0.5, 400) is not None


def test_too_little_audio_is_not_compared() -> None:
    heard = Heard(TELEPHONE)
    assert heard.samples(1.0, 1024) is None
    heard.frames.append(AudioFrame(0.0, VOICE[:1000]))
    assert heard.samples(0.125, 1024) is None


def test_frames_are_kept_for_as_long_as_they_are_compared() -> None:
    heard = Heard(TELEPHONE)
    for number in range(1000):
        heard.frames.append(AudioFrame(number * 0.02, VOICE[:160]))
    assert len(heard.frames) == FRAMES


def test_a_wide_line_is_compared_at_a_telephones_rate() -> None:
    wide = np.repeat((decoded(VOICE) * 32767).astype("<i2"), 3)
    played, heard = Played(WIDE, 1.0), Heard(WIDE)
    played.add(wide[:24000].tobytes(), 1.0)
    heard.frames.append(AudioFrame(1.0, wide[:24000].tobytes()))
    assert played.samples(1.0, 8000) == pytest.approx(decoded(VOICE[:8000]), abs=1e-4)
    assert heard.samples(2.0, 1024) == pytest.approx(decoded(VOICE[6976:8000]), abs=1e-4)
