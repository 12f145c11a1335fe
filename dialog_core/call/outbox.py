"""What goes to the line, in two lanes: control overtakes audio.

Audio and marks keep their order. Everything is handed to the line by one task, so that a clear can never fall between
a piece and its account in the ledger. When the queue is full the maker of audio waits; control never does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

import anyio
import attrs

from dialog_core.bell import Bell
from dialog_core.call.echo import Speaker
from dialog_core.speech.ledger import Ledger, Piece

__all__ = ["Outbox", "mark_name", "read_mark"]

QUEUED_PIECES = 64
"""Pieces that may wait; at 200 ms each, some 13 s beyond what the line buffers."""
AHEAD_SECONDS = 30.0
"""Audio that the line may hold unplayed; a carrier that buffers takes minutes, but we could not take them back."""
PIECE_SECONDS = 0.2
"""Longest piece: five messages a second instead of fifty, and a clear waits for none longer than this."""
SHORTEST_WAIT = 0.001
"""Less is not waited for; a wait too short to move the clock would never end."""
SOUNDING_SECONDS = 0.5
"""While the line holds more than this, a shorter piece waits for its successor: each message has its price."""


def mark_name(key: tuple[int, int]) -> str:
    """The name of the mark at a segment's end."""
    return f"{key[0]}.{key[1]}"


def read_mark(name: str) -> tuple[int, int] | None:
    """The segment that a mark belongs to; None if it is not one of ours."""
    reply, _, index = name.partition(".")
    return (int(reply), int(index)) if reply.isdigit() and index.isdigit() else None


def ignore(_piece: Piece) -> None:
    """Nobody wants to know."""


@attrs.define
class Outbox:
    """One call's way out."""

    line: Speaker
    ledger: Ledger
    now: Callable[[], float]
    on_sent: Callable[[Piece], None] = ignore
    """Called after each piece of audio was handed to the line."""
    _pieces: deque[Piece] = attrs.field(factory=deque)
    _control: deque[Callable[[], Awaitable[None]]] = attrs.field(factory=deque)
    _flushes: int = 0
    _wake: Bell = attrs.field(factory=Bell)
    _room: anyio.Event = attrs.field(factory=anyio.Event)

    async def put(self, pieces: Iterable[Piece]) -> None:
        """Queue pieces of a reply; waits while too much is queued or too far ahead of what has sounded.

        What a flush overtakes is dropped: it is in the ledger, from which a held reply is sent again.
        """
        flushes = self._flushes
        for piece in pieces:
            for part in self._split(piece):
                if len(self._pieces) >= QUEUED_PIECES or self._too_far_ahead() > 0:
                    await self._wait_for_room()
                if self._flushes != flushes:
                    return
                self._pieces.append(part)
                self._wake.ring()

    async def _wait_for_room(self) -> None:
        while len(self._pieces) >= QUEUED_PIECES:
            self._room = anyio.Event()
            await self._room.wait()
        if (seconds := self._too_far_ahead()) > 0:
            await anyio.sleep(seconds)

    def _too_far_ahead(self) -> float:
        """Seconds by which the line holds more than it should; negative if it may have more."""
        return self.ledger.ahead(self.now()) - AHEAD_SECONDS

    def put_now(self, pieces: Iterable[Piece]) -> None:
        """Queue pieces that were queued before: they are bounded already."""
        for piece in pieces:
            self._pieces.extend(self._split(piece))
        self._wake.ring()

    def _split(self, piece: Piece) -> list[Piece]:
        size = self.line.fmt.nbytes(PIECE_SECONDS)
        if len(piece.data) <= size:
            return [piece]
        view = memoryview(piece.data)
        return [
            attrs.evolve(piece, data=bytes(view[start : start + size]))
            for start in range(0, len(view), size)
        ]

    def flush(self, reply: int) -> None:
        """Drop what is queued of a reply."""
        self._flushes += 1
        kept = [piece for piece in self._pieces if piece.key[0] != reply]
        self._pieces.clear()
        self._pieces.extend(kept)
        self._room.set()

    def clear(self) -> None:
        """Make the line throw away what it has not played, before anything else is sent."""
        self._control.append(self.line.clear)
        self._wake.ring()

    def play_ahead(self, audio: bytes) -> None:
        """Play something that is nobody's words ahead of all that is queued, behind what was cleared."""
        self._control.append(partial(self.line.play, audio))
        self._wake.ring()

    async def run(self) -> None:
        """Hand over until cancelled. Raises: LineError when the line is gone."""
        while True:
            if self._control:
                await self._control.popleft()()
            elif self._pieces:
                if (patience := self._patience()) > SHORTEST_WAIT:
                    await self._wake.wait(patience)
                    continue
                piece = self._gather()
                self._room.set()
                await self._send(piece)
            else:
                await self._wake.wait()

    def _patience(self) -> float:
        """Seconds that what is queued may wait to become a longer piece: none if it is one, or ends, or is urgent."""
        key, size = self._pieces[0].key, 0
        for piece in self._pieces:
            if piece.key != key or not piece.data:
                return 0.0
            size += len(piece.data)
        if size >= self.line.fmt.nbytes(PIECE_SECONDS):
            return 0.0
        return self.ledger.ahead(self.now()) - SOUNDING_SECONDS

    def _gather(self) -> Piece:
        """The next piece, and those that it may be sent together with."""
        pieces = self._pieces
        first = pieces.popleft()
        room = self.line.fmt.nbytes(PIECE_SECONDS) - len(first.data)
        joined = [first.data]
        while pieces and pieces[0].data and pieces[0].key == first.key:
            room -= len(pieces[0].data)
            if room < 0 or not first.data:
                break
            joined.append(pieces.popleft().data)
        return first if len(joined) == 1 else Piece(first.key, b"".join(joined), first.protected)

    async def _send(self, piece: Piece) -> None:
        self.ledger.sent(piece, self.now())
        if piece.data:
            await self.line.play(piece.data)
            self.on_sent(piece)
        else:
            await self.line.mark(mark_name(piece.key))
