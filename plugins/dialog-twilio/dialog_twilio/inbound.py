from __future__ import annotations

from collections.abc import Callable, MutableMapping, Sequence
from functools import partial
from typing import Any

from dialog_core.audio import TELEPHONE, AudioFrame
from dialog_core.carriers.lumps import DirectAudio
from dialog_core.carriers.oddities import Oddities
from dialog_core.carriers.owed import Grace, Owed
from dialog_core.carriers.wire import Phase, Wire
from dialog_core.errors import ProviderProtocolError
from dialog_core.factory import Clock
from dialog_core.net.media_stream import MediaStream
from dialog_core.protocols import LineEvent, LineStopped, MarkReturned
from dialog_core.turns.events import Keypress
from dialog_twilio.protocol import (
    Dtmf,
    Envelopes,
    Mark,
    Media,
    MediaBody,
    Message,
    Stop,
    Unknown,
    parse,
)

__all__ = ["AudioClock", "Inbound"]

KEYS = frozenset("0123456789*#ABCD")
BYTES_PER_SECOND = TELEPHONE.bytes_per_second


class AudioClock:
    """Twilio's timestamps as seconds since the first sample of the call, across all of its streams.

    Each stream counts from its own start. A stream that returns goes on where the call now is, so that the gap has
    its true length.
    """

    __slots__ = ("_began", "_clock", "_newest", "_offset", "now")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began: float | None = None
        self._offset: float | None = None
        self._newest = 0
        self.now = 0.0
        """End of the newest frame."""

    def place(self, chunk: int, milliseconds: int, nbytes: int) -> float | None:  # per frame
        """When a frame's first sample sounds; None for one that comes twice, or after a later one."""
        if chunk <= self._newest:
            return None
        self._newest = chunk
        seconds = milliseconds / 1000
        if self._offset is None:
            self._offset = self._first() - seconds
        at = self._offset + seconds
        self.now = at + nbytes / BYTES_PER_SECOND
        return at

    def new_stream(self) -> None:
        """The next frame's timestamp counts from another start."""
        self._offset = None
        self._newest = 0

    def _first(self) -> float:
        arrived = self._clock.monotonic()
        if self._began is None:
            self._began = arrived
        return max(self.now, arrived - self._began)


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
        self._audio = AudioClock(grace.clock)
        self._direct = DirectAudio(self._audio_of, TELEPHONE, wire, owed)
        self._diverted: MediaStream[Envelopes] | None = None

    def divert(self, feed: Callable[[AudioFrame], None]) -> None:
        """Hand audio to `feed` from within the socket's read; what it raises, the iteration raises."""
        self._direct.feed = feed

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
            stream = wire.stream
            if stream is not self._diverted and self._direct.feed is not None:
                self._diverted = stream
                stream.divert(partial(self._take_now, stream))
            raw = await stream.receive()
            if self._direct.failure is not None:
                raise self._direct.failure
            text = raw.get("text")
            if text is None:
                event = await self._without_text(raw, stream)
            else:
                event = await self._read(text, stream)
            if event is not None:
                return event

    async def _read(
        self, text: str, stream: MediaStream[Envelopes]
    ) -> LineEvent | None:  # per frame
        try:
            message = parse(text)
            if type(message) is Media:
                return self._frame(message.media)
        except (ProviderProtocolError, ValueError) as error:
            return self._garbage(str(error))
        return await self._other(message, stream)

    def _take_now(self, stream: MediaStream[Envelopes], texts: Sequence[bytes]) -> int:  # per read
        """Take audio as it comes; not that of a stream which has returned on another socket."""
        return self._direct.take(texts) if self._wire.stream is stream else 0

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
        at = self._audio.place(int(media.chunk), int(media.timestamp), len(payload))
        if at is None:
            self._oddities.once("late", "audio that came twice or too late was dropped")
            return None
        return AudioFrame(at, payload)

    async def _other(self, message: Message, stream: MediaStream[Envelopes]) -> LineEvent | None:
        match message:
            case Dtmf(dtmf=body) if body.digit in KEYS:
                return Keypress(self._audio.now, body.digit)
            case Mark(mark=body):
                name = self._wire.returned(body.name)
                return None if name is None else MarkReturned(name)
            case Stop():
                return await self._ended(stream, "hangup")
            case Unknown(event=kind):
                self._oddities.unknown(kind)
        return None

    async def _without_text(
        self, raw: MutableMapping[str, Any], stream: MediaStream[Envelopes]
    ) -> LineEvent | None:
        if raw["type"] == "websocket.disconnect":
            stream.closed = True
            return await self._ended(stream, "lost")
        return self._garbage("a binary message came on the media socket")

    def _garbage(self, error: str) -> LineStopped | None:
        """Skip what cannot be read, unless the peer sends nothing else."""
        if not self._oddities.is_hopeless(error):
            return None
        return self._stopped("error: too many unreadable messages")

    async def _ended(self, ended: MediaStream[Envelopes], reason: str) -> LineStopped | None:
        """A stream is over. None if it has returned on another socket."""
        wire = self._wire
        ended.done.set()
        await wire.settled()
        await wire.arrived()
        if wire.stream is not ended:
            self._audio.new_stream()
            return None
        return self._stopped(wire.cause(reason))

    def _stopped(self, reason: str) -> LineStopped:
        self._grace.begin()
        self._wire.stop(reason)
        return LineStopped(reason)
