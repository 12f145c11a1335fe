from __future__ import annotations

import json
from base64 import b64encode

import pytest
from dialog_telnyx.protocol import (
    MESSAGE_LIMIT,
    Connected,
    Dtmf,
    Envelopes,
    Failed,
    Mark,
    MarkBody,
    Media,
    Start,
    Stop,
    Unknown,
    parse,
)
from hypothesis import given
from hypothesis import strategies as st

from dialog_core.errors import ProviderProtocolError

STREAM = '"stream_id":"11111111-0000-4000-8000-000000000001"'
START = (
    '{"event":"start","sequence_number":"1",' + STREAM + ',"start":{"user_id":"u-1",'
    '"call_control_id":"v3:fake","call_session_id":"sess-1","from":"+15550001111","to":"+15550002222",'
    '"tags":[],"client_state":"eyJzIjoxfQ==","custom_parameters":{"session":"s_123"},'
    '"media_format":{"encoding":"PCMU","sample_rate":8000,"channels":1}}}'
)


def test_every_message_of_telnyx_is_read() -> None:
    assert parse('{"event":"connected","version":"1.0.0","protocol":"x"}') == Connected("1.0.0")
    start = parse(START)
    assert isinstance(start, Start)
    assert (start.start.caller, start.start.called) == ("+15550001111", "+15550002222")
    assert start.start.client_state == "eyJzIjoxfQ=="
    media = parse(
        '{"event":"media","sequence_number":"4",' + STREAM + ',"media":{"track":"inbound",'
        '"chunk":"2","timestamp":"20","payload":"//7+"}}'
    )
    assert isinstance(media, Media)
    assert (media.media.chunk, media.media.payload) == ("2", b"\xff\xfe\xfe")
    dtmf = parse('{"event":"dtmf","sequence_number":"5","dtmf":{"digit":"1"}}')
    assert isinstance(dtmf, Dtmf)
    assert dtmf.dtmf.digit == "1"
    assert isinstance(parse('{"event":"stop","stop":{"user_id":"u-1"}}'), Stop)
    assert parse('{"event":"unheard-of","more":1}') == Unknown("unheard-of")


@pytest.mark.parametrize("key", ["payload", "error"])
@pytest.mark.parametrize("code", ["100004", 100004])
def test_errors_are_read_in_both_shapes(key: str, code: str | int) -> None:
    message = parse(json.dumps({"event": "error", key: {"code": code, "title": "invalid_media"}}))
    assert isinstance(message, Failed)
    assert message.reason == "100004 invalid_media"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"event":"media"}',
        '{"event":"start","start":{}}',
        '{"event":"media","media":{"chunk":"1","timestamp":"20","payload":"%"}}',
        "x" * (MESSAGE_LIMIT + 1),
    ],
)
def test_what_cannot_be_read_is_telnyxs_fault(text: str) -> None:
    with pytest.raises(ProviderProtocolError):
        parse(text)


@given(st.text(max_size=40))
def test_marks_come_back_as_they_were_sent(name: str) -> None:
    sent = json.loads(Envelopes().mark(name))
    message = parse(json.dumps({**sent, "sequence_number": "6"}))
    assert message == Mark(MarkBody(name))


@given(st.binary(max_size=400))
def test_what_we_send_has_exactly_the_fields_that_telnyx_wants(audio: bytes) -> None:
    assert json.loads(Envelopes().media(audio)) == {
        "event": "media",
        "media": {"payload": b64encode(audio).decode()},
    }
    assert json.loads(Envelopes().clear) == {"event": "clear"}
