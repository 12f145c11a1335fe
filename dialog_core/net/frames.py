"""WebSocket frames, as bytes; no waiting here. What carries nearly all messages is read and written without a parser.

Source: RFC 6455, section 5.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from secrets import token_bytes

try:
    from websockets.speedups import apply_mask
except ImportError:  # where websockets has no compiled part
    from websockets.utils import apply_mask

__all__ = [
    "FINAL_BINARY",
    "FINAL_TEXT",
    "MASK",
    "MASKED",
    "TWO_BYTES",
    "apply_mask",
    "extent",
    "is_whole",
    "message_frame",
    "new_masks",
    "text_frame",
]

FINAL_TEXT, FINAL_BINARY = 0x81, 0x82
MASKED = 0x80
MASK = 4
"""Bytes of a mask."""
MASKS = 64
TWO_BYTES, EIGHT_BYTES = 126, 127
"""Lengths that say: the length stands in the bytes that follow."""


def new_masks() -> Iterator[bytes]:
    """Masks of frames, without end; asked for from the system in bulk, since each question is a system call."""
    while True:
        block = token_bytes(MASK * MASKS)
        for start in range(0, len(block), MASK):
            yield block[start : start + MASK]


def message_frame(message: str | bytes, mask: bytes) -> bytes:
    """A client's frame that is a whole message."""
    if isinstance(message, str):
        first, data = FINAL_TEXT, message.encode()
    else:
        first, data = FINAL_BINARY, message
    return b"".join((head(first, len(data), MASKED), mask, apply_mask(data, mask)))


def text_frame(text: str) -> bytes:
    """A server's frame that is a whole text message."""
    data = text.encode()
    return head(FINAL_TEXT, len(data)) + data


def head(first: int, length: int, masked: int = 0) -> bytes:
    """The header of a frame, up to its mask."""
    if length < TWO_BYTES:
        return bytes((first, masked | length))
    if length < 1 << 16:
        return bytes((first, masked | TWO_BYTES, length >> 8, length & 0xFF))
    return bytes((first, masked | EIGHT_BYTES)) + length.to_bytes(8, "big")


def extent(data: bytes, start: int, end: int) -> tuple[int, int] | None:
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


def is_whole(data: bytes) -> bool:
    """Whether these bytes are whole frames, or nothing."""
    start, end = 0, len(data)
    while start < end:
        place = extent(data, start, end)
        if place is None or place[1] > end:
            return False
        start = place[1]
    return True
