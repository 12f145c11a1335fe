from __future__ import annotations

import base64
import json
from contextlib import suppress

import msgspec
import pytest
from dialog_twilio.protocol import (
    MESSAGE_LIMIT,
    Connected,
    Dtmf,
    DtmfBody,
    Envelopes,
    Mark,
    MarkBody,
    Media,
    MediaBody,
    MediaFormat,
    Message,
    Start,
    StartBody,
    Stop,
    StopBody,
    Unknown,
    parse,
)
from hypothesis import given
from hypothesis import strategies as st

from dialog_core.errors import ProviderProtocolError

SID = "MZ00000000000000000000000000000001"
words = st.text(max_size=40)
numbers = st.integers(0, 10**9) | st.integers(0, 10**9).map(str)
messages: st.SearchStrategy[Message] = st.one_of(
    st.builds(Connected, words, words),
    st.builds(
        Start,
        numbers,
        words,
        st.builds(
            StartBody,
            words,
            words,
            words,
            st.lists(words, max_size=2).map(tuple),
            st.builds(MediaFormat, words, numbers, numbers),
            st.dictionaries(words, words, max_size=4),
        ),
    ),
    st.builds(
        Media,
        numbers,
        words,
        st.builds(MediaBody, words, numbers, numbers, st.binary(max_size=400)),
    ),
    st.builds(Dtmf, numbers, words, st.builds(DtmfBody, words, words)),
    st.builds(Mark, numbers, words, st.builds(MarkBody, words)),
    st.builds(Stop, numbers, words, st.builds(StopBody, words, words)),
)


@pytest.mark.requirement("A.24")
@given(messages)
def test_every_message_is_read_as_it_was_written(message: Message) -> None:
    assert parse(msgspec.json.encode(message).decode()) == message


@given(messages)
def test_the_order_of_fields_and_unknown_fields_do_not_matter(message: Message) -> None:
    written = json.loads(msgspec.json.encode(message))
    shuffled = dict(reversed(list(written.items()))) | {"future": {"a": 1}}
    assert parse(json.dumps(shuffled)) == message


@pytest.mark.requirement("B.43")
def test_the_samples_of_the_documentation_are_understood() -> None:
    texts = [
        '{"event":"connected","protocol":"Call","version":"1.0.0"}',
        '{"event":"dtmf","sequenceNumber":"57","streamSid":"MZ1","dtmf":{"track":"inbound_track","digit":"5"}}',
        '{"event":"mark","sequenceNumber":"61","streamSid":"MZ1","mark":{"name":"g7:end"}}',
        '{"event":"stop","sequenceNumber":"9","streamSid":"MZ1","stop":{"accountSid":"AC1","callSid":"CA1"}}',
        (
            '{"event":"media","sequenceNumber":"42","streamSid":"MZ1",'
            '"media":{"track":"inbound","chunk":"41","timestamp":"820","payload":"//7+/v8="}}'
        ),
    ]
    kinds = [type(parse(text)) for text in texts]
    assert kinds == [Connected, Dtmf, Mark, Stop, Media]
    media = parse(texts[-1])
    assert isinstance(media, Media)
    assert media.media.payload == b"\xff\xfe\xfe\xfe\xff"


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
        '{"event":"media","streamSid":"MZ1"}',
        (
            '{"event":"media","sequenceNumber":"1","streamSid":"MZ1",'
            '"media":{"track":"inbound","chunk":"1","timestamp":"20","payload":"%%%"}}'
        ),
        '{"event":"start","sequenceNumber":"1","streamSid":"MZ1","start":{}}',
        "x" * (MESSAGE_LIMIT + 1),
    ],
)
def test_a_message_that_lacks_what_it_must_have_is_the_peers_fault(text: str) -> None:
    with pytest.raises(ProviderProtocolError):
        parse(text)


def test_an_unknown_kind_is_named_so_that_it_can_be_skipped() -> None:
    assert parse('{"event":"weather","rain":true}') == Unknown("weather")


@given(st.binary(max_size=2000), words)
def test_outgoing_messages_have_exactly_the_fields_that_twilio_wants(
    audio: bytes, name: str
) -> None:
    out = Envelopes(SID)
    assert json.loads(out.media(audio)) == {
        "event": "media",
        "streamSid": SID,
        "media": {"payload": base64.b64encode(audio).decode()},
    }
    assert json.loads(out.mark(name)) == {"event": "mark", "streamSid": SID, "mark": {"name": name}}
    assert json.loads(out.clear) == {"event": "clear", "streamSid": SID}
