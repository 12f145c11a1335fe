"""A page's socket after its config message: how it is written, and how far the page's audio has come."""

from __future__ import annotations

import anyio
import attrs
from starlette.types import Receive, Send

from dialog_browser.protocol import ToPage, build
from dialog_core.audio import AudioFormat, AudioFrame
from dialog_core.errors import LineError
from dialog_core.factory import Clock

__all__ = ["GONE_ERRORS", "AudioClock", "PageSocket"]

CLOSE_SECONDS = 0.5
LEAVE_SECONDS = 1.0
"""How long a page that was told that the call is over may take to go."""
GONE_ERRORS = (OSError, RuntimeError, anyio.BrokenResourceError, anyio.ClosedResourceError)
"""What servers raise from ASGI's `send` when the peer has left: the standard says OSError, not all follow it."""
STALL_SECONDS = 2.0
"""Audio that lies so far behind was held up by the network, or never sent by a page that was suspended."""
PATIENCE_SECONDS = 1.0
"""What the network held up comes in a burst; audio that is still behind after this time is of now."""


class PageSocket:
    """Writes to a page, within bounded time."""

    def __init__(self, receive: Receive, send: Send, *, send_wait: float) -> None:
        self.receive = receive
        """ASGI's own; read by the line's iteration, and after it by nobody but `leave`."""
        self.closed = False
        """True after either side has closed."""
        self._send = send
        self._send_wait = send_wait

    async def tell(self, message: ToPage) -> None:
        """Send a text message. Raises: LineError."""
        await self._write({"type": "websocket.send", "text": build(message)})

    async def play(self, data: bytes) -> None:
        """Send speech. Raises: LineError."""
        await self._write({"type": "websocket.send", "bytes": data})

    async def _write(self, message: dict[str, object]) -> None:
        if self.closed:
            raise LineError("the page's socket is closed")
        try:
            with anyio.fail_after(self._send_wait):
                await self._send(message)
        except (
            GONE_ERRORS
        ) as error:  # TimeoutError, of a page that does not read, is an OSError too
            self.closed = True
            raise LineError("the page's socket was lost while sending") from error

    async def leave(self) -> None:
        """Close the socket once the page has, or a moment later.

        Closed while the page's audio is still on its way, a socket is reset, and what the page has not read is lost.
        """
        with anyio.move_on_after(LEAVE_SECONDS, shield=True):
            while not self.closed:
                self.closed = (await self.receive())["type"] == "websocket.disconnect"
        await self.close()

    async def close(self, code: int = 1000) -> None:
        """Close the socket. Again is harmless."""
        if self.closed:
            return
        self.closed = True
        with anyio.move_on_after(CLOSE_SECONDS, shield=True):
            try:
                await self._send({"type": "websocket.close", "code": code})
            except GONE_ERRORS:
                return


@attrs.define(eq=False)
class AudioClock:
    """Places a page's audio: end to end, as it was spoken, however unevenly it comes.

    Two things move it against that rule. While the caller is muted nothing comes, and silence fills the time; and a
    page that was suspended goes on at the present moment, a second after it is back.
    """

    fmt: AudioFormat
    clock: Clock
    now: float = 0.0
    """End of the newest audio, in seconds since the first sample."""
    _began: float | None = None
    _late_since: float | None = None
    """Since when all audio has been far behind."""

    @property
    def passed(self) -> float:
        """Seconds since the first sample came."""
        return 0.0 if self._began is None else self.clock.monotonic() - self._began

    def place(self, data: bytes) -> AudioFrame:  # per frame
        """A frame of audio that has just come."""
        seconds = self.fmt.seconds(len(data))
        if self._began is None:
            self._began = self.clock.monotonic() - seconds
        elif (behind := self.passed - seconds - self.now) > STALL_SECONDS:
            self._catch_up(behind)
        else:
            self._late_since = None
        frame = AudioFrame(self.now, data)
        self.now += seconds
        return frame

    def _catch_up(self, behind: float) -> None:
        """Go to the present moment, unless what is missing may still come."""
        passed = self.passed
        if self._late_since is None:
            self._late_since = passed
        elif passed - self._late_since >= PATIENCE_SECONDS:
            self._late_since = None
            self.now += behind

    def fill(self) -> AudioFrame | None:
        """Silence up to now; None if there is no gap."""
        self._late_since = None
        gap = self.passed - self.now
        if gap <= 0 or not (silence := self.fmt.silence(gap)):
            return None
        return self.place(silence)
