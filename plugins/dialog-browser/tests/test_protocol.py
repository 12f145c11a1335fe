from __future__ import annotations

import json
from contextlib import suppress

import msgspec
import pytest
from dialog_browser import protocol
from dialog_browser.protocol import (
    BargeIn,
    Clear,
    Config,
    Done,
    Ended,
    Key,
    MarkPlayed,
    Mute,
    PlaceMark,
    Session,
    Speaking,
    Stop,
    Thinking,
    ToPage,
    Transcript,
    Unknown,
    Unmute,
    build,
    parse,
)
from hypothesis import given
from hypothesis import strategies as st

from dialog_core.errors import ProviderProtocolError


@pytest.mark.requirement("D.14")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '{"type":"config","rate":48000,"codecs":["opus","pcm16"]}',
            Config(48_000, ("opus", "pcm16")),
        ),
        ('{"type":"config","rate":16000}', Config(16_000)),
        ('{"type":"mute"}', Mute()),
        ('{"type":"unmute"}', Unmute()),
        ('{"type":"key","digit":"5"}', Key("5")),
        ('{"type":"mark","id":7}', MarkPlayed(7)),
        ('{"type":"stop","more":"is ignored"}', Stop()),
        ('{"type":"wave"}', Unknown("wave")),
    ],
)
def test_every_message_of_a_page_is_read(text: str, message: object) -> None:
    assert parse(text) == message


@pytest.mark.requirement("D.14")
@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            Session("c1", "reception", "pcm16", 16_000),
            {"type": "session", "call": "c1", "agent": "reception", "codec": "pcm16", "rate": 16_000, "version": 1},
        ),
        (
            Transcript("caller", 1, "Hello", final=True),
            {"type": "transcript", "side": "caller", "turn": 1, "text": "Hello", "final": True},
        ),
        (Thinking(1), {"type": "thinking", "reply": 1}),
        (Speaking(1), {"type": "speaking", "reply": 1}),
        (Done(1, "Hello."), {"type": "done", "reply": 1, "heard": "Hello.", "complete": True}),
        (BargeIn(2, "We are"), {"type": "barge-in", "reply": 2, "heard": "We are"}),
        (PlaceMark(3), {"type": "mark", "id": 3}),
        (Clear(), {"type": "clear"}),
        (Ended("hangup"), {"type": "ended", "reason": "hangup"}),
    ],
)  # fmt: skip
def test_every_message_to_a_page_is_as_documented(message: ToPage, expected: object) -> None:
    assert json.loads(build(message)) == expected


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", '"stop"', '{"type":7}', '{"type":"key"}', '{"type":"mark","id":1.5}', "[" * 4000]
)  # fmt: skip
def test_what_is_no_message_is_a_protocol_error(text: str) -> None:
    with pytest.raises(ProviderProtocolError):
        parse(text)


def test_a_text_message_may_not_be_long() -> None:
    with pytest.raises(ProviderProtocolError, match="too long"):
        parse(json.dumps({"type": "stop", "padding": "x" * protocol.TEXT_MOST}))


@given(st.text() | st.recursive(st.none() | st.text(), st.lists).map(json.dumps))
def test_whatever_comes_nothing_but_a_protocol_error_is_raised(text: str) -> None:
    with suppress(ProviderProtocolError):
        parse(text)


@given(
    st.builds(Config, st.integers(0, 10**6), st.lists(st.text(max_size=9), max_size=4).map(tuple))
    | st.builds(Key, st.text(max_size=5))
    | st.builds(MarkPlayed, st.integers(-(2**40), 2**40))
)
def test_what_a_page_writes_is_read_as_it_was_meant(message: protocol.PageMessage) -> None:
    assert parse(msgspec.json.encode(message).decode()) == message
