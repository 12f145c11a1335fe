from __future__ import annotations

import enum

import anyio
import attrs

from dialog_core.net.media_stream import GONE_ERRORS
from dialog_core.net.media_stream import MediaStream as OpenStream
from dialog_twilio.protocol import Envelopes

__all__ = ["GONE_ERRORS", "MediaStream", "Phase", "Wire"]

MediaStream = OpenStream[Envelopes]
"""One media socket after its start message. Closing it lets the call go on to the TwiML after the stream."""


class Phase(enum.Enum):
    """What a line is doing."""

    LIVE = "live"
    MOVING = "moving"
    """Digits are played; the stream stops and returns on a new socket."""
    LEAVING = "leaving"
    """The caller is being transferred; the stream stops for good."""
    ENDING = "ending"
    """We have asked for the end of the call."""
    STOPPED = "stopped"


@attrs.define(eq=False)
class Wire:
    """What a line's two directions share: the socket of now, and what is being done with it."""

    stream: MediaStream
    phase: Phase = Phase.LIVE
    generation: int = 0
    """Of marks: those of an older one were not played."""
    reason: str = ""
    """Why it stopped; empty before."""
    _settled: anyio.Event = attrs.field(factory=anyio.Event)
    _changed: anyio.Event = attrs.field(factory=anyio.Event)

    def begin(self, phase: Phase) -> None:
        """A REST update is on its way that will stop the stream. Say so before it is sent: `stop` may come first."""
        self.phase = phase
        self._settled = anyio.Event()

    def settle(self, *, failed: bool) -> None:
        """The update is over."""
        if failed and self.phase in {Phase.MOVING, Phase.LEAVING}:
            self.phase = Phase.LIVE
        self._settled.set()
        self.tell()

    async def settled(self) -> None:
        """Wait until it is known whether the update was made."""
        if self.phase in {Phase.MOVING, Phase.LEAVING}:
            await self._settled.wait()

    def rebind(self, stream: MediaStream) -> None:
        """The stream has returned on another socket. What was sent on the old one counts as not played."""
        self.stream.done.set()
        self.stream = stream
        self.generation += 1
        self.phase = Phase.LIVE
        self.tell()

    def stop(self, reason: str) -> None:
        """No more audio will come or go."""
        self.phase = Phase.STOPPED
        self.reason = reason
        self.stream.done.set()
        self.tell()

    def tell(self) -> None:
        """Wake those who wait for a change of phase."""
        self._changed.set()
        self._changed = anyio.Event()

    async def arrived(self, seconds: float) -> bool:
        """Wait for a stream under way to return; False if it did not, or the line is stopping."""
        with anyio.move_on_after(seconds):
            while self.phase is Phase.MOVING:
                await self._changed.wait()
        return self.phase is Phase.LIVE
