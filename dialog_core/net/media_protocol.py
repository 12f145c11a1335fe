"""uvicorn's WebSocket protocol, with a short way for what makes up nearly all of its traffic: whole text messages.

A telephone line sends 50 of them a second. uvicorn takes each through a parser made of generators, and stops and starts
reading around it, which is two changes to the event loop's selector a message. Here frames are cut from the stream
first::

    bytes --> whole frame --+-- text, final, masked, short enough --> queue --> ASGI receive
                            '-- anything else ----------------------> uvicorn's own way

uvicorn's way sees whole frames only, so it is never in the middle of one when the short way is taken. A client that
sends frames before its upgrade is answered is served by uvicorn alone. Reading stops when as many messages wait as the
setting allows, and goes on when none waits.
"""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from dialog_core.net.websocket import apply_mask

__all__ = ["MediaProtocol"]

END_OF_REQUEST = b"\r\n\r\n"
FINAL_TEXT = 0x81
MASKED = 0x80
MASK = 4
TWO_BYTES = 126
"""A length that says: the length stands in the next two bytes; 127 says: in the next eight."""


class MediaProtocol(WebSocketsSansIOProtocol):
    """One WebSocket of a client."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._rest = b""
        self._early = False
        """The client sends before its upgrade is answered."""

    def data_received(self, data: bytes) -> None:  # per frame
        if self._early or not self.handshake_complete:
            self._early = self._early or self.handshake_initiated
            super().data_received(data)
            self._early = self._early or not data.endswith(END_OF_REQUEST)
            return
        if self._rest:
            data = self._rest + data
        start, end = 0, len(data)
        while (extent := _extent(data, start, end)) is not None and not self.transport.is_closing():
            body, over = extent
            if too_long := over - body > self.config.ws_max_size:
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
        try:
            self.queue.put_nowait({"type": "websocket.receive", "text": text.decode()})
        except UnicodeDecodeError:
            self.conn.send_close(1007)
            self.handle_parser_exception()
            return
        if not self.read_paused and self.queue.qsize() >= self.config.ws_max_queue:
            self.read_paused = True
            self.transport.pause_reading()


def _extent(data: bytes, start: int, end: int) -> tuple[int, int] | None:
    """Where the payload of the frame at `start` begins and ends; None if its header has not come whole."""
    if end - start < 2:  # noqa: PLR2004 - the shortest header
        return None
    second = data[start + 1]
    length, body = second & 0x7F, start + 2
    if length >= TWO_BYTES:
        wide = 2 if length == TWO_BYTES else 8
        length = int.from_bytes(data[body : body + wide], "big")
        body += wide
    if second & MASKED:
        body += MASK
    return (body, body + length) if body <= end else None
