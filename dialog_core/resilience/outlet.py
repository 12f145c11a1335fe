"""Synthesised audio between whoever reads a vendor's socket, who must not wait, and the line.

::

    reader -> put -+- nothing waits, the player is idle, and takes it -> the line
                   '- waits in the outlet -> the player's task -----------^
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import anyio
import attrs

from dialog_core.audio import AudioOut
from dialog_core.bell import Bell
from dialog_core.errors import ProviderError

__all__ = ["Deadline", "Outlet", "Pieces"]


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
    direct: Callable[[AudioOut], bool] | None = None
    """Is offered each piece that nothing waits before; what it takes (True) does not wait here."""
    _pieces: deque[AudioOut] = attrs.field(factory=deque)
    _taker: Bell = attrs.field(factory=Bell)
    _changed: anyio.Event | None = None
    """Set at the next change; None while nobody waits for one."""

    def put(self, piece: AudioOut) -> bool:
        """Take a piece, unless full."""
        if self.direct is not None and not self._pieces and self.direct(piece):
            self._tell()
            return True
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
            self.direct = None
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


@attrs.define(eq=False)
class Deadline:
    """How long a voice waits for what its vendor owes it."""

    limit: Callable[[], float | None]
    """Seconds from the latest sign of life; None while nothing is owed. Asked again whenever something changed."""
    expire: Callable[[float], None]
    """Called when so many seconds have passed without one; closes the outlet, or puts something in."""
    now: Callable[[], float]
    """Seconds on the loop's clock."""
    touched: float = 0.0
    """When the vendor last gave a sign of life, or was last given work."""


@attrs.define(eq=False)
class Pieces:
    """An outlet's audio for the one who plays it.

    An iterator that, unlike an async generator, may be left half-way without a clean-up of its own.
    """

    outlet: Outlet
    deadline: Deadline | None = None
    _take: Callable[[AudioOut], bool] | None = None
    _waits: bool = False
    """The player waits for a piece."""
    _limit: float | None = None
    """The limit of that."""

    def divert(self, take: Callable[[AudioOut], bool]) -> None:
        """Offer pieces to `take` as they come, while the player waits for one; that spares its wake-up.

        What it does not want (False) is iterated over, as is all that comes while something waits.
        """
        self._take = take
        self.outlet.direct = self._pass

    def __aiter__(self) -> Pieces:
        return self

    async def __anext__(self) -> AudioOut:
        """The next piece. Raises: ProviderError."""
        outlet = self.outlet
        while (piece := outlet.take()) is None:
            if outlet.is_closed:
                raise StopAsyncIteration
            self._waits = True
            try:
                await self._more()
            finally:
                self._waits = False
        return piece

    async def _more(self) -> None:
        """Wait for a change, or until the vendor is given up."""
        deadline = self.deadline
        limit = self._limit = None if deadline is None else deadline.limit()
        if deadline is None or limit is None:
            await self.outlet.more()
            return
        touched = deadline.touched
        left = touched + limit - deadline.now()
        changed = left > 0 and await self.outlet.more(left)
        if not changed and touched == deadline.touched:
            deadline.expire(limit)

    def _pass(self, piece: AudioOut) -> bool:
        """Hand on a piece at once, unless the player is busy."""
        if not self._waits or self._take is None or not self._take(piece):
            return False
        if self.deadline is not None and self.deadline.limit() != self._limit:
            self.outlet.notify()
        return True
