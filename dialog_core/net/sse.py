r"""Server-sent events: bytes in, events out, however the bytes were cut.

A stream is lines, ended by LF, CRLF or CR. A line is ``name: value``; a line that starts with a colon is a comment; an
empty line ends the event. An event without data is none::

    : keep-alive            ignored
    event: delta            kind "delta"
    data: {"a":             data '{"a":\n1}'
    data: 1}
                            <- here the event is complete

Source: HTML Living Standard, 9.2 Server-sent events.
"""

from __future__ import annotations

import re

import attrs

__all__ = ["ServerSentEvent", "SseParser"]

ENDING = re.compile(rb"\r\n|\n|\r")
BOM = b"\xef\xbb\xbf"
MAX_EVENT = 1_000_000


@attrs.frozen
class ServerSentEvent:
    """One event."""

    data: str
    kind: str = "message"
    """What the sender calls it: the ``event`` field."""
    id: str = ""


@attrs.define(eq=False)
class SseParser:
    """Splits one response's body. Text that is not UTF-8 is replaced, not refused."""

    max_event: int = MAX_EVENT
    """Bytes of data that an event may have; a larger one is left out and counted."""
    oversize: int = 0
    _rest: bytes = b""
    _after_cr: bool = False
    _data: list[bytes] = attrs.field(factory=list)
    _size: int = 0
    _kind: str = ""
    _id: str = ""

    def feed(self, data: bytes) -> tuple[ServerSentEvent, ...]:
        """Take the next bytes; returns the events that they complete."""
        if not data:
            return ()
        if self._after_cr and data.startswith(b"\n"):
            data = data[1:]
        self._after_cr = data.endswith(b"\r") if data else False
        *lines, self._rest = ENDING.split(self._rest + data)
        if len(self._rest) > self.max_event + len(BOM + b"data: "):
            self._rest = self._rest[: self.max_event + len(BOM + b"data: ")]
        return tuple(event for line in lines if (event := self._line(line)) is not None)

    def finish(self) -> tuple[ServerSentEvent, ...]:
        """The body is over; returns the event that it did not end with an empty line, if any."""
        rest, self._rest, self._after_cr = self._rest, b"", False
        last = (self._line(rest) if rest else None, self._complete())
        return tuple(event for event in last if event is not None)

    def _line(self, line: bytes) -> ServerSentEvent | None:
        if not line:
            return self._complete()
        name, _, value = line.removeprefix(BOM).partition(b":")
        value = value.removeprefix(b" ")
        match name:
            case b"data":
                self._size += len(value) + 1
                if self._size <= self.max_event:
                    self._data.append(value)
            case b"event":
                self._kind = value.decode("utf-8", "replace")
            case b"id" if b"\0" not in value:
                self._id = value.decode("utf-8", "replace")
        return None

    def _complete(self) -> ServerSentEvent | None:
        data, kind, size = self._data, self._kind, self._size
        self._data, self._kind, self._size = [], "", 0
        if size > self.max_event:
            self.oversize += 1
            return None
        if not data:
            return None
        text = b"\n".join(data).decode("utf-8", "replace")
        return ServerSentEvent(text, kind or "message", self._id)
