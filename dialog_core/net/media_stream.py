from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import anyio
from starlette.types import Receive, Scope, Send

from dialog_core.errors import LineError
from dialog_core.net.media_protocol import DIVERT, Take

__all__ = ["GONE_ERRORS", "MediaStream"]

E = TypeVar("E")
CLOSE_SECONDS = 0.5
GONE_ERRORS = (OSError, RuntimeError, anyio.BrokenResourceError, anyio.ClosedResourceError)
"""What servers raise from ASGI's `send` when the peer has left: the standard says OSError, not all follow it."""


def never(_text: str) -> bool:
    """Other servers cannot send at once."""
    return False


class MediaStream(Generic[E]):
    """A carrier's media socket, from its start message to its end."""

    def __init__(
        self, receive: Receive, send: Send, envelopes: E, scope: Scope | None = None
    ) -> None:
        """receive, send, scope: ASGI's own. envelopes: how this carrier wants messages written."""
        self.receive = receive
        """ASGI's own; read by the line's iteration and by nobody else."""
        self.envelopes = envelopes
        self.done = anyio.Event()
        """Set when nobody needs the socket any more, so that the server may let it go."""
        self.closed = False
        """True after either side has closed."""
        self._send = send
        extensions = (scope or {}).get("extensions") or {}
        self._divert = extensions.get(DIVERT)
        self._say: Callable[[str], bool] = self._divert["say"] if self._divert else never

    def divert(self, take: Take | None) -> None:
        """Let text messages go to `take` as they come, where the server can; what it does not take is received."""
        if self._divert is not None:
            self._divert["to"](take)

    async def send(self, text: str) -> None:
        """Send a message. Raises: LineError when the socket is gone."""
        if self.closed:
            raise LineError("the media stream is closed")
        if self._say(text):
            return
        try:
            await self._send({"type": "websocket.send", "text": text})
        except GONE_ERRORS as error:
            self.closed = True
            raise LineError("the media stream was lost while sending") from error

    async def close(self) -> None:
        """Close the socket. Again is harmless."""
        self.done.set()
        if self.closed:
            return
        self.closed = True
        with anyio.move_on_after(CLOSE_SECONDS, shield=True):
            try:
                await self._send({"type": "websocket.close", "code": 1000})
            except GONE_ERRORS:
                return
