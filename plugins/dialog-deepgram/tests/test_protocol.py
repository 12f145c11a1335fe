from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from dialog_deepgram import protocol as wire
from hypothesis import given
from hypothesis import strategies as st

from dialog_core.errors import ProviderProtocolError

SECONDS = st.floats(0, 4000, allow_nan=False)
TEXT = st.text(max_size=20)
SHARE = st.floats(0, 1)

WORDS = st.builds(wire.Word, TEXT, SECONDS, SECONDS, SHARE, TEXT, st.integers(0, 9), TEXT)
CHANNELS = st.builds(
    wire.Channel,
    st.lists(
        st.builds(wire.Alternative, TEXT, SHARE, st.lists(WORDS, max_size=3).map(tuple)),
        max_size=2,
    ).map(tuple),
)
MESSAGES = st.one_of(
    st.builds(
        wire.Results,
        start=SECONDS,
        duration=SECONDS,
        channel=CHANNELS,
        is_final=st.booleans(),
        speech_final=st.booleans(),
        from_finalize=st.booleans(),
    ),
    st.builds(wire.SpeechBegan, SECONDS),
    st.builds(wire.UtteranceEnd, SECONDS),
    st.builds(wire.Metadata, TEXT, SECONDS),
    st.builds(wire.Failure, TEXT, TEXT, TEXT),
)
FLUX_WORDS = st.builds(wire.FluxWord, TEXT, SHARE, st.none() | SECONDS, st.none() | SECONDS)
FLUX_MESSAGES = st.one_of(
    st.builds(wire.Connected, TEXT, st.integers(0, 9)),
    st.builds(
        wire.TurnInfo,
        event=st.sampled_from(["Update", "StartOfTurn", "EndOfTurn"]),
        turn_index=st.integers(0, 99),
        audio_window_start=SECONDS,
        audio_window_end=SECONDS,
        transcript=TEXT,
        words=st.lists(FLUX_WORDS, max_size=3).map(tuple),
    ),
    st.builds(wire.Warned, TEXT, TEXT),
    st.builds(wire.FluxFailure, TEXT, TEXT),
)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | SECONDS | TEXT,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "start", "channel", "words", "event", "transcript", "duration", "x"]
            ),
            inner | st.sampled_from(["Results", "TurnInfo", "Error", "Brandnew"]),
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(MESSAGES)
def test_a_message_of_v1_survives_the_wire(message: wire.Message) -> None:
    assert wire.parse(wire.build(message)) == message


@given(FLUX_MESSAGES)
def test_a_message_of_v2_survives_the_wire(message: wire.FluxMessage) -> None:
    assert wire.parse_flux(wire.build(message)) == message


@given(JSON)
def test_any_json_is_a_message_an_unknown_kind_or_the_vendors_fault(value: Any) -> None:
    for parse in (wire.parse, wire.parse_flux, wire.parse_command, wire.parse_flux_command):
        try:
            message = parse(json.dumps(value))
        except ProviderProtocolError:
            continue
        assert message is not None


@given(st.binary(max_size=40))
def test_any_bytes_are_the_vendors_fault_at_worst(raw: bytes) -> None:
    for parse in (wire.parse, wire.parse_flux):
        with suppress(ProviderProtocolError):
            parse(raw)


def test_a_kind_we_do_not_know_is_named() -> None:
    assert wire.parse('{"type": "Summary", "x": 1}') == wire.Unknown("Summary")


def test_a_malformed_message_of_a_known_kind_is_not_unknown() -> None:
    with pytest.raises(ProviderProtocolError, match="malformed Results"):
        wire.parse('{"type": "Results", "start": "soon"}')


def test_what_the_caller_said_is_not_in_the_error() -> None:
    raw = '{"type": "Results", "start": "my card is 42", "duration": 1, "channel": {}}'
    with pytest.raises(ProviderProtocolError) as caught:
        wire.parse(raw)
    assert "42" not in str(caught.value)


def test_missing_flags_are_false() -> None:
    raw = '{"type": "Results", "start": 0, "duration": 1, "channel": {"alternatives": []}}'
    result = wire.parse(raw)
    assert isinstance(result, wire.Results)
    assert not result.is_final
    assert not result.speech_final


def test_fields_that_we_do_not_know_are_skipped() -> None:
    raw = '{"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": 2.5, "new": {"a": [1]}}'
    assert wire.parse(raw) == wire.UtteranceEnd(2.5)


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (wire.KeepAlive(), '{"type":"KeepAlive"}'),
        (wire.Finalize(), '{"type":"Finalize"}'),
        (wire.CloseStream(), '{"type":"CloseStream"}'),
    ],
)
def test_commands_are_written_as_documented(command: wire.Command, text: str) -> None:
    assert wire.build(command) == text
    assert wire.parse_command(text) == command


def test_v2_has_neither_keepalive_nor_finalize() -> None:
    assert wire.parse_flux_command('{"type": "KeepAlive"}') == wire.Unknown("KeepAlive")
    assert wire.parse_flux_command('{"type": "Finalize"}') == wire.Unknown("Finalize")
