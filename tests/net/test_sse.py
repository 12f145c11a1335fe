from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialog_core.net.sse import ServerSentEvent, SseParser

pytestmark = pytest.mark.requirement("B.27")


def parsed(*pieces: bytes) -> tuple[ServerSentEvent, ...]:
    parser = SseParser()
    events = [event for piece in pieces for event in parser.feed(piece)]
    return (*events, *parser.finish())


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
def test_each_line_ending_will_do(ending: bytes) -> None:
    body = ending.join([b"event: delta", b"id: 7", b"data: one", b"", b"data: two", b"", b""])
    assert parsed(body) == (ServerSentEvent("one", "delta", "7"), ServerSentEvent("two", id="7"))


@pytest.mark.parametrize(
    ("body", "data"),
    [
        (b"data: a\ndata: b\n\n", "a\nb"),
        (b"data:a\n\n", "a"),
        (b"data:  a\n\n", " a"),
        (b"data: a: b\n\n", "a: b"),
        (b"data\n\n", ""),
        (b": comment\ndata: a\n\n", "a"),
        (b"unknown: x\nretry: 5\ndata: a\n\n", "a"),
        (b"\xef\xbb\xbfdata: a\n\n", "a"),
        (b"data: gr\xc3\xbc\xff\n\n", "gr\u00fc\ufffd"),
    ],
)
def test_lines_are_read_as_the_standard_says(body: bytes, data: str) -> None:
    assert [event.data for event in parsed(body)] == [data]


def test_comments_and_empty_lines_are_no_events() -> None:
    assert parsed(b": ping\n\n\n\nevent: x\n\n") == ()


@pytest.mark.parametrize("body", [b"data: last", b"data: last\n", b"data: last\r"])
def test_the_last_event_may_lack_its_empty_line(body: bytes) -> None:
    assert [event.data for event in parsed(body)] == ["last"]


def test_an_event_is_complete_at_its_empty_line_and_no_later() -> None:
    parser = SseParser()
    assert parser.feed(b"data: a\r\n") == ()
    assert parser.feed(b"\r") == (ServerSentEvent("a"),)
    assert parser.feed(b"\ndata: b\n\n") == (ServerSentEvent("b"),)


def test_an_endless_event_is_left_out_and_counted() -> None:
    parser = SseParser(max_event=100)
    for _ in range(100):
        assert parser.feed(b"data: " + b"x" * 50) == ()
    assert parser.feed(b"\n\ndata: next\n\n") == (ServerSentEvent("next"),)
    assert parser.oversize == 1


LINES = st.sampled_from(
    [b"", b": c", b"data: a", b"data: \xc3\xa9", b"data", b"event: e", b"id: 1", b"bogus", b"data:"]
)
BODY = st.lists(st.tuples(LINES, st.sampled_from([b"\n", b"\r\n", b"\r"]))).map(
    lambda lines: b"".join(line + ending for line, ending in lines)
)


@given(BODY, st.lists(st.integers(0, 200)))
def test_how_the_bytes_were_cut_does_not_matter(body: bytes, cuts: list[int]) -> None:
    places = sorted({0, len(body), *(cut for cut in cuts if cut < len(body))})
    pieces = [body[a:b] for a, b in pairwise(places)]
    assert parsed(*pieces) == parsed(body)


@given(st.lists(st.binary(max_size=30), max_size=10))
def test_no_bytes_upset_it(pieces: list[bytes]) -> None:
    parsed(*pieces)
