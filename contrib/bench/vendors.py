"""Lean vendors: Deepgram, OpenAI and Cartesia as far as a load of well-behaved calls needs them, on one port.

They speak the same messages as the plugins' fakes, which check and fail as well and therefore cost too much for some
hundred calls; `tests/test_vendors.py` holds both to the same dialogue. A caller is followed through the stages by a
number: it is in the samples of their silence (:func:`contrib.bench.recogniser.quiet`), then in the words that they are
heard to say, and so in the question to the model and in the text that is to be spoken.
"""

from __future__ import annotations

import re

from contrib.bench.followed import Pace, Socket, Trace, Vendors
from contrib.bench.frames import accept_key
from contrib.bench.loop import Connection
from contrib.bench.model import Model
from contrib.bench.recogniser import Recogniser, quiet
from contrib.bench.synthesiser import Synthesiser

__all__ = ["Pace", "Trace", "Vendors", "listen", "quiet"]


class Door:
    """A new connection, until its first request says what it is."""

    def __init__(self, vendors: Vendors, connection: Connection) -> None:
        self._vendors = vendors
        self._connection = connection
        self._head = b""
        connection.on_data = self._read

    def _read(self, data: bytes) -> None:
        self._head += data
        head, end, rest = self._head.partition(b"\r\n\r\n")
        if not end:
            return
        target = head.split(b" ", 2)[1].decode()
        if b"upgrade: websocket" not in head.lower():
            model = Model(self._vendors, self._connection)
            self._connection.on_data = model.read
            model.read(self._head)
            return
        key = re.search(rb"(?i)sec-websocket-key: *(\S+)", head)
        assert key is not None
        self._connection.send(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept_key(key[1]) + b"\r\n\r\n"
        )
        socket = Socket(self._connection)
        kind = Recogniser if "/listen" in target else Synthesiser
        kind(self._vendors, socket, target)
        if rest:
            socket.read(rest)


def listen(vendors: Vendors) -> int:
    """Serve on a free port; returns it."""

    def accept(connection: Connection) -> None:
        Door(vendors, connection)

    return vendors.loop.listen(accept)
