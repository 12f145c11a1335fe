from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dialog_core import g711
from dialog_core.audio import TELEPHONE, AudioFrame, Encoding
from dialog_core.phrases import KEPT_SECONDS, Phrase, Phrases

FRAME = 0.02


def fed(seconds: float, *, phrases: Phrases | None = None, start: float = 0.0) -> Phrases:
    """Phrases that heard so many seconds; each frame's bytes are its number, modulo 256."""
    phrases = phrases or Phrases(TELEPHONE, 0.4, 0.3, 12.0)
    for number in range(round(start / FRAME), round((start + seconds) / FRAME)):
        phrases.feed(AudioFrame(number * FRAME, bytes([number % 256]) * 160))
    return phrases


def test_a_phrase_has_its_pre_roll_and_its_hang_over() -> None:
    phrases = fed(2.0)
    assert phrases.start(1.0)
    fed(1.5, phrases=phrases, start=2.0)
    phrase = phrases.stop(3.0)
    assert phrase is not None
    assert (phrase.started, phrase.ended) == (1.0, 3.0)
    assert len(phrase.audio) == TELEPHONE.nbytes(2.7)
    assert phrase.audio[0] == 30
    assert phrase.audio[-1] == 164


def test_a_hang_over_takes_no_audio_that_has_not_come() -> None:
    phrases = fed(2.0)
    phrases.start(1.0)
    phrase = phrases.stop(1.9)
    assert phrase is not None
    assert phrase.ended == 1.9
    assert len(phrase.audio) == TELEPHONE.nbytes(1.4)


def test_no_audio_belongs_to_two_phrases() -> None:
    phrases = fed(2.0)
    phrases.start(1.0)
    fed(1.0, phrases=phrases, start=2.0)
    first = phrases.stop(2.0)
    phrases.start(2.4)
    second = phrases.stop(2.9)
    assert first is not None
    assert second is not None
    assert len(first.audio) == TELEPHONE.nbytes(1.7)
    assert second.audio[0] == first.audio[-1] + 1
    assert len(second.audio) == TELEPHONE.nbytes(0.7)
    assert second.number > first.number


def test_only_recent_audio_is_kept_while_nobody_speaks() -> None:
    phrases = fed(30.0)
    assert len(phrases._frames) <= KEPT_SECONDS / FRAME + 1


def test_starting_twice_is_one_phrase() -> None:
    phrases = fed(2.0)
    assert phrases.start(1.0)
    assert not phrases.start(1.5)


def test_stopping_without_a_start_gives_nothing() -> None:
    assert fed(1.0).stop(0.5) is None


def test_too_long_a_phrase_is_cut_at_its_quietest_moment() -> None:
    loud = g711.encode(np.full(160, 8000, np.int16), Encoding.MULAW)
    phrases = Phrases(TELEPHONE, 0.4, 0.3, 12.0)
    cut: list[Phrase] = []
    phrases.start(0.0)
    for number in range(round(13 / FRAME)):
        at = number * FRAME
        quiet = 10.0 <= at < 10.3
        part = phrases.feed(AudioFrame(at, TELEPHONE.silence(FRAME) if quiet else loud))
        cut += [part] if part else []
    assert len(cut) == 1
    assert 10.0 < cut[0].ended < 10.3
    assert len(cut[0].audio) == TELEPHONE.nbytes(cut[0].ended)
    rest = phrases.stop(12.9)
    assert rest is not None
    assert rest.started == cut[0].ended
    assert rest.number == cut[0].number + 1


@given(
    st.lists(st.tuples(st.floats(0.1, 3.0), st.floats(0.1, 3.0)), min_size=1, max_size=6),
    st.integers(80, 800),
)
def test_phrases_never_overlap_and_hold_as_much_audio_as_they_say(
    talk: list[tuple[float, float]], size: int
) -> None:
    phrases = Phrases(TELEPHONE, 0.4, 0.3, 12.0)
    at, sent, cut = 0.0, 0, list[Phrase | None]()

    def feed_until(until: float) -> None:
        nonlocal sent
        while sent / 8000 < until:
            cut.append(phrases.feed(AudioFrame(sent / 8000, b"\xff" * size)))
            sent += size

    for silence, speech in talk:
        at += silence
        feed_until(at + 0.1)
        phrases.start(at)
        at += speech
        feed_until(at + 0.2)
        cut.append(phrases.stop(at))
    whole = [phrase for phrase in cut if phrase is not None]
    assert len(whole) >= len(talk)
    for one, other in pairwise(whole):
        assert one.ended <= other.started
    assert sum(len(phrase.audio) for phrase in whole) <= sent
    for phrase in whole:
        assert len(phrase.audio) >= TELEPHONE.nbytes(phrase.ended - phrase.started) - size


def test_a_phrase_says_when_its_audio_begins() -> None:
    phrases = Phrases(TELEPHONE, pre_roll=0.3, hang_over=0.0, longest=20.0)
    for number in range(100):
        phrases.feed(AudioFrame(number * 0.02, TELEPHONE.silence(0.02)))
    phrases.start(1.0)
    phrase = phrases.stop(1.5)
    assert phrase is not None
    assert phrase.audio_at == 0.7
    assert TELEPHONE.seconds(len(phrase.audio)) == 0.8
