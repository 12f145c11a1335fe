"""What one read of a media socket brings: its audio goes on at once, and as one frame.

A call's work for a frame is the same for 20 ms and for 120, and so many frames come together while calls are many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

import attrs

from dialog_core.audio import AudioFormat, AudioFrame
from dialog_core.carriers.owed import Owed
from dialog_core.carriers.wire import Phase, Wire
from dialog_core.errors import ProviderProtocolError

__all__ = ["DirectAudio", "joined"]

MOST = 10
"""Frames in one; more come after a pause of the network, and are handed on as they came."""
SLACK = 0.001
"""Seconds by which frames may be off and still follow each other."""


@attrs.define(eq=False)
class DirectAudio:
    """Feeds a line's audio from within its socket's read."""

    read: Callable[[bytes], Iterable[AudioFrame] | None]
    """The frames of a message; None for one that is no audio. Raises: ProviderProtocolError, ValueError."""
    fmt: AudioFormat
    wire: Wire[Any]
    owed: Owed
    feed: Callable[[AudioFrame], None] | None = None
    failure: Exception | None = None
    """What `feed` raised: the call's fault, which must not end the server's read. Nothing is fed after it."""

    def take(self, texts: Sequence[bytes]) -> int:  # per read
        """Feed these messages' audio, up to the first that is none or cannot be read. Returns how many were taken.

        None are where callbacks wait, which go first, or where the line has stopped.
        """
        if self.feed is None or self.failure is not None:
            return 0
        if self.owed.waiting or self.wire.phase is Phase.STOPPED:
            return 0
        frames: list[AudioFrame] = []
        taken = 0
        with suppress(ProviderProtocolError, ValueError):  # read again where it is counted
            for text in texts:
                audio = self.read(text)
                if audio is None:
                    break
                frames += audio
                taken += 1
        try:
            for frame in joined(frames, self.fmt):
                self.feed(frame)
        except Exception as error:  # noqa: BLE001 - whatever it is, the line's iteration raises it
            self.failure = error
            return 0
        return taken


def joined(frames: list[AudioFrame], fmt: AudioFormat) -> list[AudioFrame]:  # per read
    """One frame, if these follow each other; else the same ones. Their times do not decrease."""
    if not 1 < len(frames) <= MOST:
        return frames
    first, last = frames[0], frames[-1]
    data = b"".join([frame.data for frame in frames])
    due = first.at + (len(data) - len(last.data)) / fmt.bytes_per_second
    return [AudioFrame(first.at, data)] if -SLACK <= last.at - due <= SLACK else frames
