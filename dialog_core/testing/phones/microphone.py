from __future__ import annotations

from binascii import b2a_base64
from collections import deque

import anyio

__all__ = ["FRAME", "FRAME_SECONDS", "Microphone"]

FRAME = 160
FRAME_SECONDS = 0.02
SILENCE = b"\xff" * FRAME


class Microphone:
    """The caller's side: what they say, cut into 20 ms frames, silence between. Pure but for the events of waiters."""

    def __init__(self, *, keep: bool = True) -> None:
        """keep: whether to remember all that was sent."""
        self.position = 0
        """Samples sent, silence included, on the caller's audio clock."""
        self._voice = bytearray()
        self._sent = bytearray()
        self._keep = keep
        self._waiting: deque[tuple[int, anyio.Event]] = deque()
        self._quiet = b2a_base64(SILENCE, newline=False).decode("ascii")

    def say(self, audio: bytes, *, at: int | None = None) -> anyio.Event:
        """Speak after what is still to be said; returns an event for its end. at: not before this sample."""
        if at is not None:
            self._voice += b"\xff" * (at - self.position - len(self._voice))
        self._voice += audio
        spoken = anyio.Event()
        self._waiting.append((self.position + len(self._voice), spoken))
        return spoken

    def skip_to(self, position: int) -> None:
        """No stream was there to take audio; the clock went on."""
        gap = position - self.position
        if gap > 0:
            self.position = position
            if self._keep:
                self._sent += b"\xff" * gap
            self._waiting = deque((end + gap, spoken) for end, spoken in self._waiting)

    def frame(self) -> str:
        """The next frame, in base64."""
        voice = self._voice
        if voice:
            frame = bytes(voice[:FRAME])
            del voice[:FRAME]
            frame += SILENCE[len(frame) :]
            encoded = b2a_base64(frame, newline=False).decode("ascii")
        else:
            frame, encoded = SILENCE, self._quiet
        if self._keep:
            self._sent += frame
        self.position += FRAME
        waiting = self._waiting
        while waiting and waiting[0][0] <= self.position:
            waiting.popleft()[1].set()
        return encoded

    def stop(self) -> None:
        """Nobody listens any more: let go of all who wait."""
        for _, spoken in self._waiting:
            spoken.set()
        self._waiting.clear()

    def track(self) -> bytes:
        """The caller's side as one mu-law track."""
        return bytes(self._sent)
