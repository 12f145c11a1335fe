"""AssemblyAI's messages, as values."""

from __future__ import annotations

import contextlib
import json
from urllib.parse import parse_qs, urlsplit

import attrs
import pytest
from dialog_core import (
    TELEPHONE,
    AudioFormat,
    ProviderProtocolError,
    ProviderRejected,
    ProviderUnavailable,
    Secret,
)
from hypothesis import given
from hypothesis import strategies as st

from dialog_assemblyai.protocol import (
    FORMATS,
    LEAST,
    Begin,
    Failed,
    Heard,
    Turn,
    Unknown,
    Warned,
    cut,
    failure,
    heard_before,
    parse,
    transcript,
    url_for,
)
from dialog_assemblyai.settings import AssemblyAISettings

SETTINGS = AssemblyAISettings(api_key=Secret("test-key"), language="de")
HI = Turn(
    0, end_of_turn=False, transcript="hi", words=(Heard("hi", 100, 400, 0.9), Heard("my", 500, 700))
)


def later(seconds: float) -> float:
    return seconds + 10.0


def query_of(settings: AssemblyAISettings) -> dict[str, list[str]]:
    return parse_qs(urlsplit(url_for(settings, TELEPHONE)).query)


# --- what they send -------------------------------------------------------------------------------


def test_a_turn_is_read() -> None:
    found = parse(
        '{"type":"Turn","turn_order":1,"turn_is_formatted":false,"end_of_turn":false,"transcript":"hi",'
        '"end_of_turn_confidence":0.0014,"words":[{"start":1920,"end":2000,"text":"hi","confidence":0.87,'
        '"word_is_final":true}],"utterance":"","something_new":1}'
    )

    assert found == Turn(
        1, end_of_turn=False, transcript="hi", words=(Heard("hi", 1920, 2000, 0.87),)
    )


@pytest.mark.parametrize(
    ("message", "value"),
    [
        ('{"type":"Begin","id":"s","expires_at":1772570132}', Begin("s")),
        ('{"type":"Error","error_code":3008,"error":"expired"}', Failed("expired", 3008)),
        ('{"error":"expired"}', Failed("expired")),
        ('{"type":"Warning","warning_code":1,"warning":"old"}', Warned("old", 1)),
        ('{"type":"SpeechStarted","timestamp":120}', Unknown("SpeechStarted")),
        ('{"type":"OfNextYear"}', Unknown("OfNextYear")),
    ],
)
def test_each_kind_of_message_is_told_apart(message: str, value: object) -> None:
    assert parse(message) == value


@pytest.mark.parametrize("message", ["", "{", "[]", "{}", '{"type":"Turn"}', b"\xff\xfe", "null"])
def test_what_is_no_message_is_their_fault(message: str | bytes) -> None:
    with pytest.raises(ProviderProtocolError):
        parse(message)


@given(st.text() | st.binary())
def test_no_message_ends_in_another_error(message: str | bytes) -> None:
    with contextlib.suppress(ProviderProtocolError):
        parse(message)


@pytest.mark.parametrize("code", [1008, 3006, 4001])
def test_what_trying_again_cannot_mend_is_refused(code: int) -> None:
    assert isinstance(failure(code, "no"), ProviderRejected)


@pytest.mark.parametrize("code", [None, 1006, 1011, 3005, 3007, 3008, 3009])
def test_what_may_pass_is_tried_again(code: int | None) -> None:
    assert isinstance(failure(code, "no"), ProviderUnavailable)


# --- words ----------------------------------------------------------------------------------------


def test_words_that_may_change_are_in_interim_text() -> None:
    found = transcript(HI, later, final=False)

    assert found is not None
    assert (found.text, found.started, found.at) == ("hi my", 10.1, 10.7)
    assert [word.confidence for word in found.words] == [0.9, None]


def test_the_text_of_an_ended_turn_is_the_vendors() -> None:
    turn = Turn(0, end_of_turn=True, transcript="Hi, my!", words=HI.words)

    found = transcript(turn, later, final=True)

    assert found is not None
    assert found.text == "Hi, my!"


def test_words_that_are_settled_are_not_told_again() -> None:
    found = transcript(HI, later, final=False, after=10.1)

    assert found is not None
    assert (found.text, found.started) == ("my", 10.5)


def test_a_turn_without_new_words_is_none() -> None:
    assert transcript(Turn(0, end_of_turn=True), later, final=True) is None
    assert transcript(HI, later, final=True, after=11.0) is None


def test_a_word_ends_no_sooner_than_it_starts() -> None:
    turn = Turn(0, end_of_turn=True, words=(Heard("hi", 900, 100),))

    found = transcript(turn, later, final=True)

    assert found is not None
    assert (found.words[0].start, found.words[0].end) == (10.9, 10.9)


def test_words_before_the_audio_that_is_left_are_kept() -> None:
    pending = transcript(HI, later, final=False)
    assert pending is not None

    kept = heard_before(pending, 10.45)

    assert kept is not None
    assert (kept.text, kept.final, kept.at) == ("hi", True, 10.4)
    assert heard_before(pending, 10.0) is None


# --- what we send ---------------------------------------------------------------------------------


def test_the_address_says_what_audio_comes_and_what_is_spoken() -> None:
    assert query_of(SETTINGS) == {
        "speech_model": ["universal-3-5-pro"],
        "encoding": ["pcm_mulaw"],
        "sample_rate": ["8000"],
        "language_codes": ['["de"]'],
    }


def test_the_address_says_what_is_set() -> None:
    settings = attrs.evolve(
        SETTINGS,
        model="universal-streaming-english",
        keyterms=("Miller & Sons",),
        format_turns=True,
        min_turn_silence=0.16,
        max_turn_silence=1.5,
        end_of_turn_confidence=0.7,
    )

    asked = query_of(settings)

    assert json.loads(asked.pop("keyterms_prompt")[0]) == ["Miller & Sons"]
    assert asked == {
        "speech_model": ["universal-streaming-english"],
        "encoding": ["pcm_mulaw"],
        "sample_rate": ["8000"],
        "format_turns": ["true"],
        "min_turn_silence": ["160"],
        "max_turn_silence": ["1500"],
        "end_of_turn_confidence_threshold": ["0.7"],
    }


@given(st.integers(min_value=0, max_value=40_000), st.sampled_from(FORMATS))
def test_audio_is_cut_into_messages_that_are_taken(samples: int, fmt: AudioFormat) -> None:
    audio = bytes(samples * fmt.nbytes(1 / fmt.rate))

    messages = list(cut(audio, fmt))

    lengths = [fmt.seconds(len(message)) for message in messages]
    assert b"".join(messages) == audio
    assert all(LEAST <= length <= 1.0 for length in lengths[:-1])
    assert min(LEAST, fmt.seconds(len(audio))) <= lengths[-1] <= 1.0
