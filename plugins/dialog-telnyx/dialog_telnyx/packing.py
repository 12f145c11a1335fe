from __future__ import annotations

from collections.abc import Iterator

import attrs

from dialog_core.audio import AudioFormat
from dialog_telnyx.frames import swapped

__all__ = ["Packing"]

SHORTEST = 0.02
LONGEST = 10.0
"""Telnyx takes 30 s; shorter pieces keep messages small."""


@attrs.define(eq=False)
class Packing:
    """Cuts audio into pieces of a length that Telnyx takes: at least 20 ms. What is less waits for more, or for a mark.

    Source: Telnyx docs, "Media Streaming over Websockets", section on bidirectional streaming.
    """

    fmt: AudioFormat
    swap: bool = False
    """Whether samples go out in the other byte order."""
    _waiting: bytearray = attrs.field(factory=bytearray)

    def push(self, audio: bytes) -> Iterator[bytes]:
        """Pieces that can be sent now."""
        fmt, waiting = self.fmt, self._waiting
        waiting += audio
        whole = len(waiting) - len(waiting) % fmt.width
        if whole < fmt.nbytes(SHORTEST):
            return
        ready = bytes(waiting[:whole])
        del waiting[:whole]
        longest = fmt.nbytes(LONGEST)
        if len(ready) % longest < fmt.nbytes(SHORTEST):
            longest -= fmt.nbytes(SHORTEST)
        for start in range(0, len(ready), longest):
            yield self._ordered(ready[start : start + longest])

    def flush(self) -> bytes:
        """What waits, with silence behind it to the shortest length; empty if nothing waits."""
        if not self._waiting:
            return b""
        rest = bytes(self._waiting)
        self._waiting.clear()
        silence = self.fmt.silence(SHORTEST)
        return self._ordered(rest + silence[len(rest) :])

    def clear(self) -> None:
        """Throw away what waits."""
        self._waiting.clear()

    def _ordered(self, audio: bytes) -> bytes:
        return swapped(audio) if self.swap else audio
