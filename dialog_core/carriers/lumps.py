"""What one read of a media socket brings: its audio goes on at once, and as one frame.

A call's work for a frame is the same for 20 ms and for 60, and so many frames come together while calls are many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from dialog_core.audio import AudioFormat, AudioFrame
from dialog_core.errors import ProviderProtocolError

__all__ = ["joined", "take_audio"]

MOST = 5
"""Frames in one; more come after a pause of the network, and are handed on as they came."""
SLACK = 0.001
"""Seconds by which frames may be off and still follow each other."""


def take_audio(
    texts: Sequence[bytes],
    read: Callable[[bytes], Iterable[AudioFrame] | None],
    feed: Callable[[AudioFrame], None],
    fmt: AudioFormat,
) -> int:  # per read
    """Feed the audio of these messages, up to the first that is none or cannot be read. Returns how many were taken.

    read: the frames of a message; None for one that is no audio. Raises: what `feed` raises.
    """
    frames: list[AudioFrame] = []
    taken = 0
    with suppress(ProviderProtocolError, ValueError):  # read again where it is counted
        for text in texts:
            audio = read(text)
            if audio is None:
                break
            frames += audio
            taken += 1
    for frame in joined(frames, fmt):
        feed(frame)
    return taken


def joined(frames: list[AudioFrame], fmt: AudioFormat) -> list[AudioFrame]:  # per read
    """One frame, if these follow each other; else the same ones. Their times do not decrease."""
    if not 1 < len(frames) <= MOST:
        return frames
    first, last = frames[0], frames[-1]
    data = b"".join([frame.data for frame in frames])
    due = first.at + (len(data) - len(last.data)) / fmt.bytes_per_second
    return [AudioFrame(first.at, data)] if -SLACK <= last.at - due <= SLACK else frames
