"""WebSocket frames and HTTP heads for the load's own side: no more of RFC 6455 than two well-behaved peers need (pure).

Masks of the load's clients are zero. They cost the server as much as any other mask, and the load nothing.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha1
from typing import NamedTuple

__all__ = [
    "BINARY",
    "CLOSE",
    "PING",
    "PONG",
    "TEXT",
    "Frame",
    "Frames",
    "accept_key",
    "masked",
    "plain",
]

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
FIN = 0x80
MASK = 0x80
SHORT, MIDDLE = 126, 65_536
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Frame(NamedTuple):
    """One frame, which is a whole message: nobody here cuts messages."""

    opcode: int
    data: bytes


def plain(data: bytes, opcode: int = TEXT) -> bytes:
    """A frame of a server."""
    return _head(opcode, len(data), 0) + data


def masked(data: bytes, opcode: int = TEXT) -> bytes:
    """A frame of a client."""
    return _head(opcode, len(data), MASK) + b"\0\0\0\0" + data


def accept_key(key: bytes) -> bytes:
    """The server's answer to the client's key."""
    return b64encode(sha1(key + GUID).digest())  # noqa: S324 - as the standard has it


def _head(opcode: int, length: int, mask: int) -> bytes:
    if length < SHORT:
        return bytes((FIN | opcode, mask | length))
    if length < MIDDLE:
        return bytes((FIN | opcode, mask | SHORT)) + length.to_bytes(2, "big")
    return bytes((FIN | opcode, mask | SHORT + 1)) + length.to_bytes(8, "big")


class Frames:
    """Takes bytes as they come, gives whole frames."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that these bytes complete."""
        if self._rest:
            data = self._rest + data
        frames: list[Frame] = []
        start, end = 0, len(data)
        while end - start >= 2:  # noqa: PLR2004 - the shortest frame
            length = data[start + 1] & 0x7F
            body = start + 2
            if length >= SHORT:
                wide = 2 if length == SHORT else 8
                if end < body + wide:
                    break
                length = int.from_bytes(data[body : body + wide], "big")
                body += wide
            mask = data[body : body + 4] if data[start + 1] & MASK else b""
            body += len(mask)
            if end < body + length or (data[start + 1] & MASK and len(mask) < 4):  # noqa: PLR2004
                break
            content = data[body : body + length]
            if mask.strip(b"\0"):
                content = _unmask(content, mask)
            frames.append(Frame(data[start] & 0x0F, content))
            start = body + length
        self._rest = data[start:]
        return frames


def _unmask(data: bytes, mask: bytes) -> bytes:
    size = len(data)
    repeated = mask * (size // 4 + 1)
    return (int.from_bytes(data, "big") ^ int.from_bytes(repeated[:size], "big")).to_bytes(
        size, "big"
    )
