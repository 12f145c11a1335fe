"""One socket: audio in messages that the vendor takes, and its errors by their codes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import attrs
from dialog_core import AudioFormat, AudioFrame
from dialog_core.errors import SocketClosed
from dialog_core.protocols import WebSocket
from dialog_core.resilience.timeline import Timeline

from dialog_assemblyai.protocol import FORCE_ENDPOINT, LEAST, Message, cut, failure, parse

__all__ = ["Connection"]

LONGEST_GAP = 1.0
"""Seconds of silence that stand for audio which never came; more would only delay what follows."""
SLACK = 0.001
"""Seconds by which frames may be off and still follow each other."""


@contextmanager
def blaming() -> Iterator[None]:
    """A closed socket is an error by its close code."""
    try:
        yield
    except SocketClosed as error:
        raise failure(error.code, error.reason) from error


@attrs.define(eq=False)
class Connection:
    """What is told and known on one socket. All it does raises ProviderError when it is lost."""

    fmt: AudioFormat
    _socket: WebSocket
    timeline: Timeline = attrs.field(factory=Timeline)
    after: float = -math.inf
    """When the last word began that we settled ourselves; what the vendor says of it is late."""
    _rest: bytes = b""
    """Audio too short for a message."""

    async def receive(self) -> Message:
        """The next message."""
        with blaming():
            return parse(await self._socket.receive())

    async def send_frame(self, frame: AudioFrame) -> None:
        """Send audio without a gap in it, after silence for the gap before it."""
        timeline, gap = self.timeline, b""
        if timeline.sent and frame.at - timeline.end > SLACK:
            gap = self.fmt.silence(min(frame.at - timeline.end, LONGEST_GAP))
            timeline.add(timeline.end, self.fmt.seconds(len(gap)))
        timeline.add(frame.at, self.fmt.seconds(len(frame.data)))
        audio, self._rest = self._rest + gap + frame.data, b""
        for message in cut(audio, self.fmt):
            if len(message) < self.fmt.nbytes(LEAST):
                self._rest = message
            else:
                await self._send(message)

    async def end_turn(self) -> None:
        """Ask for the words, after the rest of the audio and the silence that its message lacks."""
        if rest := self._rest:
            self._rest = b""
            silence = self.fmt.silence(LEAST - self.fmt.seconds(len(rest)))
            self.timeline.add_silence(self.fmt.seconds(len(silence)), at=self.timeline.end)
            await self._send(rest + silence)
        await self._send(FORCE_ENDPOINT)

    async def _send(self, data: str | bytes) -> None:
        with blaming():
            await self._socket.send(data)
