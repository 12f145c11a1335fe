from __future__ import annotations

import math

import pytest

from dialog_core.audio import TELEPHONE, AudioFrame
from dialog_core.messages import Transcript
from dialog_core.resilience.failover import FailoverSettings
from dialog_core.resilience.failover_watch import Recent, Watch
from dialog_core.turns.events import SpeechStarted, SpeechStopped


def watch() -> Watch:
    return Watch(FailoverSettings(silence=1.5, final=0.7))


def test_nothing_is_owed_to_silence() -> None:
    assert watch().due() == math.inf


def test_speech_without_news_is_doubted_sooner_of_one_who_has_shown_interim_words() -> None:
    new, known = watch(), watch()
    known.heard(Transcript(1.0, "hello", final=False), 1.0)
    for each in (new, known):
        each.note(SpeechStarted(10.0), 10.1)
    assert new.due() == pytest.approx(13.1)
    assert known.due() == pytest.approx(11.6)


def test_news_put_doubt_off() -> None:
    each = watch()
    each.note(SpeechStarted(10.0), 10.1)
    each.heard(Transcript(11.0, "hello", final=False), 11.2)
    assert each.due() == pytest.approx(12.7)


def test_speech_that_is_over_wants_settled_words() -> None:
    each = watch()
    each.note(SpeechStarted(10.0), 10.1)
    each.note(SpeechStopped(12.0), 12.2)
    assert each.due() == pytest.approx(12.9)
    each.heard(Transcript(12.0, "hello", final=True), 12.4)
    assert each.due() == math.inf


def test_interim_words_that_reach_the_end_of_speech_will_do() -> None:
    each = watch()
    each.note(SpeechStarted(10.0), 10.1)
    each.heard(Transcript(11.9, "hello", final=False), 12.0)
    each.note(SpeechStopped(12.0), 12.2)
    assert each.due() == math.inf
    assert each.owed_from() == 9.5


def test_settled_words_that_end_early_leave_something_owed() -> None:
    each = watch()
    each.note(SpeechStarted(10.0), 10.1)
    each.note(SpeechStopped(13.0), 13.2)
    early = Transcript(11.0, "hello", final=True)
    assert each.lacks(early)
    each.heard(early, 13.3)
    assert each.owed_from() == 11.0


def test_a_short_word_behind_settled_ones_is_owed_too() -> None:
    each = watch()
    each.heard(Transcript(9.8, "well", final=True), 9.9)
    each.note(SpeechStarted(10.0), 10.1)
    each.note(SpeechStopped(10.4), 10.6)
    assert each.due() < math.inf


def test_a_click_is_nothing() -> None:
    each = watch()
    each.note(SpeechStarted(10.0), 10.1)
    each.note(SpeechStopped(10.1), 10.3)
    assert each.due() == math.inf


def test_doubts_that_came_to_nothing_make_more_patient() -> None:
    each = watch()
    for _ in range(2):
        each.note(SpeechStarted(10.0), 10.1)
        each.note(SpeechStopped(12.0), 12.2)
        patience = each.due() - 12.2
        each.cleared()
    assert patience == pytest.approx(1.4)


def test_the_oldest_audio_goes_first() -> None:
    recent = Recent(TELEPHONE, 1.0)
    for number in range(100):
        recent.push(AudioFrame(number * 0.02, TELEPHONE.silence(0.02)))
    kept = list(recent.since(0.0, sounding=False))
    assert kept[0].at == pytest.approx(1.0)
    assert recent.end == pytest.approx(2.0)


def test_who_joins_a_long_sentence_is_told_that_it_has_begun() -> None:
    recent = Recent(TELEPHONE, 1.0)
    recent.push(SpeechStarted(0.0))
    for number in range(100):
        recent.push(AudioFrame(number * 0.02, TELEPHONE.silence(0.02)))
    first, *_ = recent.since(0.0, sounding=True)
    assert isinstance(first, SpeechStarted)
    assert first.at == pytest.approx(1.0)


def test_settled_audio_is_let_go() -> None:
    recent = Recent(TELEPHONE, 5.0)
    for number in range(100):
        recent.push(AudioFrame(number * 0.02, TELEPHONE.silence(0.02)))
    recent.settle(1.5)
    assert min(item.at for item in recent.since(0.0, sounding=False)) == pytest.approx(1.5)
