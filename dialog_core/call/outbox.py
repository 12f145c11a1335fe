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

QUEUED_SECONDS = 13.0
"""Audio that may wait beyond what the line buffers, or a little more: who adds to it waits once it is this much."""
AHEAD_SECONDS = 30.0
"""Audio that the line may hold unplayed; a carrier that buffers takes minutes, but we could not take them back."""
PIECE_SECONDS = 0.2
"""Longest piece: five messages a second instead of fifty, and a clear waits for none longer than this."""
LONG_PIECE_SECONDS = 0.6
"""Longest piece while the line holds `AMPLE_SECONDS`: it buffers, so a long piece is handed over as fast as a short."""
AMPLE_SECONDS = 1.0
"""More than a line holds that takes audio only as it is played."""
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
    _nbytes: int = 0
    """Of audio in the pieces."""
    _enough: int = 0
    """Bytes of one segment that are worth waking the one who hands over."""
    _control: deque[Callable[[], Awaitable[None]]] = attrs.field(factory=deque)
    _flushes: int = 0
    _wake: Bell = attrs.field(factory=Bell)
    _room: anyio.Event = attrs.field(factory=anyio.Event)

    def tell_nobody(self) -> None:
        """What is sent from now on is nobody's business: the call is over."""
        self.on_sent = ignore

    async def put(self, pieces: Iterable[Piece]) -> None:
        """Queue pieces of a reply; waits while too much is queued.

        What a flush overtakes is dropped: it is in the ledger, from which a held reply is sent again.
        """
        flushes = self._flushes
        for piece in pieces:
            while self.is_full:
                self._room = anyio.Event()
                await self._room.wait()
            if self._flushes != flushes:
                return
            self._queue(piece)

    @property
    def is_full(self) -> bool:
        """Whether who has more is to wait."""
        return self._nbytes >= self.line.fmt.nbytes(QUEUED_SECONDS)

    def put_now(self, pieces: Iterable[Piece]) -> None:
        """Queue pieces without waiting: where it is not full, or they were queued before and are bounded already."""
        for piece in pieces:
            self._queue(piece)

    def _queue(self, piece: Piece) -> None:
        self._pieces.append(piece)
        self._nbytes += len(piece.data)
        if self._nbytes >= self._enough or not piece.data or piece.key != self._pieces[0].key:
            self._wake.ring()

    def flush(self, reply: int) -> None:
        """Drop what is queued of a reply."""
        self._flushes += 1
        kept = [piece for piece in self._pieces if piece.key[0] != reply]
        self._pieces.clear()
        self._pieces.extend(kept)
        self._nbytes = sum(len(piece.data) for piece in kept)
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
                ahead = self.ledger.ahead(self.now())
                size = self._longest(ahead)
                if (patience := self._patience(ahead, size)) > SHORTEST_WAIT:
                    self._enough = size
                    await self._wake.wait(patience)
                    self._enough = 0
                    continue
                piece = self._gather(size)
                self._room.set()
                await self._send(piece)
            else:
                await self._wake.wait()

    def _longest(self, ahead: float) -> int:
        """Bytes of the longest piece that a line is given that holds so many seconds."""
        return self.line.fmt.nbytes(PIECE_SECONDS if ahead < AMPLE_SECONDS else LONG_PIECE_SECONDS)

    def _patience(self, ahead: float, longest: int) -> float:
        """Seconds that what is queued may wait: to become a longer piece, or for the line to have played enough."""
        key, size = self._pieces[0].key, 0
        if ahead > AHEAD_SECONDS and self._pieces[0].data:
            return ahead - AHEAD_SECONDS
        for piece in self._pieces:
            if piece.key != key or not piece.data:
                return 0.0
            size += len(piece.data)
            if size >= longest:
                return 0.0
        return ahead - SOUNDING_SECONDS

    def _gather(self, longest: int) -> Piece:
        """The next piece: of the same segment as much as is queued, up to so many bytes."""
        pieces = self._pieces
        first = pieces.popleft()
        if not first.data:
            return first
        joined, room = [first.data], longest - len(first.data)
        while room > 0 and pieces and pieces[0].data and pieces[0].key == first.key:
            joined.append(pieces.popleft().data)
            room -= len(joined[-1])
        data = joined[0] if len(joined) == 1 else b"".join(joined)
        if room < 0:
            pieces.appendleft(Piece(first.key, data[longest:], first.protected))
            data = data[:longest]
        self._nbytes -= len(data)
        return Piece(first.key, data, first.protected)

    async def _send(self, piece: Piece) -> None:
        self.ledger.sent(piece, self.now())
        if piece.data:
            await self.line.play(piece.data)
            self.on_sent(piece)
        else:
            await self.line.mark(mark_name(piece.key))
