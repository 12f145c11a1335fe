from __future__ import annotations

from itertools import pairwise

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialog_core.net.http_wire import (
    LONGEST_HEAD,
    Body,
    Chunked,
    Garbled,
    Measured,
    body_of,
    parse_head,
    write_head,
)

OK = b"HTTP/1.1 200 OK\r\n"

HEADS = st.sampled_from(
    [
        OK + b"Content-Length: 5\r\n\r\n",
        OK + b"content-length:5\r\nConnection: close\r\n\r\n",
        OK + b"Content-Length: 5, 5\r\nContent-Length: 5\r\n\r\n",
        OK + b"Content-Length: 5, 6\r\n\r\n",
        OK + b"Content-Length: -5\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
        OK + b"X-Folded: a\r\n b\r\nContent-Length: 5\r\n\r\n",
        OK + b"X Blank: a\r\n\r\n",
        OK + b"X-Null: a\x00b\r\n\r\n",
        OK + b"no colon\r\n\r\n",
        OK + b"\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 304\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 429 Too Many\nContent-Length: 5\n\n",
        b"HTTP/2 200\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
    ]
)
BODIES = st.sampled_from(
    [
        b"hello",
        b"hell",
        b"",
        b"5\r\nhello\r\n0\r\n\r\n",
        b"2\r\nhe\r\n3;extension=1\r\nllo\r\n00\r\nTrailer: 1\r\nOther: 2\r\n\r\n",
        b"A \r\n0123456789\r\n0\r\n\r\n",
        b"5\r\nhello0\r\n\r\n",
        b"5\r\nhello\r\n",
        b"x\r\nhello\r\n0\r\n\r\n",
        b"-5\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhel",
    ]
)


def ours(pieces: list[bytes], method: bytes) -> tuple[object, ...] | None:
    """Status, headers and body, and whether the connection may be used again; None if it is no response."""
    data, body, got, head = b"", None, b"", None
    try:
        for piece in pieces:
            if body is None:
                data += piece
                found = parse_head(data)
                if found is None:
                    continue
                head, after = found
                body = body_of(method, head)
            else:
                after = piece
            if not body.done:
                got += body.feed(after) if after else b""
        if head is None or body is None:
            return None
        if not body.done:
            body.end()
            return head.status, [(n.lower(), v) for n, v in head.headers], got, False
    except Garbled:
        return None
    return head.status, [(n.lower(), v) for n, v in head.headers], got, head.keeps_alive


def theirs(pieces: list[bytes], method: bytes) -> tuple[object, ...] | None:
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target="/", headers=[("host", "x")]))
    client.send(h11.EndOfMessage())
    status, headers, got = 0, list[tuple[bytes, bytes]](), b""
    left = [*pieces, b""]
    try:
        while True:
            event = client.next_event()
            match event:
                case h11.NEED_DATA:
                    client.receive_data(left.pop(0))
                case h11.Response():
                    status, headers = event.status_code, list(event.headers)
                case h11.Data():
                    got += bytes(event.data)
                case _:
                    return status, headers, got, client.their_state is h11.DONE and bool(left)
    except h11.RemoteProtocolError:
        return None


@settings(max_examples=300, deadline=None)
@given(
    head=HEADS,
    body=BODIES,
    cuts=st.lists(st.integers(0, 150), max_size=5),
    method=st.sampled_from([b"GET", b"HEAD"]),
)
def test_responses_are_read_as_by_h11_however_they_are_cut(
    head: bytes, body: bytes, cuts: list[int], method: bytes
) -> None:
    data = head + body
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[a:b] for a, b in pairwise(edges)]
    expected = theirs(pieces, method)
    found = ours(pieces, method)
    if expected is not None and b"Content-Length: 5, 5" in head and found is not None:
        expected = (expected[0], found[1], *expected[2:])  # h11 joins lengths that agree
    assert found == expected


@given(
    chunks=st.lists(st.binary(min_size=1, max_size=50)),
    cuts=st.lists(st.integers(0, 400), max_size=8),
    rest=st.binary(max_size=9),
)
def test_chunks_are_put_together_however_they_are_cut(
    chunks: list[bytes], cuts: list[int], rest: bytes
) -> None:
    data = b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in chunks) + b"0\r\n\r\n" + rest
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    body, got, over = Chunked(), b"", b""
    for a, b in pairwise(edges):
        if body.done:
            over += data[a:b]
        else:
            got += body.feed(data[a:b])
    assert got == b"".join(chunks)
    assert body.done
    assert body.rest + over == rest


@pytest.mark.parametrize("body", [Chunked(), Measured(3)])
def test_a_body_that_breaks_off_is_no_body(body: Body) -> None:
    body.feed(b"1\r")
    with pytest.raises(Garbled, match="connection ended"):
        body.end()


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * LONGEST_HEAD,
        OK + b"transfer-encoding: chunked\r\n\r\n" + b"0" * (LONGEST_HEAD + 1),
        OK + b"transfer-encoding: chunked\r\n\r\n0\r\n" + b"a: b\r\n" * LONGEST_HEAD,
        OK + b"transfer-encoding: chunked\r\n\r\n" + b"f" * 17 + b"\r\n",
    ],
)
def test_what_never_ends_is_refused(data: bytes) -> None:
    def read() -> None:
        found = parse_head(data)
        assert found is not None
        body_of(b"GET", found[0]).feed(found[1])

    with pytest.raises(Garbled):
        read()


def test_a_request_is_written_as_it_is_meant() -> None:
    written = write_head(b"POST", b"/v1/chat?a=b", [(b"Host", b"x"), (b"Accept", b"*/*")])
    assert written == b"POST /v1/chat?a=b HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n"


@pytest.mark.parametrize(
    ("method", "target", "header"),
    [
        (b"GET /", b"/", (b"a", b"b")),
        (b"GET", b"/ HTTP/1.1\r\nX: y", (b"a", b"b")),
        (b"GET", b"/", (b"a", b"b\r\nX: y")),
        (b"GET", b"/", (b"a", b"b\nX: y")),
        (b"GET", b"/", (b"a: b\r\nX", b"y")),
        (b"GET", b"/", (b"", b"y")),
    ],
)
def test_nothing_can_be_smuggled_into_a_request(
    method: bytes, target: bytes, header: tuple[bytes, bytes]
) -> None:
    with pytest.raises(Garbled):
        write_head(method, target, [header])
