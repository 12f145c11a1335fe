"""Synthesised audio between the task that reads a vendor's socket, which must not wait, and the line."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable

import anyio
import attrs

from dialog_core.audio import AudioOut
from dialog_core.bell import Bell
from dialog_core.errors import ProviderError

__all__ = ["Outlet", "Pieces"]


@attrs.define(eq=False)
class Outlet:
    """Audio of one reply between the reader of a socket, which never waits, and whoever plays it.

    It holds `limit` bytes of audio; :meth:`put` refuses more. An error comes out after the audio before it.
    """

    limit: int
    nbytes: int = 0
    is_closed: bool = False
    """True once nothing more may be put in."""
    error: ProviderError | None = None
    _pieces: deque[AudioOut] = attrs.field(factory=deque)
    _taker: Bell = attrs.field(factory=Bell)
    _changed: anyio.Event | None = None
    """Set at the next change; None while nobody waits for one."""

    def put(self, piece: AudioOut) -> bool:
        """Take a piece, unless full."""
        if self.nbytes + len(piece.data) > self.limit:
            return False
        self.nbytes += len(piece.data)
        self._pieces.append(piece)
        self.notify()
        return True

    def close(self, error: ProviderError | None = None) -> None:
        """Nothing more comes; again is harmless, and the first error stays."""
        if not self.is_closed:
            self.is_closed = True
            self.error = error
            self.notify()

    def take(self) -> AudioOut | None:
        """The oldest audio that waits, all of it up to its segment's end, as one piece; None if there is none.

        Raises: ProviderError when the audio before the error is taken.
        """
        pieces = self._pieces
        if not pieces:
            if self.error is not None:
                raise self.error
            return None
        piece = pieces.popleft()
        if pieces and not piece.last and follows(pieces[0], piece):
            piece = self._joined(piece)
        if piece.data:
            self.nbytes -= len(piece.data)
            self._tell()
        return piece

    def _joined(self, first: AudioOut) -> AudioOut:
        """A piece and those behind it that belong to the same segment."""
        parts, last = [first], first
        while self._pieces and not last.last and follows(self._pieces[0], last):
            last = self._pieces.popleft()
            parts.append(last)
        data = b"".join([part.data for part in parts])
        words = tuple(word for part in parts for word in part.words)
        return AudioOut(first.reply, first.index, data, words, last=last.last)

    async def more(self, within: float | None = None) -> bool:
        """As :meth:`changed`, for the one task that takes; may return early. within: seconds; False if they passed."""
        return await self._taker.wait(within)

    async def changed(self) -> None:
        """Wait until something was put in, taken out, the outlet was closed, or somebody was told to look again."""
        if self._changed is None:
            self._changed = anyio.Event()
        await self._changed.wait()

    def notify(self) -> None:
        """Wake who waits: what they wait for may have changed."""
        self._taker.ring()
        self._tell()

    def _tell(self) -> None:
        """Wake all but the one who takes, who knows."""
        if self._changed is not None:
            self._changed.set()
            self._changed = None


def follows(piece: AudioOut, before: AudioOut) -> bool:
    """Whether two pieces are of one segment."""
    return piece.index == before.index and piece.reply == before.reply


@attrs.frozen
class Pieces:
    """An iterator that, unlike an async generator, may be left half-way without a clean-up of its own."""

    advance: Callable[[], Awaitable[AudioOut | None]]

    def __aiter__(self) -> Pieces:
        return self

    async def __anext__(self) -> AudioOut:
        piece = await self.advance()
        if piece is None:
            raise StopAsyncIteration
        return piece
