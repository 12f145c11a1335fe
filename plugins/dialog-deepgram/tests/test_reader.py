from __future__ import annotations

import math

import pytest
from dialog_deepgram import protocol as wire
from dialog_deepgram.pending import Pending
from dialog_deepgram.reader import FluxReader, LiveReader, Voice
from hypothesis import given
from hypothesis import strategies as st

from dialog_core.messages import Transcript, Word
from dialog_core.resilience.timeline import Timeline
from dialog_core.turns.events import EndOfTurn

SECONDS = st.floats(-10, 2000, allow_nan=False)
FRAMES = st.lists(st.tuples(st.floats(0, 5), st.floats(0.01, 2)), min_size=1, max_size=90)


def words(text: str, start: float = 0.0) -> tuple[Word, ...]:
    """Words of half a second."""
    return tuple(
        Word(each, start + index / 2, start + index / 2 + 0.4)
        for index, each in enumerate(text.split())
    )


def transcript(text: str, *, final: bool, start: float = 0.0, timed: bool = True) -> Transcript:
    """A transcript of half a second a word."""
    end = start + len(text.split()) / 2
    return Transcript(end, text, final, start, words=words(text, start) if timed else ())


# --- the call's clock ------------------------------------------------------------------------------------------------


def test_a_gap_in_the_audio_is_a_gap_in_the_call_only() -> None:
    timeline = Timeline()
    timeline.add(10.0, 2.0)
    timeline.add(15.0, 1.0)
    assert timeline.when(1.0) == 11.0
    assert timeline.when(2.5) == 15.5
    assert timeline.sent == 3.0


def test_the_calls_clock_stands_still_in_invented_silence() -> None:
    timeline = Timeline()
    timeline.add(10.0, 1.0)
    timeline.add_silence(0.5, at=timeline.end)
    timeline.add_silence(0.5, at=timeline.end)
    timeline.add(11.0, 1.0)
    assert [timeline.when(sent) for sent in (0.5, 1.0, 1.7, 2.0, 2.5)] == [10.5, 11, 11, 11, 11.5]


@given(FRAMES, SECONDS, SECONDS)
def test_later_on_the_connection_is_never_earlier_in_the_call(
    frames: list[tuple[float, float]], one: float, other: float
) -> None:
    timeline, at = Timeline(), 0.0
    for gap, seconds in frames:
        timeline.add(at + gap, seconds)
        at += gap + seconds
    early, late = sorted((one, other))
    assert timeline.when(early) <= timeline.when(late) <= at + 1e-6


# --- words settle exactly once ---------------------------------------------------------------------------------------


@given(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=8), st.data())
def test_a_final_after_a_promotion_adds_only_what_came_after(
    said: list[str], data: st.DataObject
) -> None:
    known = data.draw(st.integers(1, len(said)))
    timed = data.draw(st.booleans())
    pending = Pending()
    pending.hear(transcript(" ".join(said[:known]), final=False, timed=timed))
    promoted = pending.promote()
    rest = pending.hear(transcript(" ".join(said), final=True, timed=timed))
    assert promoted is not None
    assert promoted.final
    told = [promoted.text, *([rest.text] if rest is not None else [])]
    assert " ".join(told).split() == said


@given(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=8), st.floats(0, 5))
def test_words_before_a_replay_settle_and_words_in_it_come_again(
    said: list[str], resumed: float
) -> None:
    pending = Pending()
    pending.hear(transcript(" ".join(said), final=False))
    early = pending.promote(resumed)
    left = len(said) - (len(early.text.split()) if early else 0)
    again = said[len(said) - left :]
    replayed = transcript(" ".join(again), final=True, start=(len(said) - left) / 2)
    late = pending.hear(replayed) if again else None
    told = [each.text for each in (early, late) if each is not None]
    assert " ".join(told).split() == said


def test_a_repeated_interim_is_no_news() -> None:
    pending = Pending()
    assert pending.hear(transcript("a", final=False)) is not None
    assert pending.hear(transcript("a", final=False)) is None


def test_an_empty_final_takes_an_interim_back() -> None:
    pending = Pending()
    pending.hear(transcript("a", final=False))
    taken_back = pending.hear(Transcript(1.0, "", final=True, started=0.0))
    assert taken_back is not None
    assert taken_back.final
    assert taken_back.text == ""


def test_empty_results_are_no_news() -> None:
    pending = Pending()
    assert pending.hear(Transcript(1.0, "", final=True)) is None
    assert pending.hear(Transcript(2.0, "", final=False)) is None
    assert pending.promote() is None
    assert pending.settled == 1.0


