from __future__ import annotations

import base64
import json
from contextlib import suppress

import msgspec
import pytest
from dialog_plivo.protocol import (
    AUDIO_LIMIT,
    MESSAGE_LIMIT,
    Cleared,
    Dtmf,
    DtmfBody,
    Envelopes,
    Error,
    Media,
    MediaBody,
    MediaFormat,
    Message,
    Played,
    PlayFailed,
    Start,
    StartBody,
    Stop,
    Unknown,
    parse,
    read_headers,
)
from hypothesis import given
from hypothesis import strategies as st

from dialog_core.errors import ProviderProtocolError

STREAM = "bbbbbbbb-0000-4000-8000-000000000002"
words = st.text(max_size=40)
numbers = st.integers(0, 10**13) | st.integers(0, 10**13).map(str)
messages: st.SearchStrategy[Message] = st.one_of(
    st.builds(
        Start,
        st.builds(
            StartBody,
            words,
            words,
            st.builds(MediaFormat, words, numbers),
            words,
            st.lists(words, max_size=2).map(tuple),
        ),
        words | st.dictionaries(words, words, max_size=4),
    ),
    st.builds(Media, st.builds(MediaBody, st.binary(max_size=400), numbers, numbers, words)),
    st.builds(Dtmf, st.builds(DtmfBody, words)),
    st.builds(Played, words),
    st.just(Cleared()),
    st.builds(PlayFailed, words),
    st.builds(Error, words),
    st.just(Stop()),
)


@given(messages)
def test_every_message_is_read_as_it_was_written(message: Message) -> None:
    assert parse(msgspec.json.encode(message).decode()) == message


@given(messages)
def test_the_order_of_fields_and_unknown_fields_do_not_matter(message: Message) -> None:
    written = json.loads(msgspec.json.encode(message))
    shuffled = dict(reversed(list(written.items()))) | {"future": {"a": 1}, "sequenceNumber": "x"}
    assert parse(json.dumps(shuffled)) == message


def test_the_samples_of_the_documentation_are_understood() -> None:
    start = {
        "event": "start",
        "sequenceNumber": 1,
        "start": {
            "callId": "aaaaaaaa-0000-4000-8000-000000000001",
            "streamId": STREAM,
            "accountId": "MAXXXXXXXXXXXXXXXXXX",
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000},
        },
        "extra_headers": "session=s123;tenant=42",
    }
    media = {
        "event": "media",
        "sequenceNumber": 42,
        "streamId": STREAM,
        "media": {
            "track": "inbound",
            "timestamp": "1705312200000",
            "chunk": 41,
            "payload": "//7+/v8=",
        },
        "extra_headers": "session=s123;tenant=42",
    }
    begun, heard = parse(json.dumps(start)), parse(json.dumps(media))
    assert isinstance(begun, Start)
    assert begun.headers == {"session": "s123", "tenant": "42"}
    assert isinstance(heard, Media)
    assert (heard.media.payload, heard.media.chunk) == (b"\xff\xfe\xfe\xfe\xff", 41)


@pytest.mark.parametrize("event", ["playedStream", "played"])
@pytest.mark.parametrize("number", ["", '"sequenceNumber":51,', '"sequenceNumber":"51",'])
def test_a_checkpoint_is_confirmed_under_either_name(event: str, number: str) -> None:
    text = f'{{"event":"{event}",{number}"streamId":"{STREAM}","name":"g3:u7:end"}}'
    message = parse(text)
    assert message == Played("g3:u7:end")
    assert isinstance(message, Played)


@given(st.text() | st.binary())
def test_anything_is_either_a_message_or_the_peers_fault(garbage: str | bytes) -> None:
    with suppress(ProviderProtocolError):
        parse(garbage)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        '{"event":3}',
        '{"event":"media","streamId":"s"}',
        '{"event":"media","media":{"track":"inbound","timestamp":"20","payload":"%%%"}}',
        '{"event":"start","start":{}}',
        '{"event":"playedStream"}',
        "x" * (MESSAGE_LIMIT + 1),
    ],
)
def test_a_message_that_lacks_what_it_must_have_is_the_peers_fault(text: str) -> None:
    with pytest.raises(ProviderProtocolError):
        parse(text)


def test_an_unknown_kind_is_named_so_that_it_can_be_skipped() -> None:
    assert parse('{"event":"muteStream","why":true}') == Unknown("muteStream")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("", {}),
        ("a=1;b=2", {"a": "1", "b": "2"}),
        ("a=1, b=2=3", {"a": "1", "b": "2=3"}),
        ('{"a":"1"}', {"a": "1"}),
        ('{"a":1}', {"a": "1"}),
        ({"a": 1}, {"a": "1"}),
        (None, {}),
        (7, {}),
        ("{", {}),
        ("nothing", {}),
    ],
)
def test_extra_headers_are_read_in_all_the_forms_they_were_seen_in(
    written: object, read: dict[str, str]
) -> None:
    assert read_headers(written) == read


@given(st.binary(max_size=2000), words)
def test_outgoing_messages_have_exactly_the_fields_that_plivo_wants(
    audio: bytes, name: str
) -> None:
    out = Envelopes(STREAM)
    assert json.loads(out.audio(audio)) == {
        "event": "playAudio",
        "media": {
            "contentType": "audio/x-mulaw",
            "sampleRate": 8000,
            "payload": base64.b64encode(audio).decode(),
        },
    }
    checkpoint = {"event": "checkpoint", "streamId": STREAM, "name": name}
    assert json.loads(out.mark(name)) == checkpoint
    assert json.loads(out.clear) == {"event": "clearAudio", "streamId": STREAM}
    assert json.loads(out.digits("12#")) == {"event": "sendDTMF", "dtmf": "12#"}


def test_the_longest_piece_of_audio_is_within_plivos_limits() -> None:
    message = Envelopes(STREAM).audio(bytes(AUDIO_LIMIT))
    assert len(json.loads(message)["media"]["payload"]) <= 16_384
    assert len(message) <= MESSAGE_LIMIT
