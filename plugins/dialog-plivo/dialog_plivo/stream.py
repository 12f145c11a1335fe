from __future__ import annotations

import enum

import anyio
import attrs

from dialog_core.net.media_stream import GONE_ERRORS
from dialog_core.net.media_stream import MediaStream as OpenStream
from dialog_plivo.protocol import Envelopes

__all__ = ["GONE_ERRORS", "MediaStream", "Phase", "Wire"]

MediaStream = OpenStream[Envelopes]
"""One media socket after its start message. Closing it lets the call go on to the XML after the stream."""


class Phase(enum.Enum):
    """What a line is doing."""

    LIVE = "live"
    LEAVING = "leaving"
    """The caller is being transferred; the stream will end."""
    ENDING = "ending"
    """We have asked for the end of the call."""
    STOPPED = "stopped"


@attrs.define(eq=False)
class Wire:
    """What a line's two directions share: the socket, and what is being done with it."""

    stream: MediaStream
    phase: Phase = Phase.LIVE
    generation: int = 0
    """Of checkpoints: answers of an older one came too late."""
    reason: str = ""
    """Why it stopped; empty before."""
    _settled: anyio.Event = attrs.field(factory=anyio.Event)

    def leave(self) -> None:
        """A transfer is on its way, which ends the stream. Say so before it is asked for: the end may come first."""
        self.phase = Phase.LEAVING
        self._settled = anyio.Event()

    def settle(self, *, failed: bool) -> None:
        """The transfer was taken, or was not."""
        if failed and self.phase is Phase.LEAVING:
            self.phase = Phase.LIVE
        self._settled.set()

    async def settled(self) -> None:
        """Wait until it is known whether a transfer was taken."""
        if self.phase is Phase.LEAVING:
            await self._settled.wait()

    def stop(self, reason: str) -> None:
        """No more audio will come or go."""
        self.phase = Phase.STOPPED
        self.reason = reason
        self.stream.done.set()
