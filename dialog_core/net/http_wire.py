r"""HTTP/1.1 as a client writes and reads it, as bytes; no waiting here.

Reading a body that the server makes as it goes is the point: a language model's tokens come in chunks of some hundred
bytes, a few hundred a reply::

    1f\r\n                       size of a chunk, in hexadecimal
    data: {"delta":"Hello"}\n\n  so many bytes
    \r\n
    0\r\n\r\n                    the end, trailers included

What is not understood is refused, never guessed: a body whose end is uncertain would be the next answer's beginning.

Source: RFC 9112; what servers get wrong and h11 puts up with is put up with here (bare line feeds, folded headers).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import attrs

__all__ = ["Body", "Chunked", "Garbled", "Head", "Measured", "body_of", "parse_head", "write_head"]

HEAD_END = re.compile(rb"\n\r?\n")
STATUS = re.compile(rb"HTTP/(1\.[01]) ([1-9][0-9]{2})(?: ([^\x00-\x08\x0a-\x1f\x7f]*))?")
NAME = re.compile(rb"[-!#$%&'*+.^_`|~0-9A-Za-z]+")
VALUE = re.compile(rb"[^\x00\r\n]*")
TARGET = re.compile(rb"[\x21-\x7e]+")
SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\x00\r\n]*)?")
LENGTH = re.compile(rb"[0-9]{1,20}")
CRLF = b"\r\n"
LONGEST_HEAD = 100_000
"""Bytes of a status line with its headers; also of a chunk's line and of trailers."""
NO_BODY = frozenset({204, 304})

Header = tuple[bytes, bytes]


class Garbled(ValueError):
    """The peer's bytes, or ours, are not HTTP."""


@attrs.frozen
class Head:
    """What comes before a response's body."""

    version: bytes
    """``1.0`` or ``1.1``."""
    status: int
    reason: bytes
    headers: list[Header]

    def listed(self, name: bytes) -> list[bytes]:
        """A header's comma-separated items in lower case, all its lines together."""
        values = (value for each, value in self.headers if each.lower() == name)
        items = (item.strip().lower() for value in values for item in value.split(b","))
        return [item for item in items if item]

    @property
    def keeps_alive(self) -> bool:
        """Whether the connection may be used again after the body."""
        return self.version == b"1.1" and b"close" not in self.listed(b"connection")


def write_head(method: bytes, target: bytes, headers: Iterable[Header]) -> bytes:
    """A request up to its body. Raises: Garbled if it would be read as something else."""
    if not NAME.fullmatch(method) or not TARGET.fullmatch(target):
        raise Garbled("the method or the target of the request has characters it must not have")
    lines = [b"%b %b HTTP/1.1\r\n" % (method, target)]
    for name, value in headers:
        if not NAME.fullmatch(name) or not VALUE.fullmatch(value):
            raise Garbled(f"header {name!r} has characters that a header must not have")
        lines.append(b"%b: %b\r\n" % (name, value))
    lines.append(CRLF)
    return b"".join(lines)


def parse_head(data: bytes) -> tuple[Head, bytes] | None:
    """The head of a response and what came after it; None if it has not come whole. Raises: Garbled."""
    end = HEAD_END.search(data)
    if end is None:
        if len(data) > LONGEST_HEAD:
            raise Garbled(f"a response's headers are over {LONGEST_HEAD} bytes")
        return None
    first, *lines = data[: end.start()].replace(CRLF, b"\n").removesuffix(b"\r").split(b"\n")
    status = STATUS.fullmatch(first)
    if status is None:
        raise Garbled("the server does not speak HTTP/1.1")
    headers: list[Header] = []
    for line in lines:
        if line[:1] in (b" ", b"\t") and headers:
            name, value = headers[-1]
            headers[-1] = (name, b"%b %b" % (value, line.strip()))
            continue
        name, colon, value = line.partition(b":")
        if not colon or not NAME.fullmatch(name) or not VALUE.fullmatch(value):
            raise Garbled("a response's header cannot be read")
        headers.append((name, value.strip(b" \t")))
    head = Head(status[1], int(status[2]), status[3] or b"", headers)
    return head, data[end.end() :]


class Body:
    """The body's bytes out of the connection's; here one that ends with the connection."""

    def __init__(self) -> None:
        self.done = False
        """Nothing more belongs to the body."""
        self.rest = b""
        """What came after the end. A server has no business to send any."""

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes; returns those of the body. Raises: Garbled."""
        return data

    def end(self) -> None:
        """The connection has ended. Raises: Garbled if the body has not."""
        self.done = True


class Measured(Body):
    """A body whose length was told."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self._left = length
        self.done = not length

    def feed(self, data: bytes) -> bytes:
        """See :meth:`Body.feed`."""
        data, self.rest = data[: self._left], data[self._left :]
        self._left -= len(data)
        self.done = not self._left
        return data

    def end(self) -> None:
        """See :meth:`Body.end`."""
        if not self.done:
            raise Garbled(f"the connection ended {self._left} bytes before the end of the body")


class Chunked(Body):
    """A body in chunks. Trailers are read and dropped."""

    def __init__(self) -> None:
        super().__init__()
        self._data = b""
        """The beginning of a line, or of the line break after a chunk."""
        self._left = 0
        """Bytes of the chunk that are to come."""
        self._breaks = False
        """A line break is next, the end of a chunk."""
        self._trailers: int | None = None
        """Bytes of them so far; None before the last chunk."""

    def feed(self, data: bytes) -> bytes:
        """See :meth:`Body.feed`."""
        if self._data:
            data, self._data = self._data + data, b""
        pieces: list[bytes] = []
        start, end = 0, len(data)
        while start < end and not self.done:
            if self._left:
                piece = data[start : start + self._left]
                pieces.append(piece)
                start += len(piece)
                self._left -= len(piece)
                self._breaks = not self._left
                continue
            over = data.find(b"\n", start)
            if over < 0:
                break
            self._line(data[start:over].removesuffix(b"\r"))
            start = over + 1
        if self.done:
            self.rest = data[start:]
        elif start < end:
            self._data = data[start:]
            if end - start > LONGEST_HEAD:
                raise Garbled(f"a chunk's size is over {LONGEST_HEAD} bytes long")
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _line(self, line: bytes) -> None:
        """A line between the chunks has come."""
        if self._trailers is not None:
            self._trailers += len(line)
            if self._trailers > LONGEST_HEAD:
                raise Garbled(f"a response's trailers are over {LONGEST_HEAD} bytes")
            self.done = not line
        elif self._breaks:
            if line:
                raise Garbled("a chunk is longer than its size says")
            self._breaks = False
        else:
            size = SIZE.fullmatch(line)
            if size is None:
                raise Garbled("a chunk's size cannot be read")
            self._left = int(size[1], 16)
            if not self._left:
                self._trailers = 0

    def end(self) -> None:
        """See :meth:`Body.end`."""
        if not self.done:
            raise Garbled("the connection ended before the last chunk of the body")


def body_of(method: bytes, head: Head) -> Body:
    """How the body of a response is to be read. Raises: Garbled if that is uncertain."""
    codings, lengths = head.listed(b"transfer-encoding"), set(head.listed(b"content-length"))
    if codings and codings != [b"chunked"]:
        raise Garbled("a response's transfer encoding is not chunked")
    if len(lengths) > 1 or not all(LENGTH.fullmatch(each) for each in lengths):
        raise Garbled("a response's length cannot be read")
    if method == b"HEAD" or head.status in NO_BODY:
        return Measured(0)
    if codings:
        return Chunked()
    return Measured(int(lengths.pop())) if lengths else Body()