# --- v1 and v2 -------------------------------------------------------------------------------------------------------


def live() -> LiveReader:
    reader = LiveReader(Pending(), Voice(wanted=False))
    reader.timeline.add(0.0, 10.0)
    return reader


def results(text: str, *, is_final: bool = True, speech_final: bool = False) -> wire.Results:
    said = tuple(
        wire.Word(each, index / 2, index / 2 + 0.4, 0.9, each.title(), 1)
        for index, each in enumerate(text.split())
    )
    best = wire.Alternative(text.title(), 0.9, said)
    return wire.Results(
        start=0.0,
        duration=3.0,
        channel=wire.Channel((best,)),
        is_final=is_final,
        speech_final=speech_final,
    )


def test_words_are_written_as_punctuated_and_know_their_speaker() -> None:
    (heard,) = live().read(results("hello there"))
    assert isinstance(heard, Transcript)
    assert [(word.text, word.speaker) for word in heard.words] == [("Hello", 1), ("There", 1)]


def test_an_end_of_speech_without_words_is_noise() -> None:
    assert not list(live().read(results("", speech_final=True)))


def test_an_end_of_speech_after_earlier_finals_ends_the_turn() -> None:
    reader = live()
    list(reader.read(results("hello")))
    ended = list(reader.read(results("", speech_final=True)))
    assert ended == [EndOfTurn(3.0)]


def test_an_utterance_end_without_a_settled_word_has_no_time_of_its_own() -> None:
    reader = live()
    list(reader.read(results("hello")))
    (ended,) = reader.read(wire.UtteranceEnd(-1.0))
    assert ended == EndOfTurn(0.4)


def test_a_result_without_alternatives_is_empty() -> None:
    assert not list(live().read(wire.Results(start=0.0, duration=1.0, channel=wire.Channel())))


def test_words_of_flux_may_lack_times() -> None:
    reader = FluxReader(Pending(), Voice(wanted=False))
    reader.timeline.add(5.0, 10.0)
    turn = wire.TurnInfo(
        "EndOfTurn", 0, 0.0, 2.0, "hello there", (wire.FluxWord("hello"), wire.FluxWord("there"))
    )
    heard, ended = reader.read(turn)
    assert heard == Transcript(7.0, "hello there", final=True, started=5.0)
    assert ended == EndOfTurn(7.0)


@pytest.mark.parametrize("event", ["Update", "StartOfTurn", "Brandnew"])
def test_an_unknown_event_of_a_turn_shows_its_words(event: str) -> None:
    reader = FluxReader(Pending(), Voice(wanted=False))
    reader.timeline.add(0.0, 10.0)
    (heard,) = reader.read(wire.TurnInfo(event, 0, 0.0, 2.0, "hello"))
    assert isinstance(heard, Transcript)
    assert not heard.final


@given(st.tuples(SECONDS, SECONDS, SECONDS, SECONDS), st.booleans())
def test_whatever_the_times_words_come_out_inside_the_call(
    times: tuple[float, float, float, float],
    final: bool,
) -> None:
    start, duration, begun, ended = times
    said = (wire.Word("hello", begun, ended),)
    best = wire.Alternative("hello", 0.9, said)
    result = wire.Results(
        start=start, duration=duration, channel=wire.Channel((best,)), is_final=final
    )
    (heard,) = live().read(result)
    assert isinstance(heard, Transcript)
    moments = [heard.at, heard.started, *(word.start for word in heard.words)]
    assert all(moment is not None and 0 <= moment <= 10 for moment in moments)
    assert math.isfinite(heard.at)


@pytest.mark.requirement("D.36")
def test_words_keep_their_confidence_and_their_speaker() -> None:
    said = (
        wire.Word("hello", 0.1, 0.4, 0.9, "Hello.", 0),
        wire.Word("hi", 0.6, 0.8, 0.7, "Hi!", 1),
    )
    reader = LiveReader(Pending(), Voice(wanted=False))
    reader.timeline.add(5.0, 1.0)
    best = wire.Alternative("Hello. Hi!", 0.8, said)
    result = wire.Results(
        start=0.0, duration=1.0, channel=wire.Channel((best,)), is_final=True, speech_final=False
    )
    (heard,) = reader.read(result)
    assert isinstance(heard, Transcript)
    assert heard.confidence == 0.8
    assert [(word.text, word.confidence, word.speaker) for word in heard.words] == [
        ("Hello.", 0.9, 0),
        ("Hi!", 0.7, 1),
    ]
