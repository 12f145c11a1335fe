from __future__ import annotations

from collections import deque

import anyio
import attrs
import pytest
from anyio.abc import ByteStream
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from dialog_core.errors import SocketClosed
from dialog_core.net.client_socket import CHUNK
from dialog_core.net.frames import extent, is_whole, message_frame
from dialog_core.net.websocket import upgrade

MASK = b"\x01\x02\x03\x04"


@given(st.text() | st.binary())
def test_a_message_is_one_whole_masked_frame(message: str | bytes) -> None:
    frame = message_frame(message, MASK)
    place = extent(frame, 0, len(frame))
    assert place is not None
    body, over = place
    hidden = bytes(byte ^ MASK[n % 4] for n, byte in enumerate(frame[body:over]))
    assert over == len(frame)
    assert hidden == (message.encode() if isinstance(message, str) else message)


@given(st.binary(max_size=300), st.integers(0, 400))
def test_frames_that_are_cut_are_not_whole(data: bytes, cut: int) -> None:
    frames = message_frame(data, MASK) + message_frame("next", MASK)
    first = len(message_frame(data, MASK))
    assert is_whole(frames[:cut]) == (cut in (0, first) or cut >= len(frames))


@attrs.define
class Server(ByteStream):
    """A server in memory: it answers the upgrade, then sends what it is told in pieces, then is gone."""

    pieces: deque[bytes]
    early: bytes = b""
    protocol: ServerProtocol = attrs.field(factory=ServerProtocol)
    sent: bytearray = attrs.field(factory=bytearray)
    _answer: bytes = b""

    async def send(self, item: bytes) -> None:
        self.sent += item
        self.protocol.receive_data(item)
        for event in self.protocol.events_received():
            if isinstance(event, Request):
                self.protocol.send_response(self.protocol.accept(event))
                self._answer = b"".join(self.protocol.data_to_send()) + self.early
                self.sent.clear()

    async def receive(self, max_bytes: int = CHUNK) -> bytes:
        if self._answer:
            answer, self._answer = self._answer, b""
            return answer
        if not self.pieces:
            raise anyio.EndOfStream
        piece = self.pieces.popleft()
        if len(piece) > max_bytes:
            self.pieces.appendleft(piece[max_bytes:])
        return piece[:max_bytes]

    async def send_eof(self) -> None:
        return

    async def aclose(self) -> None:
        return


def frame(first: int, data: bytes) -> bytes:
    length = len(data)
    if length < 126:
        return bytes((first, length)) + data
    if length < 1 << 16:
        return bytes((first, 126)) + length.to_bytes(2, "big") + data
    return bytes((first, 127)) + length.to_bytes(8, "big") + data


MESSAGES: dict[bytes, list[str | bytes]] = {
    frame(0x81, b'{"type":"Results"}'): ['{"type":"Results"}'],
    frame(0x82, b"\x00\x01"): [b"\x00\x01"],
    frame(0x81, b""): [""],
    frame(0x81, b"x" * 300): ["x" * 300],
    frame(0x82, b"y" * 70_000): [b"y" * 70_000],
    frame(0x81, b"z" * 150_000): ["z" * 150_000],
    frame(0x89, b"ping"): [],
    frame(0x01, b"first, ") + frame(0x80, b"last"): ["first, last"],
    frame(0x01, b"first, ") + frame(0x89, b"between") + frame(0x80, b"last"): ["first, last"],
}


async def read(server: Server) -> list[str | bytes]:
    """What a client receives until the server is gone."""
    socket = await upgrade(server, parse_uri("ws://vendor.example/"), {})
    received: list[str | bytes] = []
    while True:
        try:
            received.append(await socket.receive())
        except SocketClosed:
            return received


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from(list(MESSAGES)), max_size=6),
    st.lists(st.integers(0, 400_000), max_size=8),
    st.booleans(),
)
def test_messages_are_the_same_however_their_bytes_are_cut(
    frames: list[bytes], cuts: list[int], early: bool
) -> None:
    data = b"".join(frames)
    ends = [*sorted(cut for cut in cuts if cut < len(data)), len(data)]
    pieces = deque(data[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True))
    server = Server(pieces, early=pieces.popleft() if early else b"")
    wanted = [message for each in frames for message in MESSAGES[each]]
    assert anyio.run(read, server) == wanted
    assert server.sent.count(0x8A) >= sum(0x89 in (each[0], *each[9:10]) for each in frames)


@pytest.mark.parametrize(
    "spoilt", [frame(0x81, b"\xff"), frame(0xC1, b"reserved"), frame(0x80, b"")]
)
def test_what_breaks_the_protocol_ends_the_socket(spoilt: bytes) -> None:
    server = Server(deque([frame(0x81, b"well"), spoilt + frame(0x81, b"too late")]))
    assert anyio.run(read, server) == ["well"]
