"""uvicorn's WebSocket protocol, with a short way for what makes up nearly all of its traffic: whole text messages.

A telephone line sends 50 of them a second. uvicorn takes each through a parser made of generators, and stops and starts
reading around it, which is two changes to the event loop's selector a message. Here frames are cut from the stream
first::

    bytes --> whole frame --+-- text, final, masked, short enough --+--> `take`, where the application has diverted
                            |                                       '--> queue --> ASGI receive
                            '-- anything else -----------------------> uvicorn's own way

uvicorn's way sees whole frames only, so it is never in the middle of one when the short way is taken. A client that
sends frames before its upgrade is answered is served by uvicorn alone. Reading stops when as many messages wait as the
setting allows, and goes on when none waits.

An application may divert text messages: the ASGI scope's extension `dialog.divert` holds a function ``to`` that takes
``take``, and ``take(text)`` is then called from within the read: no queue, wake-up or task between. What it does not
want (False), and all that comes while something waits in the queue, goes the ordinary way, so order is kept.

The same extension holds ``say``, which writes a text message at once, past what uvicorn and its parser do around each.
It does so only where nothing is to be waited for or refused; otherwise (False) the message goes by ASGI's `send`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from dialog_core.net.frames import (
    FINAL_TEXT,
    MASK,
    MASKED,
    TWO_BYTES,
    apply_mask,
    extent,
    text_frame,
)

__all__ = ["DIVERT", "MediaProtocol"]

DIVERT = "dialog.divert"
"""The ASGI extension by which an application takes text messages as they come, and sends its own at once."""
END_OF_REQUEST = b"\r\n\r\n"
WIDE = MASKED | TWO_BYTES
WIDE_HEAD = 8
"""Bytes before the payload when the length takes two bytes."""


class MediaProtocol(WebSocketsSansIOProtocol):
    """One WebSocket of a client."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._rest = b""
        self._longest = self.config.ws_max_size
        self._early = False
        """The client sends before its upgrade is answered."""
        self._divert: Callable[[bytes], bool] | None = None

    def divert(self, take: Callable[[bytes], bool] | None) -> None:
        """Hand text messages (UTF-8, not checked) to `take` as they come; None for the ordinary way again."""
        self._divert = take

    def say(self, text: str) -> bool:
        """Send a text message, if that can be done at once."""
        if (
            self.close_sent
            or self.disconnected
            or not self.handshake_complete
            or not self.writable.is_set()
            or self.transport.is_closing()
        ):
            return False
        self.transport.write(text_frame(text))
        return True

    async def run_asgi(self) -> None:
        self.scope["extensions"][DIVERT] = {"to": self.divert, "say": self.say}
        await super().run_asgi()

    def data_received(self, data: bytes) -> None:  # per frame
        if self._early or not self.handshake_complete:
            self._early = self._early or self.handshake_initiated
            super().data_received(data)
            self._early = self._early or not data.endswith(END_OF_REQUEST)
            return
        if self._rest:
            data = self._rest + data
        elif (
            self._divert is not None
            and len(data) > WIDE_HEAD
            and data[0] == FINAL_TEXT
            and data[1] == WIDE
            and len(data) - WIDE_HEAD == (data[2] << 8 | data[3]) <= self._longest
            and not self.frames
            and not self.close_sent
            and self.queue.empty()
            and not self.transport.is_closing()
            and self._divert(apply_mask(data[8:], data[4:8]))
        ):
            return  # the whole message that audio comes in
        start, end = 0, len(data)
        while (place := extent(data, start, end)) is not None and not self.transport.is_closing():
            body, over = place
            if too_long := over - body > self._longest:
                over = end
            if over > end:
                break
            if self._is_plain(data, start) and not too_long:
                self._take(apply_mask(data[body:over], data[body - MASK : body]))
            else:
                super().data_received(data[start:over])
            start = over
        self._rest = data[start:]

    def _is_plain(self, data: bytes, start: int) -> bool:
        """Whether the frame that begins here is a whole text message."""
        return data[start] == FINAL_TEXT and data[start + 1] >= MASKED and not self.frames

    def _take(self, text: bytes) -> None:  # per frame
        """A whole text message has come."""
        if self.close_sent:
            return
        divert = self._divert
        if divert is not None and self.queue.empty() and divert(text):
            return
        try:
            self.queue.put_nowait({"type": "websocket.receive", "text": text.decode()})
        except UnicodeDecodeError:
            self.conn.send_close(1007)
            self.handle_parser_exception()
            return
        if not self.read_paused and self.queue.qsize() >= self.config.ws_max_queue:
            self.read_paused = True
            self.transport.pause_reading()
