from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import takewhile
from typing import Any

import attrs
import pytest
import uvicorn
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from dialog_core.net.media_protocol import MediaProtocol

UPGRADE = (
    b"GET /media HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
MASK = b"\x01\x02\x03\x04"
LONGEST = 1000


def frame(first: int, data: bytes, *, masked: bool = True) -> bytes:
    length = len(data)
    head = bytes((length,)) if length < 126 else b"\x7e" + length.to_bytes(2, "big")
    if not masked:
        return bytes((first,)) + head + data
    hidden = bytes(byte ^ MASK[number % 4] for number, byte in enumerate(data))
    return bytes((first, head[0] | 0x80)) + head[1:] + MASK + hidden


@attrs.define
class Transport:
    sent: bytearray = attrs.field(factory=bytearray)
    paused: int = 0
    resumed: int = 0
    closed: bool = False

    def get_extra_info(self, _name: str, default: object = None) -> object:
        return default

    def write(self, data: bytes) -> None:
        self.sent += data

    def pause_reading(self) -> None:
        self.paused += 1

    def resume_reading(self) -> None:
        self.resumed += 1

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


async def nothing(_scope: Scope, _receive: Receive, _send: Send) -> None:
    return


async def opened(kind: type[WebSocketsSansIOProtocol]) -> tuple[Any, Transport]:
    """A protocol whose upgrade was answered."""
    config = uvicorn.Config(nothing, lifespan="off", ws_max_size=LONGEST, ws_max_queue=4)
    config.ws_ping_interval = None
    config.load()
    protocol = kind(config, ServerState(), {}, asyncio.get_running_loop())
    transport = Transport()
    protocol.connection_made(transport)  # type: ignore[arg-type]
    protocol.data_received(UPGRADE)
    await protocol.send({"type": "websocket.accept"})
    protocol.queue.get_nowait()
    return protocol, transport


def received(protocol: Any) -> list[dict[str, Any]]:
    messages = []
    while not protocol.queue.empty():
        messages.append(protocol.queue.get_nowait())
    return messages


async def outcome(
    kind: type[WebSocketsSansIOProtocol], pieces: list[bytes]
) -> tuple[list[dict[str, Any]], bytes, bool]:
    """What the application gets, what the client gets, and whether the connection is over."""
    protocol, transport = await opened(kind)
    for piece in pieces:
        if not transport.closed:
            protocol.data_received(piece)
    return received(protocol), bytes(transport.sent).partition(b"\r\n\r\n")[2], transport.closed


FRAMES = st.lists(
    st.sampled_from(
        [
            frame(0x81, b'{"event":"media"}'),
            frame(0x81, b"x" * 400),
            frame(0x81, "é".encode()),
            frame(0x81, b""),
            frame(0x82, b"\x00\x01"),
            frame(0x89, b"ping"),
            frame(0x8A, b"pong"),
            frame(0x01, b"first, ") + frame(0x80, b"last"),
            frame(0x01, b"first, ") + frame(0x89, b"between") + frame(0x80, b"last"),
            frame(0x01, b"first, ") + frame(0x81, b"out of place"),
            frame(0x80, b"of nothing"),
            frame(0x81, b"\xff not utf-8"),
            frame(0x81, b"not masked", masked=False),
            frame(0x81, b"x" * LONGEST),
            frame(0x81, b"x" * (LONGEST + 1)),
            frame(0xC1, b"reserved bit"),
            frame(0x88, b"\x03\xe8bye"),
        ]
    ),
    max_size=6,
)


@settings(max_examples=300)
@given(FRAMES, st.lists(st.integers(0, 3000), max_size=8))
def test_clients_are_served_as_by_uvicorn_however_their_bytes_are_cut(
    frames: list[bytes], cuts: list[int]
) -> None:
    data = b"".join(frames)
    ends = [*sorted(cut for cut in cuts if cut < len(data)), len(data)]
    pieces = [data[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]

    async def compare() -> None:
        ours = await outcome(MediaProtocol, pieces)
        assert ours == await outcome(WebSocketsSansIOProtocol, frames)

    asyncio.run(compare())


def test_reading_stops_when_too_many_messages_wait_and_goes_on_when_none_does() -> None:
    async def flood() -> None:
        protocol, transport = await opened(MediaProtocol)
        for _ in range(3):
            protocol.data_received(frame(0x81, b"one"))
        assert transport.paused == 0
        protocol.data_received(frame(0x81, b"one"))
        assert transport.paused == 1
        for waiting in (3, 2, 1, 0):
            await protocol.receive()
            assert transport.resumed == (waiting == 0)

    asyncio.run(flood())


def test_messages_are_diverted_as_they_come_and_order_is_kept() -> None:
    taken: list[bytes] = []

    def take(texts: Sequence[bytes]) -> int:
        wanted = [*takewhile(lambda text: text.startswith(b"audio"), texts)]
        taken.extend(wanted)
        return len(wanted)

    async def divert() -> None:
        protocol, _ = await opened(MediaProtocol)
        protocol.divert(take)
        protocol.data_received(frame(0x81, b"audio 1") + frame(0x81, b"audio 2" * 20))
        assert taken == [b"audio 1", b"audio 2" * 20]
        assert protocol.queue.empty()
        protocol.data_received(frame(0x81, b"mark") + frame(0x81, b"audio 3"))
        assert [each["text"] for each in received(protocol)] == ["mark", "audio 3"]
        protocol.data_received(frame(0x81, b"audio 4" * 30))
        assert taken[2:] == [b"audio 4" * 30]
        protocol.divert(None)
        protocol.data_received(frame(0x81, b"audio 5"))
        assert [each["text"] for each in received(protocol)] == ["audio 5"]

    asyncio.run(divert())


WANTED, UNWANTED = "audio " + "x" * 150, "mark " + "y" * 150
SENT = st.lists(st.sampled_from([WANTED, UNWANTED, "audio, short", "mark, short"]), max_size=10)


@given(
    SENT, st.lists(st.integers(1, 500), min_size=1, max_size=8), st.lists(st.booleans(), min_size=1)
)
def test_messages_cut_anywhere_are_diverted_or_queued_in_order(
    sent: list[str], sizes: list[int], reads: list[bool]
) -> None:
    """Long and short, wanted or not, while the application reads what waits now and then."""
    messages = [f"{text} {number}" for number, text in enumerate(sent)]
    rest = b"".join(frame(0x81, text.encode()) for text in messages)

    async def divert(rest: bytes) -> list[str]:
        protocol, _ = await opened(MediaProtocol)
        seen: list[str] = []

        def take(texts: Sequence[bytes]) -> int:
            wanted = [*takewhile(lambda text: text.startswith(b"audio"), texts)]
            seen.extend(text.decode() for text in wanted)
            return len(wanted)

        protocol.divert(take)
        turn = 0
        while rest:
            size = sizes[turn % len(sizes)]
            protocol.data_received(rest[:size])
            rest, turn = rest[size:], turn + 1
            if reads[turn % len(reads)] or not rest:
                seen += [each["text"] for each in received(protocol)]
        return seen

    assert asyncio.run(divert(rest)) == messages


def test_a_message_in_two_reads_is_diverted_when_it_is_whole() -> None:
    async def divert() -> None:
        taken: list[bytes] = []
        protocol, _ = await opened(MediaProtocol)

        def take(texts: Sequence[bytes]) -> int:
            taken.extend(texts)
            return len(texts)

        protocol.divert(take)
        first, second = (frame(0x81, bytes((of,)) * 200) for of in b"ab")
        protocol.data_received(first + second[:50])
        assert taken == [b"a" * 200]
        protocol.data_received(second[50:])
        assert taken == [b"a" * 200, b"b" * 200]
        assert protocol.queue.empty()

    asyncio.run(divert())


@pytest.mark.parametrize("early", [frame(0x81, b"early"), frame(0x81, b"early")[:3]])
def test_a_client_that_does_not_wait_for_its_upgrade_is_heard_all_the_same(early: bytes) -> None:
    async def hurry() -> list[dict[str, Any]]:
        config = uvicorn.Config(nothing, lifespan="off")
        config.ws_ping_interval = None
        config.load()
        protocol: Any = MediaProtocol(config, ServerState(), {}, asyncio.get_running_loop())
        protocol.connection_made(Transport())
        protocol.data_received(UPGRADE + early)
        await protocol.send({"type": "websocket.accept"})
        protocol.data_received(frame(0x81, b"early")[len(early) :] + frame(0x81, b"late"))
        return received(protocol)

    messages = asyncio.run(hurry())
    assert [each.get("text") for each in messages] == [None, "early", "late"]


@pytest.mark.parametrize("length", [0, 125, 126, 65535, 65536])
def test_what_is_said_at_once_reads_as_what_uvicorn_sends(length: int) -> None:
    async def scenario() -> None:
        protocol, transport = await opened(MediaProtocol)
        transport.sent.clear()
        text = "é" + "x" * (length - 2) if length else ""
        assert protocol.say(text)
        said = bytes(transport.sent)
        transport.sent.clear()
        await protocol.send({"type": "websocket.send", "text": text})
        assert said == bytes(transport.sent)

    asyncio.run(scenario())


@pytest.mark.parametrize("obstacle", ["close", "full", "lost", "closing"])
def test_nothing_is_said_at_once_to_a_client_that_cannot_take_it(obstacle: str) -> None:
    async def scenario() -> None:
        protocol, transport = await opened(MediaProtocol)
        match obstacle:
            case "close":
                await protocol.send({"type": "websocket.close"})
            case "full":
                protocol.pause_writing()
            case "lost":
                protocol.connection_lost(None)
            case _:
                transport.closed = True
        transport.sent.clear()
        assert not protocol.say("text")
        assert not transport.sent
        protocol.stop_keepalive()

    asyncio.run(scenario())


def test_nothing_is_said_at_once_before_the_upgrade_is_answered() -> None:
    async def scenario() -> None:
        config = uvicorn.Config(nothing, lifespan="off")
        config.load()
        protocol = MediaProtocol(config, ServerState(), {}, asyncio.get_running_loop())
        protocol.connection_made(Transport())  # type: ignore[arg-type]
        assert not protocol.say("text")

    asyncio.run(scenario())


def test_a_client_that_has_left_is_diverted_no_more() -> None:
    async def leave() -> None:
        taken: list[bytes] = []

        def take(texts: Sequence[bytes]) -> int:
            taken.extend(texts)
            return len(texts)

        protocol, _ = await opened(MediaProtocol)
        extensions = protocol.scope["extensions"]
        extensions["dialog.divert"] = {"to": protocol.divert, "say": protocol.say}
        protocol.divert(take)
        protocol.connection_lost(None)
        protocol.divert(take)
        assert "dialog.divert" not in extensions
        protocol.data_received(frame(0x81, b"late" * 50))
        assert taken == []
        protocol.stop_keepalive()

    asyncio.run(leave())
