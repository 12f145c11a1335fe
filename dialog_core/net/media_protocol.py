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
``take``, and ``take(texts)`` is then called from within the read, with what it has brought: no queue, wake-up or task
between. It returns how many of them it wanted; the others, and all that comes while something waits in the queue, go
the ordinary way, so order is kept.

While many calls are up, nothing wakes us for a frame of a diverted socket (``SO_RCVLOWAT``); the pace reads what has
come, one socket after another, see :mod:`dialog_core.net.pace`. What comes by TLS is read as it comes: only the
transport can.

The same extension holds ``say``, which writes a text message at once, past what uvicorn and its parser do around each.
It does so only where nothing is to be waited for or refused; otherwise (False) the message goes by ASGI's `send`.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
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
from dialog_core.net.pace import Pace

__all__ = ["DIVERT", "MediaProtocol", "Take"]

DIVERT = "dialog.divert"
"""The ASGI extension by which an application takes text messages as they come, and sends its own at once."""
Take = Callable[[Sequence[bytes]], int]
"""Takes text messages of one read (UTF-8, not checked); returns how many of them, from the first on."""
END_OF_REQUEST = b"\r\n\r\n"
WIDE = MASKED | TWO_BYTES
WIDE_HEAD = 8
"""Bytes before the payload when the length takes two bytes."""
GREAT_DEAL = 8192
"""Bytes that wake us in any case; half a second of frames."""
AT_ONCE = 16_384
"""Bytes read at once at the most."""


class MediaProtocol(WebSocketsSansIOProtocol):
    """One WebSocket of a client."""

    def __init__(self, *args: Any, pace: Pace | None = None, **options: Any) -> None:
        """pace: when a diverted socket is read; when something comes, unless given."""
        super().__init__(*args, **options)
        self._pace = pace or Pace(1)
        self._descriptor = -1
        """The socket's, once it has been held."""
        self._rest = b""
        self._longest = self.config.ws_max_size
        self._early = False
        """The client sends before its upgrade is answered."""
        self._divert: Take | None = None

    def divert(self, take: Take | None) -> None:
        """Hand text messages to `take` as they come; None for the ordinary way again."""
        if self.disconnected:
            return
        self._divert = take
        if take is None:
            self._pace.leave(self)
            self.let_go()
        elif self.transport.get_extra_info("ssl_object") is None:
            self._pace.join(self)

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
            data, self._rest = self._rest + data, b""
        if self._divert is not None:
            data = self._hand_over(data, self._divert)
            if not data:
                return
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

    def _hand_over(self, data: bytes, take: Take) -> bytes:  # per read
        """Divert the messages that audio comes in, up to one that goes another way; returns the rest."""
        if self.frames or self.close_sent or not self.queue.empty() or self.transport.is_closing():
            return data
        texts: list[bytes] = []
        ends = [0]
        start, end = 0, len(data)
        while end - start > WIDE_HEAD and data[start] == FINAL_TEXT and data[start + 1] == WIDE:
            body = start + WIDE_HEAD
            over = body + (data[start + 2] << 8 | data[start + 3])
            if over > end or over - body > self._longest:
                break
            texts.append(apply_mask(data[body:over], data[body - MASK : body]))
            ends.append(over)
            start = over
        taken = take(texts) if texts else 0
        return data[ends[taken] :]

    def hold(self) -> None:
        """Be woken for what comes no more, but for a great deal or the end."""
        self._wake_for(GREAT_DEAL)

    def let_go(self) -> None:
        """Be woken again."""
        self._wake_for(1)

    def _wake_for(self, enough: int) -> None:
        own = self.transport.get_extra_info("socket")
        if own is not None and not self.transport.is_closing():
            with suppress(OSError):
                own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, enough)
                self._descriptor = own.fileno()

    def read_now(self) -> None:  # per read
        """Read what has come, past the transport."""
        if self._descriptor < 0 or self.read_paused or self.transport.is_closing():
            return
        try:
            data = os.read(self._descriptor, AT_ONCE)
        except OSError:  # nothing has come; or all is over, which the transport finds out too
            return
        if not data:
            return
        try:
            self.data_received(data)
        except Exception as error:  # noqa: BLE001 - as transports do: one client's fault is not the others'
            told = {"message": "a client's data could not be handled", "exception": error}
            self.loop.call_exception_handler({**told, "protocol": self})
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._pace.leave(self)
        self._divert = None
        self.scope.get("extensions", {}).pop(DIVERT, None)
        super().connection_lost(exc)

    def _is_plain(self, data: bytes, start: int) -> bool:
        """Whether the frame that begins here is a whole text message."""
        return data[start] == FINAL_TEXT and data[start + 1] >= MASKED and not self.frames

    def _take(self, text: bytes) -> None:  # per frame
        """A whole text message has come."""
        if self.close_sent:
            return
        divert = self._divert
        if divert is not None and self.queue.empty() and divert((text,)):
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
