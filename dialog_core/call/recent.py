"""The caller's latest audio, kept for those who look back at it: endpointers that hear, and diarizers.

A call has one only if somebody in it wants audio; then a frame costs one append, and the oldest goes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial

import attrs

from dialog_core.audio import AudioFormat, AudioFrame, Sound
from dialog_core.turns.policy import Abstain, Done, Endpointer, Pause, Verdict, Wait

__all__ = ["HearingEndpointer", "RecentAudio", "hearing", "seconds_wanted"]


class RecentAudio:
    """A bounded store of frames; the oldest make room for new ones."""

    def __init__(self, fmt: AudioFormat, seconds: float) -> None:
        """seconds: how much is kept at least, once it has been heard."""
        self._fmt = fmt
        self._limit = fmt.nbytes(seconds)
        self._frames: deque[AudioFrame] = deque()
        self._size = 0

    def feed(self, frame: AudioFrame) -> None:
        """Take a frame; never waits."""  # per frame
        frames = self._frames
        frames.append(frame)
        self._size += len(frame.data)
        while self._size - len(frames[0].data) >= self._limit:
            self._size -= len(frames.popleft().data)

    def between(self, start: float, end: float) -> Sound:
        """What is left of the audio from one time to another; empty if nothing is.

        Gaps between frames are closed, not filled.
        """
        fmt, pieces, began = self._fmt, list[bytes](), None
        for frame in self._frames:
            length = len(frame.data)
            first = min(max(fmt.nbytes(start - frame.at), 0), length)
            last = min(max(fmt.nbytes(end - frame.at), 0), length)
            if first < last:
                began = frame.at + fmt.seconds(first) if began is None else began
                pieces.append(frame.data[first:last])
        return Sound(start if began is None else began, b"".join(pieces), fmt)


def seconds_wanted(component: object) -> float:
    """Seconds of audio that a component wants to look back at; see :class:`dialog_core.turns.policy.Hears`."""
    return float(getattr(component, "wants_audio", 0.0))


def hearing(endpointer: Endpointer, recent: RecentAudio | None) -> Endpointer:
    """The endpointer, given the call's audio if it wants any."""
    seconds = seconds_wanted(endpointer)
    if recent is None or not seconds:
        return endpointer
    return HearingEndpointer(endpointer, recent, seconds)


@attrs.frozen
class HearingEndpointer:
    """Puts audio into the question, only when the endpointer has asked for time: `judge` stays a function of values."""

    endpointer: Endpointer
    recent: RecentAudio
    seconds: float

    def judge(self, pause: Pause) -> Verdict:
        """See :class:`~dialog_core.turns.policy.Endpointer`."""
        return self.endpointer.judge(pause)

    async def ask(self, pause: Pause) -> Wait | Done | Abstain:
        """See :class:`~dialog_core.turns.policy.Endpointer`."""
        audio: Callable[[float], Sound] = partial(self._latest, pause.since)
        return await self.endpointer.ask(attrs.evolve(pause, audio=audio))

    def _latest(self, since: float, tail: float) -> Sound:
        end = since + tail
        return self.recent.between(end - self.seconds, end)
