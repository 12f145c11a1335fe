"""Messages that are handed over from within the read: in order, none lost, whatever the network makes of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import anyio
import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from dialog_core.errors import SocketClosed
from dialog_core.net.client_socket import ClientSocket
from dialog_core.net.loop_stream import LoopStream
from dialog_core.net.prompt import PromptSocket

Message = str | bytes


class Wire:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def is_closing(self) -> bool:
        return False

    def abort(self) -> None:
        self.written.append(b"aborted")

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


@attrs.define
class Bench:
    """A socket whose network is us."""

    stream: LoopStream
    wire: Wire
    socket: ClientSocket
    taken: list[Message] = attrs.field(factory=list)
    received: list[Message] = attrs.field(factory=list)

    @classmethod
    def new(cls) -> Bench:
        stream, wire = LoopStream(), Wire()
        stream.connection_made(cast("asyncio.Transport", wire))
        return cls(stream, wire, ClientSocket(stream, opened()))

    def take(self, message: Message) -> bool:
        self.taken.append(message)
        return True

    async def receive(self) -> None:
        """As a provider does: receive until the end, and handle what comes so in the same order."""
        while True:
            try:
                message = await self.socket.receive()
            except SocketClosed:
                return
            self.received.append(message)
            self.taken.append(message)

    async def settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)


def opened() -> ClientProtocol:
    """A client's protocol after its upgrade was answered."""
    client, server = ClientProtocol(parse_uri("ws://vendor.test/")), ServerProtocol()
    client.send_request(client.connect())
    server.receive_data(b"".join(client.data_to_send()))
    (request,) = server.events_received()
    server.send_response(server.accept(cast("Request", request)))
    client.receive_data(b"".join(server.data_to_send()))
    client.events_received()
    return client


def frame(message: Message) -> bytes:
    kind = Opcode.TEXT if isinstance(message, str) else Opcode.BINARY
    data = message.encode() if isinstance(message, str) else message
    return Frame(kind, data).serialize(mask=False)


def in_pieces(message: str) -> bytes:
    data = message.encode()
    first = Frame(Opcode.TEXT, data[:1], fin=False).serialize(mask=False)
    return first + Frame(Opcode.CONT, data[1:]).serialize(mask=False)


PING = Frame(Opcode.PING, b"there?").serialize(mask=False)
CLOSE = Frame(Opcode.CLOSE, b"\x03\xe8").serialize(mask=False)


def run(work: Callable[[], Any]) -> None:
    anyio.run(work, backend="asyncio")


@asynccontextmanager
async def receiving(wanted: Callable[[Message], bool] = lambda _: True) -> AsyncIterator[Bench]:
    """A task receives, until the peer closes; what is wanted may be taken from within the read."""
    bench = Bench.new()
    bench.socket.divert(lambda message: wanted(message) and bench.take(message))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(bench.receive)
        yield bench
        bench.stream.data_received(CLOSE)


def test_a_socket_on_our_own_transport_is_prompt() -> None:
    async def work() -> None:
        assert isinstance(Bench.new().socket, PromptSocket)

    run(work)


def test_what_comes_while_the_receiver_waits_wakes_nobody() -> None:
    async def work() -> None:
        async with receiving() as bench:
            await bench.settle()
            bench.stream.data_received(frame("one") + frame(b"two"))
            assert bench.taken == ["one", b"two"]
            await bench.settle()
            assert bench.received == []

    run(work)


def test_nothing_is_handed_over_while_the_receiver_is_busy() -> None:
    async def work() -> None:
        bench = Bench.new()
        bench.socket.divert(bench.take)
        bench.stream.data_received(frame("early"))
        assert bench.taken == []
        assert await bench.socket.receive() == "early"
        bench.stream.data_received(frame("busy"))
        assert bench.taken == []

    run(work)


def test_what_is_not_wanted_is_received_and_all_behind_it() -> None:
    async def work() -> None:
        async with receiving(lambda message: message != "no") as bench:
            await bench.settle()
            bench.stream.data_received(frame("yes") + frame("no") + frame("then"))
            await bench.settle()
            assert (bench.taken, bench.received) == (["yes", "no", "then"], ["no", "then"])

    run(work)


def test_what_the_taker_raises_is_raised_where_the_message_is_received() -> None:
    def take(message: Message) -> bool:
        raise ValueError(message)

    async def handle(bench: Bench) -> None:
        with pytest.raises(ValueError, match="bad"):
            take(await bench.socket.receive())
        bench.taken.append("raised")

    async def work() -> None:
        bench = Bench.new()
        bench.socket.divert(take)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(handle, bench)
            await bench.settle()
            bench.stream.data_received(frame("bad"))
        assert bench.taken == ["raised"]

    run(work)


def test_text_that_is_not_utf_8_ends_the_socket_as_ever() -> None:
    async def work() -> None:
        async with receiving() as bench:
            await bench.settle()
            bench.stream.data_received(Frame(Opcode.TEXT, b"\xff").serialize(mask=False))
        with pytest.raises(SocketClosed) as closed:
            await bench.socket.receive()
        assert closed.value.code == 1007

    run(work)


MESSAGES = st.one_of(st.text(max_size=200), st.binary(max_size=200))


@given(
    st.lists(st.tuples(MESSAGES, st.sampled_from("wpf"), st.booleans()), max_size=12),
    st.lists(st.integers(1, 150), min_size=1, max_size=12),
    st.lists(st.booleans(), min_size=1),
)
def test_all_messages_come_once_and_in_order(
    sent: list[tuple[Message, str, bool]], cuts: list[int], pauses: list[bool]
) -> None:
    """Whole, in pieces, with pings between; wanted or not; cut by the network anywhere."""
    unwanted = {message for message, _, wanted in sent if not wanted}
    stream = b"".join(
        in_pieces(message)
        if how == "f" and isinstance(message, str)
        else (PING if how == "p" else b"") + frame(message)
        for message, how, _ in sent
    )

    async def work() -> None:
        rest, turn = stream + CLOSE, 0
        async with receiving(lambda message: message not in unwanted) as bench:
            while rest:
                if pauses[turn % len(pauses)]:
                    await bench.settle()
                size = cuts[turn % len(cuts)]
                bench.stream.data_received(rest[:size])
                rest, turn = rest[size:], turn + 1
        assert bench.taken == [message for message, _, _ in sent]

    run(work)
