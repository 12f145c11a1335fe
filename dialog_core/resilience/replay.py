from __future__ import annotations

import math
from collections import deque

import attrs

from dialog_core.audio import AudioFormat, AudioFrame

__all__ = ["ReplayBuffer"]

SLACK = 0.001
"""Seconds by which frames may be off and still follow each other."""
TOGETHER = 5
"""Frames that are taken account of together."""
MOST_GONE = 3000
"""Frames that were sent and let go, of which we keep the ends; a minute of them."""


@attrs.define(eq=False)
class ReplayBuffer:
    """A recogniser's audio: what is still to be sent, and what may have to be sent again.

    ::

        dropped | sent, not yet settled | unsent
                ^ start                 ^ the next `take`      at most `seconds` from start to end

    When it is full the oldest audio goes. Audio that was never sent is counted in `dropped`; nobody heard it. Audio
    that was sent may still be understood where it is; if that connection is lost first, it is counted in `lost`.

    Frames are put in order some at a time, and before anybody looks: a call that hands over a frame costs one append.
    """

    fmt: AudioFormat
    seconds: float = 2.0
    lost: int = 0
    """Frames that a lost connection was sent and did not settle, and that are gone."""
    _dropped: int = 0
    _fresh: list[AudioFrame] = attrs.field(factory=list)
    """The newest frames, in no account yet."""
    _frames: deque[AudioFrame] = attrs.field(factory=deque)
    _sent: int = 0
    _nbytes: int = 0
    _gone: deque[float] = attrs.field(factory=lambda: deque(maxlen=MOST_GONE))
    """Ends of the frames that were sent and let go unsettled."""
    _most: int = attrs.field(init=False)
    _second: float = attrs.field(init=False)
    """Of a byte."""
    _due: float = -math.inf
    """When a frame that follows the newest one begins."""
    _apart: bool = False
    """There is a gap before one of the unsent frames."""

    def __attrs_post_init__(self) -> None:
        self._most = self.fmt.nbytes(self.seconds)
        self._second = 1 / self.fmt.bytes_per_second

    def push(self, frame: AudioFrame) -> None:
        """Keep a frame; never waits."""  # per frame
        fresh = self._fresh
        fresh.append(frame)
        if len(fresh) >= TOGETHER:
            self._stow()

    @property
    def dropped(self) -> int:
        """Frames that were dropped unsent."""
        self._stow()
        return self._dropped

    @dropped.setter
    def dropped(self, count: int) -> None:
        self._dropped = count

    def _stow(self) -> None:
        """Take account of the fresh frames."""
        fresh = self._fresh
        if not fresh:
            return
        due, second, nbytes = self._due, self._second, self._nbytes
        for frame in fresh:
            if not -SLACK <= frame.at - due <= SLACK:
                self._apart = True
            size = len(frame.data)
            due = frame.at + size * second
            nbytes += size
        self._frames.extend(fresh)
        fresh.clear()
        self._due, self._nbytes = due, nbytes
        if nbytes > self._most:
            self._make_room()

    def _make_room(self) -> None:
        frames = self._frames
        while self._nbytes > self._most and len(frames) > 1:
            frame = frames.popleft()
            nbytes = len(frame.data)
            self._nbytes -= nbytes
            if self._sent:
                self._sent -= 1
                self._gone.append(frame.at + nbytes * self._second)
            else:
                self._dropped += 1

    def take(self) -> AudioFrame | None:
        """All unsent audio up to the next gap, as one frame at the time of its first sample; None if there is none."""
        self._stow()
        frames, first = self._frames, self._sent
        if first == len(frames):
            return None
        if not self._apart:
            self._sent = len(frames)
            # from the end, for what is unsent is little, and a deque is long in the middle
            unsent = b"".join([frames[place].data for place in range(first - len(frames), 0)])
            return AudioFrame(frames[first].at, unsent)
        pieces: list[bytes] = []
        end = at = frames[first].at
        second = self._second
        for number in range(first, len(frames)):
            frame = frames[number]
            if abs(frame.at - end) > SLACK:
                break
            pieces.append(frame.data)
            end = frame.at + len(frame.data) * second
        self._sent += len(pieces)
        self._apart = self._sent < len(frames)
        return AudioFrame(at, b"".join(pieces))

    def settle(self, until: float) -> None:
        """Audio before this call time has been understood and need not be sent again."""
        self._stow()
        while self._gone and self._gone[0] <= until + SLACK:
            self._gone.popleft()
        frames = self._frames
        second, last = self._second, until + SLACK
        while self._sent and frames[0].at + (size := len(frames[0].data)) * second <= last:
            frames.popleft()
            self._nbytes -= size
            self._sent -= 1

    def rewind(self) -> None:
        """A new connection: everything kept is to be sent again."""
        self._stow()
        self._sent = 0
        self._apart = True
        self.lost += len(self._gone)
        self._gone.clear()

    @property
    def start(self) -> float | None:
        """Call time of the oldest audio kept."""
        self._stow()
        return self._frames[0].at if self._frames else None

    @property
    def unsent(self) -> float:
        """Seconds of audio that wait to be sent."""
        self._stow()
        waiting = (len(self._frames[n].data) for n in range(self._sent, len(self._frames)))
        return self.fmt.seconds(sum(waiting))
