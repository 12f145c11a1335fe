"""What messages of a Realtime transcription session mean: values in, values out."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from dialog_openai.realtime import protocol as wire
from dialog_openai.realtime.items import Items, Span, remainder
from dialog_openai.realtime.settings import RealtimeSettings
from hypothesis import given
from hypothesis import strategies as st

from dialog_core.errors import ProviderProtocolError
from dialog_core.fields import Secret
from dialog_core.messages import Transcript
from dialog_core.protocols import SttEvent
from dialog_core.turns.events import EndOfTurn, SpeechStarted, SpeechStopped

WORDS = ("one", "two", "three", "four", "five", "six")


def items(**options: Any) -> Items:
    """A reader to which ten seconds of the call, from 100 s on, were sent."""
    reader = Items(RealtimeSettings(api_key=Secret("k"), **options))
    reader.timeline.add(100.0, 10.0)
    return reader


def read(reader: Items, *messages: wire.Message) -> list[SttEvent]:
    return [event for message in messages for event in reader.read(message, now=0.0)]


def finals(events: Sequence[SttEvent]) -> list[str]:
    return [each.text for each in events if isinstance(each, Transcript) and each.final]


def told(events: Sequence[SttEvent]) -> list[tuple[str, bool]]:
    return [(each.text, each.final) for each in events if isinstance(each, Transcript)]


@pytest.mark.requirement("A.27")
def test_deltas_are_appended_per_item_and_freed() -> None:
    reader = items()
    reader.expect(Span(101.0, 102.0))
    events = read(
        reader,
        wire.Committed("a"),
        wire.Delta("a", "I"),
        wire.Delta("a", " want"),
        wire.Completed("a", "I want."),
    )
    assert told(events) == [("I", False), ("I want", False), ("I want.", True)]
    assert reader.is_idle


def test_items_that_complete_out_of_order_come_out_in_order() -> None:
    reader = items()
    for second in (101.0, 103.0):
        reader.expect(Span(second, second + 1))
    events = read(
        reader,
        wire.Committed("a"),
        wire.Committed("b", "a"),
        wire.Delta("b", "two"),
        wire.Completed("b", "Two."),
        wire.Delta("a", "one"),
        wire.Completed("a", "One."),
    )
    assert told(events) == [("one", False), ("One.", True), ("Two.", True)]
    assert [each.at for each in events if isinstance(each, Transcript)] == [102.0, 102.0, 104.0]


def test_the_chain_decides_the_order_not_the_arrival() -> None:
    reader = items(turn_detection="server_vad")
    read(reader, wire.SpeechBegan("b", 3000), wire.SpeechBegan("a", 1000))
    read(reader, wire.Committed("a"), wire.Committed("b", "a"))
    events = read(reader, wire.Completed("b", "Two."), wire.Completed("a", "One."))
    assert finals(events) == ["One.", "Two."]


@given(st.permutations(range(6)), st.integers(0, 1000))
def test_any_order_of_completion_yields_each_word_once_and_in_order(
    order: list[int], seed: int
) -> None:
    reader = items()
    chance = random.Random(seed)
    events: list[SttEvent] = []
    for number in range(6):
        reader.expect(Span(101.0 + number, 101.5 + number))
        previous = f"i{number - 1}" if number else None
        events += read(reader, wire.Committed(f"i{number}", previous))
    for number in order:
        id_ = f"i{number}"
        if chance.random() < 0.5:
            events += read(reader, wire.Delta(id_, WORDS[number]))
        events += read(reader, wire.Completed(id_, WORDS[number]))
    assert finals(events) == list(WORDS)
    assert reader.is_idle
    times = [each.at for each in events if isinstance(each, Transcript) and each.final]
    assert times == sorted(times)


def test_an_item_that_fails_takes_its_interim_words_back_and_frees_those_behind() -> None:
    reader = items()
    reader.expect(Span(101.0, 102.0))
    reader.expect(Span(103.0, 104.0))
    read(reader, wire.Committed("a"), wire.Committed("b", "a"), wire.Completed("b", "Two."))
    assert finals(read(reader, wire.Failed("a"))) == ["Two."]
    assert reader.is_idle


def test_an_empty_transcript_says_nothing() -> None:
    reader = items()
    reader.expect(Span(101.0, 102.0))
    assert read(reader, wire.Committed("a"), wire.Completed("a", " ")) == []
    assert reader.settled == 102.0


def test_times_of_the_server_become_the_call_s() -> None:
    reader = items(turn_detection="server_vad", voice_events=True)
    events = read(
        reader,
        wire.SpeechBegan("a", 1500),
        wire.SpeechEnded("a", 4000),
        wire.Committed("a"),
        wire.Completed("a", "Hi."),
    )
    assert events == [
        SpeechStarted(101.8),
        SpeechStopped(103.5),
        Transcript(104.0, "Hi.", final=True, started=101.5),
    ]


def test_voice_is_where_the_caller_sounds_without_the_audio_kept_around_it() -> None:
    reader = items(
        turn_detection="server_vad",
        voice_events=True,
        prefix_padding_ms=1000,
        silence_duration_ms=200,
    )
    assert read(reader, wire.SpeechBegan("a", 1500)) == [SpeechStarted(102.5)]
    assert read(reader, wire.SpeechEnded("a", 4000)) == [SpeechStopped(103.8)]
    assert read(reader, wire.SpeechBegan("b", 5000)) == [SpeechStarted(106.0)]
    assert read(reader, wire.SpeechEnded("b", 5100)) == [SpeechStopped(106.0)]
    assert read(reader, wire.SpeechBegan("c", 9900)) == [SpeechStarted(110.0)]


@given(st.floats(-1e12, 1e12), st.floats(-1e12, 1e12))
def test_impossible_times_stay_within_what_was_sent(start: float, end: float) -> None:
    reader = items(turn_detection="server_vad", voice_events=True)
    messages = (wire.SpeechBegan("a", start), wire.SpeechEnded("a", end), wire.Committed("a"))
    events = read(reader, *messages, wire.Completed("a", "Hi."))
    assert all(100.0 <= event.at <= 110.0 for event in events)


@pytest.mark.requirement("A.27")
def test_only_the_semantic_detector_says_that_a_turn_is_over() -> None:
    turn = (wire.SpeechBegan("a", 0), wire.SpeechEnded("a", 1000), wire.Committed("a"))
    semantic, server = (
        read(items(turn_detection=kind), *turn, wire.Completed("a", "Hi."))
        for kind in ("semantic_vad", "server_vad")
    )
    assert semantic == [Transcript(101.0, "Hi.", final=True, started=100.0), EndOfTurn(101.0)]
    assert EndOfTurn(101.0) not in server


def test_promoted_words_are_final_and_their_completion_brings_only_what_is_new() -> None:
    reader = items()
    reader.expect(Span(101.0, 102.0))
    read(reader, wire.Committed("a"), wire.Delta("a", "I want"))
    assert finals(list(reader.promote())) == ["I want"]
    assert finals(read(reader, wire.Delta("a", " to"))) == []
    assert finals(read(reader, wire.Completed("a", "I want to cancel."))) == ["to cancel."]


@pytest.mark.parametrize(
    ("known", "whole", "rest"),
    [
        ("I want", "I want to go.", "to go."),
        ("i WANT,", "I want to go.", "to go."),
        ("I want", "I want.", ""),
        ("I want", "He wanted to go.", ""),
        ("", "Hello.", "Hello."),
    ],
)
def test_what_follows_known_words(known: str, whole: str, rest: str) -> None:
    assert remainder(known, whole) == rest


def test_items_whose_audio_is_kept_are_heard_again_after_a_loss() -> None:
    reader = items()
    reader.expect(Span(104.0, 106.0))
    reader.expect(Span(107.0, 108.0))
    read(reader, wire.Committed("a"), wire.Delta("a", "one"))
    events, again = reader.reconnect(103.0)
    assert events == ()
    assert again == Span(104.0, 108.0)
    assert reader.is_idle


def test_items_whose_audio_is_gone_are_settled_as_they_stand() -> None:
    reader = items()
    reader.expect(Span(104.0, 106.0))
    read(reader, wire.Committed("a"), wire.Delta("a", "one"))
    events, again = reader.reconnect(None)
    assert finals(events) == ["one"]
    assert again is None
    assert reader.settled == 106.0


def test_what_is_left_of_an_utterance_without_words_is_committed_again() -> None:
    reader = items()
    reader.expect(Span(101.0, 110.0))
    read(reader, wire.Committed("a"))
    events, again = reader.reconnect(105.0)
    assert events == ()
    assert again == Span(105.0, 110.0)


def test_words_that_come_while_they_are_spoken_are_as_old_as_the_voice() -> None:
    reader = items(model="gpt-live-transcribe")
    reader.voice_began(104.0)
    [interim] = read(reader, wire.Delta("a", "one"))
    assert isinstance(interim, Transcript)
    assert interim.started == pytest.approx(103.7)
    events, again = reader.reconnect(103.7)
    assert events == ()
    assert again is not None
    assert (again.started, again.ended) == pytest.approx((103.7, 110.0))


def test_a_refused_commit_is_not_waited_for() -> None:
    reader = items()
    reader.expect(Span(101.0, 102.0))
    reader.refused()
    assert reader.is_idle


def test_a_server_that_never_transcribes_is_not_believed_for_ever() -> None:
    reader = items(turn_detection="server_vad")
    with pytest.raises(ProviderProtocolError, match="no transcript"):
        read(reader, *(wire.SpeechBegan(f"i{number}", 0) for number in range(40)))


def test_it_says_how_sure_it_is_and_in_which_language() -> None:
    reader = items()
    reader.expect(Span(101.0, 102.0))
    probable = (wire.LogProb(-0.1), wire.LogProb(-0.3))
    completed = wire.Completed("a", "Ja.", probable, (wire.Language("de"),))
    (final,) = read(reader, wire.Committed("a"), completed)
    assert isinstance(final, Transcript)
    assert final.confidence == pytest.approx(0.8187, abs=1e-4)
    assert final.language == "de"
