from __future__ import annotations

import enum

import anyio
import attrs
from starlette.types import Receive, Send

from dialog_core.errors import LineError
from dialog_plivo.protocol import Envelopes

__all__ = ["GONE_ERRORS", "MediaStream", "Phase", "Wire"]

CLOSE_SECONDS = 0.5
GONE_ERRORS = (OSError, RuntimeError, anyio.BrokenResourceError, anyio.ClosedResourceError)
"""What servers raise from ASGI's `send` when the peer has left: the standard says OSError, not all follow it."""


class MediaStream:
    """One media socket after its start message."""

    def __init__(self, receive: Receive, send: Send, stream_id: str) -> None:
        self.receive = receive
        """ASGI's own; read by the line's iteration and by nobody else."""
        self.envelopes = Envelopes(stream_id)
        self.done = anyio.Event()
        """Set when the stream is over."""
        self.closed = False
        """True after either side has closed."""
        self._send = send

    async def send(self, text: str) -> None:
        """Send a message. Raises: LineError when the socket is gone."""
        if self.closed:
            raise LineError("the media stream is closed")
        try:
            await self._send({"type": "websocket.send", "text": text})
        except GONE_ERRORS as error:
            self.closed = True
            raise LineError("the media stream was lost while sending") from error

    async def close(self) -> None:
        """Close the socket, which lets the call go on to the XML after the stream. Again is harmless."""
        self.done.set()
        if self.closed:
            return
        self.closed = True
        with anyio.move_on_after(CLOSE_SECONDS, shield=True):
            try:
                await self._send({"type": "websocket.close", "code": 1000})
            except GONE_ERRORS:
                return


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
