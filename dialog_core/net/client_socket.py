"""WebSockets to vendors: the sans-I/O core of `websockets` on an anyio stream, on any event loop.

Any task may send. One task receives; whoever must wait for something that only reading can bring (a close, a pong)
reads too, and what it reads meanwhile waits for the receiver in order::

    receive()  --.                     .--> inbox --> receive()
    close()    --+--> one read at a time
    keepalive  --'                     '--> pong, close

Where messages are diverted, and the receiver waits for one, those that come whole are handed over from within the read
instead: no task wakes up.

A write is never left half done, because a frame cut in two would spoil the socket for the other calls that share it:
it is shielded from cancellation, and a peer that takes nothing for 2 s counts as lost.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import assert_never

import anyio
import attrs
from anyio.abc import ByteStream
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidState
from websockets.frames import Frame, Opcode
from websockets.protocol import State

from dialog_core.errors import SocketClosed
from dialog_core.net.frames import (
    FINAL_BINARY,
    FINAL_TEXT,
    MASKED,
    extent,
    message_frame,
    new_masks,
)
from dialog_core.net.loop_stream import LoopStream

__all__ = ["CHUNK", "MAX_MESSAGE", "ClientSocket"]

CLOSE_SECONDS = 0.5
WRITE_SECONDS = 2.0
MAX_MESSAGE = 16 * 1024 * 1024
CHUNK = 65_536
LOST = 1006
BROKEN = (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError)


def never(_data: bytes) -> bool:
    """Streams of other loops cannot send at once."""
    return False


@attrs.define(eq=False)
class ClientSocket:
    """One open WebSocket; see :class:`dialog_core.protocols.WebSocket`.

    Frames are cut from the stream here. Whole messages go straight to the inbox, everything else through the protocol,
    which therefore sees whole frames, or all of a long one, and is never in the middle of one when it is passed by.
    """

    _stream: ByteStream
    _protocol: ClientProtocol
    _inbox: deque[str | bytes] = attrs.field(factory=deque)
    _frames: list[Frame] = attrs.field(factory=list)
    _reading: bool = False
    """A task is waiting for the network."""
    _read_done: anyio.Event | None = None
    """Set when that task's read is over; None while no other waits for it."""
    _unsent: list[bytes] = attrs.field(factory=list)
    _writing: anyio.Event | None = None
    """Set when the write under way is over."""
    _send_now: Callable[[bytes], bool] = attrs.field()
    _masks: Iterator[bytes] = attrs.field(factory=new_masks)
    _closed: SocketClosed | None = None
    _pong: bytes = b""
    _rest: bytes = b""
    """The beginning of a frame."""
    _take: Callable[[str | bytes], bool] | None = None
    _waits: bool = False
    """The task that receives waits for a message."""
    _owed: float = 0
    """Bytes of a long frame that the protocol is still to be given; infinite if all goes through it."""

    @_send_now.default
    def _default_send_now(self) -> Callable[[bytes], bool]:
        return self._stream.send_now if isinstance(self._stream, LoopStream) else never

    @property
    def _busy(self) -> bool:
        """Something is being written, or waits for its turn."""
        return self._writing is not None or bool(self._unsent)

    async def send(self, data: str | bytes) -> None:
        """Send a text or a binary message, in one write. Raises: SocketClosed."""
        if self._closed is not None:
            raise self._closed
        if self._protocol.state is not State.OPEN:
            raise self._end(LOST)
        frame = message_frame(data, next(self._masks))
        if self._busy or not self._send_now(frame):
            self._unsent.append(frame)
            await self._write()
        if self._closed is not None:
            raise self._closed

    def send_now(self, data: str | bytes) -> bool:
        """See :class:`dialog_core.net.prompt.PromptSocket`."""
        if self._closed is not None or self._busy or self._protocol.state is not State.OPEN:
            return False
        return self._send_now(message_frame(data, next(self._masks)))

    async def receive(self) -> str | bytes:
        """The next message. Raises: SocketClosed, after the last message."""
        while not self._inbox:
            if self._closed is not None:
                raise self._closed
            self._waits = True
            try:
                await self._advance()
            finally:
                self._waits = False
        return self._inbox.popleft()

    def divert(self, take: Callable[[str | bytes], bool]) -> None:
        """See :class:`dialog_core.net.prompt.PromptSocket`."""
        self._take = take
        if isinstance(self._stream, LoopStream):
            self._stream.sink = self._read_now

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close with a handshake of at most 0.5 s; again is harmless."""
        with anyio.move_on_after(CLOSE_SECONDS, shield=True):
            if self._closed is None:
                try:
                    self._protocol.send_close(code, reason)
                except InvalidState:
                    self._end(LOST)
                await self._flush()
            while self._closed is None:
                await self._advance()
        self._end(code, reason)
        await anyio.aclose_forcefully(self._stream)
        self._take = None
        if isinstance(self._stream, LoopStream):
            self._stream.sink = None

    async def keep_alive(self, interval: float) -> None:
        """Ping every `interval` seconds; without a pong within as many, the socket counts as lost."""
        number = 0
        while self._closed is None:
            await anyio.sleep(interval)
            number += 1
            if not await self._ping(str(number).encode(), interval):
                self._end(LOST, f"no pong within {interval:g} s")
                await anyio.aclose_forcefully(self._stream)

    async def _ping(self, payload: bytes, patience: float) -> bool:
        try:
            self._protocol.send_ping(payload)
        except InvalidState:
            return True
        await self._flush()
        with anyio.move_on_after(patience):
            while self._pong != payload and self._closed is None:
                if self._inbox and not self._reading:
                    return True  # the receiver is behind, and the pong may be waiting after what it has not read
                await self._advance()
        return self._pong == payload or self._closed is not None

    async def _advance(self) -> None:
        """Wait until something has come: read it, or let the task that reads already do so."""
        if self._reading:
            if self._read_done is None:
                self._read_done = anyio.Event()
            await self._read_done.wait()
            return
        self._reading = True
        try:
            await self._read()
        finally:
            self._reading = False
            if self._read_done is not None:
                self._read_done.set()
                self._read_done = None

    async def _read(self) -> None:
        """One read from the network, which may bring any number of messages."""
        try:
            data = await self._stream.receive(CHUNK)
        except anyio.EndOfStream:
            self._end(LOST)
            return
        except BROKEN:
            self._end(LOST)
            return
        if self._understand(data):
            await self._flush()

    def _read_now(self, data: bytes) -> bytes:  # per message
        """Hand over the messages that come first, while the receiver waits for one; returns the rest, to be read."""
        if not self._waits or self._inbox or self._owed or self._frames or self._closed is not None:
            return data
        if self._rest:
            data, self._rest = self._rest + data, b""
        start, end = 0, len(data)
        while (place := extent(data, start, end)) is not None:
            body, over = place
            if over > end or not self._is_taken(data[start : start + 2], data[body:over]):
                break
            start = over
        return data[start:]

    def _is_taken(self, head: bytes, payload: bytes) -> bool:
        """Hand over a whole message, if a frame is one and it is wanted."""
        if self._take is None or head[1] >= MASKED:
            return False
        try:
            if head[0] == FINAL_TEXT:
                return self._take(payload.decode())
            return head[0] == FINAL_BINARY and self._take(payload)
        except Exception:  # noqa: BLE001 - it is received next, and raised again where that is done
            return False

    def _understand(self, data: bytes) -> bool:
        """Take what has come. False if it was nothing but whole messages, to which the protocol has no answer."""
        if self._owed:
            rest = data if self._owed >= len(data) else data[: int(self._owed)]
            self._owed -= len(rest)
            self._ask(rest)
            if len(rest) == len(data):
                return True
            data = data[len(rest) :]
            self._understand(data)
            return True
        if self._rest:
            data = self._rest + data
        start, end, asked = 0, len(data), False
        while self._closed is None and (place := extent(data, start, end)) is not None:
            body, over = place
            if over > end:
                if end - start <= CHUNK:
                    break
                self._owed, over = over - end, end
            if self._owed or self._frames or data[start + 1] >= MASKED:
                whole = False
            else:
                whole = data[start] in (FINAL_TEXT, FINAL_BINARY)
            if whole and over - body <= MAX_MESSAGE:
                self._message(data[body:over], is_text=data[start] == FINAL_TEXT)
            else:
                asked = True
                self._ask(data[start:over])
            start = over
        self._rest = data[start:]
        return asked

    def _ask(self, data: bytes) -> None:
        """Let the protocol understand bytes; its answers wait to be flushed."""
        self._protocol.receive_data(data)
        self.take(self._protocol.events_received())

    def take(self, events: Sequence[object]) -> None:
        """Sort what the protocol has understood."""
        for event in events:
            if isinstance(event, Frame):
                self._frame(event)
        if self._protocol.parser_exc is not None:
            sent = self._protocol.close_sent
            self._end(sent.code if sent else LOST, sent.reason if sent else "")

    async def begin(self, events: Sequence[object], *, cut: bool) -> None:
        """Take what came with the answer to the upgrade. cut: it ended in the middle of a frame."""
        self._owed = math.inf if cut else 0
        self.take(events)
        await self._flush()

    def _frame(self, frame: Frame) -> None:
        match frame.opcode:
            case Opcode.TEXT | Opcode.BINARY | Opcode.CONT:
                self._data(frame)
            case Opcode.PONG:
                self._pong = bytes(frame.data)
            case Opcode.CLOSE:
                close = self._protocol.close_rcvd
                self._end(close.code if close else LOST, close.reason if close else "")
            case Opcode.PING:
                return  # the protocol has its answer ready
            case _:
                assert_never(frame.opcode)

    def _data(self, frame: Frame) -> None:
        self._frames.append(frame)
        if not frame.fin:
            return
        frames, self._frames = self._frames, []
        data = frame.data if len(frames) == 1 else b"".join(each.data for each in frames)
        self._message(bytes(data), is_text=frames[0].opcode is Opcode.TEXT)

    def _message(self, data: bytes, *, is_text: bool) -> None:
        if not is_text:
            self._inbox.append(data)
            return
        try:
            self._inbox.append(data.decode())
        except UnicodeDecodeError:
            self._protocol.fail(1007, "text is not utf-8")
            self._end(1007, "text is not utf-8")

    async def _flush(self) -> None:
        """Write what the protocol has to say, all at once."""
        self._unsent += self._protocol.data_to_send()
        await self._write()

    async def _write(self) -> None:
        """Write what waits; whoever's turn it is takes along what others have brought."""
        while self._writing is not None:
            await self._writing.wait()
        data = b"".join(self._unsent)
        self._unsent.clear()
        if data:
            await self._hand_over(data)

    async def _hand_over(self, data: bytes) -> None:
        """Give the network some bytes; it must take them within `WRITE_SECONDS`."""
        written = self._writing = anyio.Event()
        try:
            with anyio.move_on_after(WRITE_SECONDS, shield=True) as limit:
                try:
                    await self._stream.send(data)
                except BROKEN:
                    self._end(LOST)
        finally:
            self._writing = None
            written.set()
        if limit.cancelled_caught:
            self._end(LOST, f"the peer took nothing for {WRITE_SECONDS:g} s")
            await anyio.aclose_forcefully(self._stream)

    def _end(self, code: int, reason: str = "") -> SocketClosed:
        if self._closed is None:
            self._closed = SocketClosed(code, reason)
        return self._closed
