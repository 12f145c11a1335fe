"""The caller's audio on its way in: which of it is sent, and in which of OpenAI's formats."""

from __future__ import annotations

from collections import deque
from typing import Any

import attrs

from dialog_core import g711
from dialog_core.audio import AudioFormat, AudioFrame, Encoding
from dialog_core.resample import Resampler
from dialog_core.resilience.replay import ReplayBuffer

__all__ = ["Gate", "Intake"]

PCM_RATE = 24_000
"""The only rate at which OpenAI takes PCM."""
DIRECT: dict[AudioFormat, dict[str, Any]] = {
    AudioFormat(Encoding.MULAW, 8000): {"type": "audio/pcmu"},
    AudioFormat(Encoding.ALAW, 8000): {"type": "audio/pcma"},
    AudioFormat(Encoding.PCM16, PCM_RATE): {"type": "audio/pcm", "rate": PCM_RATE},
}
"""What is sent as the line has it; all else becomes PCM."""
NOTICE_SECONDS = 1.5
"""How late a voice detector may be; audio of so long is kept before speech, beside its lead."""


@attrs.define
class Intake:
    """Turns the line's audio into what was promised to OpenAI."""

    fmt: AudioFormat
    _resampler: Resampler | None = None

    @property
    def declared(self) -> dict[str, Any]:
        """The format as the configuration names it."""
        return DIRECT.get(self.fmt) or {"type": "audio/pcm", "rate": PCM_RATE}

    def restart(self) -> None:
        """A new connection, or a gap."""
        self._resampler = None

    def take(self, data: bytes) -> bytes:
        """The next audio, whole samples; resampling holds a millisecond or two back."""
        if self.fmt in DIRECT:
            return data
        if self._resampler is None:
            self._resampler = Resampler(self.fmt.rate, PCM_RATE)
        return self._resampler.feed(g711.decode(data, self.fmt.encoding)).tobytes()


@attrs.define(eq=False)
class Gate:
    """Lets speech through, and the moment before it.

    Where we cut turns ourselves, silence between them would only cost and be misheard as words. The line's detector
    speaks of the past, so recent audio waits here until it has spoken.
    """

    buffer: ReplayBuffer
    lead: float
    """Seconds before speech that belong to it."""
    is_open: bool = False
    _recent: deque[AudioFrame] = attrs.field(factory=deque)
    _nbytes: int = 0
    _most: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._most = self.buffer.fmt.nbytes(self.lead + NOTICE_SECONDS)

    def feed(self, frame: AudioFrame) -> None:  # per frame
        """Take a frame; never waits."""
        if self.is_open:
            self.buffer.push(frame)
            return
        self._recent.append(frame)
        self._nbytes += len(frame.data)
        while self._nbytes > self._most and len(self._recent) > 1:
            self._nbytes -= len(self._recent.popleft().data)

    def open(self, at: float) -> None:
        """Speech began then; again is harmless."""
        if self.is_open:
            return
        self.is_open = True
        seconds, start = self.buffer.fmt.seconds, at - self.lead
        for frame in self._recent:
            if frame.at + seconds(len(frame.data)) > start:
                self.buffer.push(frame)
        self._recent.clear()
        self._nbytes = 0

    def close(self) -> None:
        """Speech ended; what the detector took to notice it has gone through."""
        self.is_open = False
