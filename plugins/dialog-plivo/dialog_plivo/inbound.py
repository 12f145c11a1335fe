from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any

from dialog_core.audio import TELEPHONE, AudioFrame
from dialog_core.carriers.lumps import DirectAudio
from dialog_core.carriers.oddities import Oddities
from dialog_core.carriers.owed import Grace, Owed
from dialog_core.carriers.wire import Phase, Wire
from dialog_core.errors import ProviderProtocolError
from dialog_core.net.media_stream import MediaStream
from dialog_core.protocols import LineEvent, LineStopped, MarkReturned
from dialog_core.turns.events import Keypress
from dialog_plivo.protocol import (
    Cleared,
    Dtmf,
    Envelopes,
    Error,
    Media,
    MediaBody,
    Message,
    Played,
    PlayFailed,
    Start,
    Stop,
    Unknown,
    parse,
)

__all__ = ["AudioClock", "Inbound"]

KEYS = frozenset("0123456789*#ABCD")
GAP_SECONDS = 0.1
"""Less than this between the stated and the expected time of a frame is no gap."""
LONGEST_GAP = 60.0
"""More than this is not a gap, but another clock."""
JITTER = 0.01
GOODBYES = frozenset({1000, 1005})
"""Close codes of a call that is over; any other is a socket that was lost."""
BYTES_PER_SECOND = TELEPHONE.bytes_per_second


class AudioClock:
    """Plivo's chunks and timestamps as seconds since the first sample of the call.

    Timestamps may be a wall clock's milliseconds, with its jitter, so only their differences count, and only where
    they tell of a gap, or agree with a chunk number that something is missing: frames else follow without a seam.
    """

    def __init__(self) -> None:
        self.now = 0.0
        """End of the newest frame."""
        self._offset: float | None = None
        self._chunk = 0
        self._stamp = 0.0

    def place(self, chunk: int, stamp: float, nbytes: int) -> float | None:  # per frame
        """When a frame's first sample sounds; None for one that comes twice, or after a later one.

        stamp: its timestamp, in seconds.
        """
        if self._offset is None:
            self._offset = -stamp
        elif chunk <= self._chunk and stamp <= self._stamp:
            return None
        at = self.now
        length = nbytes / BYTES_PER_SECOND
        missing = (chunk - self._chunk - 1) * length if self._chunk else 0.0
        ahead = self._offset + stamp - at
        if ahead < 0 or ahead > LONGEST_GAP:
            self._offset -= (
                ahead  # less late than those before, or another clock: the better anchor
            )
        elif missing > 0 and missing - JITTER < ahead < missing + GAP_SECONDS:
            at += missing
        elif ahead > GAP_SECONDS:
            at += ahead
        self._chunk = chunk
        self._stamp = stamp
        self.now = at + length
        return at


class Inbound:
    """All that comes from a line, in order; reads straight from the socket, without a queue or a task between.

    Where the server can, audio does not even wake the iterating task: see :meth:`divert`. Callbacks that came by HTTP
    go before the next frame, so they wait 20 ms at most while audio flows.
    """

    def __init__(self, wire: Wire[Envelopes], owed: Owed, grace: Grace, oddities: Oddities) -> None:
        self._wire = wire
        self._owed = owed
        self._grace = grace
        self._oddities = oddities
        self._audio = AudioClock()
        self._direct = DirectAudio(self._audio_of, TELEPHONE, wire, owed)

    def divert(self, feed: Callable[[AudioFrame], None]) -> None:
        """Hand audio to `feed` from within the socket's read; what it raises, the iteration raises."""
        self._direct.feed = feed
        self._wire.stream.divert(self._direct.take)

    def __aiter__(self) -> Inbound:
        return self

    async def __anext__(self) -> LineEvent:  # per frame
        waiting = self._owed.waiting
        wire = self._wire
        while True:
            if waiting:
                return waiting.popleft()
            if wire.phase is Phase.STOPPED:
                if not await self._owed.news(self._grace):
                    raise StopAsyncIteration
                continue
            raw = await wire.stream.receive()
            if self._direct.failure is not None:
                raise self._direct.failure
            text = raw.get("text")
            if text is None:
                event = await self._without_text(raw, wire.stream)
            else:
                event = await self._read(text)
            if event is not None:
                return event

    async def _read(self, text: str) -> LineEvent | None:  # per frame
        try:
            message = parse(text)
            if type(message) is Media:
                return self._frame(message.media)
        except (ProviderProtocolError, ValueError) as error:
            return self._garbage(str(error))
        return await self._other(message)

    def _audio_of(self, text: bytes) -> tuple[AudioFrame, ...] | None:  # per frame
        message = parse(text)
        if type(message) is not Media:
            return None
        frame = self._frame(message.media)
        return () if frame is None else (frame,)

    def _frame(self, media: MediaBody) -> AudioFrame | None:  # per frame
        if media.track != "inbound":
            return None
        payload = media.payload
        at = self._audio.place(int(media.chunk), int(media.timestamp) / 1000, len(payload))
        if at is None:
            self._oddities.once("late", "audio that came twice or too late was dropped")
            return None
        return AudioFrame(at, payload)

    async def _other(self, message: Message) -> LineEvent | None:
        match message:
            case Dtmf(dtmf=body) if str(body.digit) in KEYS:
                return Keypress(self._audio.now, str(body.digit))
            case Played(name=text):
                name = self._wire.returned(text)
                return None if name is None else MarkReturned(name)
            case Stop():
                return await self._ended("hangup")
            case PlayFailed(reason=reason) | Error(reason=reason):
                self._oddities.once("failed", "plivo did not play something", reason)
            case Unknown(event=kind):
                self._oddities.unknown(kind)
            case Start() | Cleared() | Dtmf() | Media():
                return None
        return None

    async def _without_text(
        self, raw: MutableMapping[str, Any], stream: MediaStream[Envelopes]
    ) -> LineEvent | None:
        """The close of the socket is Plivo's goodbye; without one the call may live on."""
        if raw["type"] == "websocket.disconnect":
            stream.closed = True
            return await self._ended("hangup" if raw.get("code") in GOODBYES else "lost")
        return self._garbage("a binary message came on the media socket")

    def _garbage(self, error: str) -> LineStopped | None:
        """Skip what cannot be read, unless the peer sends nothing else."""
        if not self._oddities.is_hopeless(error):
            return None
        return self._stopped("error: too many unreadable messages")

    async def _ended(self, reason: str) -> LineStopped:
        wire = self._wire
        wire.stream.done.set()
        await wire.settled()
        return self._stopped(wire.cause(reason))

    def _stopped(self, reason: str) -> LineStopped:
        self._grace.begin()
        self._wire.stop(reason)
        return LineStopped(reason)
