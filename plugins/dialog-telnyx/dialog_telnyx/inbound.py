from __future__ import annotations

from collections import deque
from collections.abc import Callable, MutableMapping, Sequence
from typing import Any

from dialog_core.audio import AudioFrame
from dialog_core.carriers.lumps import DirectAudio
from dialog_core.carriers.oddities import Oddities
from dialog_core.carriers.owed import Grace, Owed
from dialog_core.carriers.wire import Phase, Wire
from dialog_core.errors import ProviderProtocolError
from dialog_core.protocols import LineEvent, LineStopped, MarkReturned
from dialog_core.turns.events import Keypress
from dialog_telnyx.calls import KnownCall
from dialog_telnyx.frames import Frames
from dialog_telnyx.protocol import (
    Dtmf,
    Envelopes,
    Failed,
    Mark,
    Media,
    Message,
    Stop,
    Unknown,
    parse,
)

__all__ = ["Inbound"]

KEYS = frozenset("0123456789*#ABCD")
KEYS_MOST = 64
"""Keypresses that are remembered, so that one that comes twice counts once."""


class Inbound:
    """All that comes from a line, in order; reads straight from the socket, without a queue or a task between.

    Where the server can, audio does not even wake the iterating task: see :meth:`divert`. Webhooks go before the next
    frame, so they wait 20 ms at most while audio flows.
    """

    def __init__(
        self,
        call: KnownCall,
        wire: Wire[Envelopes],
        owed: Owed,
        grace: Grace,
        frames: Frames,
        oddities: Oddities,
    ) -> None:
        self._call = call
        self._wire = wire
        self._owed = owed
        self._grace = grace
        self._frames = frames
        self._oddities = oddities
        self._ready: deque[LineEvent] = deque()
        self._keys: dict[object, None] = {}
        self._direct = DirectAudio(self._audio_of, frames.fmt, wire, owed)

    def divert(self, feed: Callable[[AudioFrame], None]) -> None:
        """Hand audio to `feed` from within the socket's read; what it raises, the iteration raises."""
        self._direct.feed = feed
        self._wire.stream.divert(self._take_now)

    def __aiter__(self) -> Inbound:
        return self

    async def __anext__(self) -> LineEvent:  # per frame
        waiting, ready = self._owed.waiting, self._ready
        wire = self._wire
        while True:
            if waiting:
                return waiting.popleft()
            if ready:
                return ready.popleft()
            if wire.phase is not Phase.STOPPED:
                raw = await wire.stream.receive()
                if self._direct.failure is not None:
                    raise self._direct.failure
                text = raw.get("text")
                if text is None:
                    self._without_text(raw)
                else:
                    self._read(text)
            elif not await self._owed.news(self._grace):
                raise StopAsyncIteration

    def _read(self, text: str) -> None:  # per frame
        try:
            message = parse(text)
            if type(message) is Media:
                self._ready.extend(self._frames.take(message.media))
                return
        except (ProviderProtocolError, ValueError) as error:
            self._garbage(str(error))
            return
        self._other(message)

    def _take_now(self, texts: Sequence[bytes]) -> int:  # per read
        """Take audio as it comes; not before what came out of order has gone on."""
        return 0 if self._ready else self._direct.take(texts)

    def _audio_of(self, text: bytes) -> tuple[AudioFrame, ...] | None:  # per frame
        message = parse(text)
        return self._frames.take(message.media) if type(message) is Media else None

    def _other(self, message: Message) -> None:
        match message:
            case Dtmf() if message.dtmf.digit in KEYS:
                self._key(message)
            case Mark(mark=body):
                if (name := self._wire.returned(body.name)) is not None:
                    self._ready.append(MarkReturned(name))
            case Failed():
                what = "the media stream refused a message"
                self._oddities.once("error", what, message.reason)
            case Stop():
                self._stopped(self._wire.cause("hangup"))
            case Unknown(event=kind):
                self._oddities.unknown(kind)

    def _key(self, message: Dtmf) -> None:
        """A key, once; the stream numbers its messages."""
        number = message.sequence_number
        if number in self._keys:
            return
        if number:
            self._keys[number] = None
        if len(self._keys) > KEYS_MOST:
            del self._keys[next(iter(self._keys))]
        self._ready.append(Keypress(self._frames.now, message.dtmf.digit))

    def _without_text(self, raw: MutableMapping[str, Any]) -> None:
        if raw["type"] == "websocket.disconnect":
            self._wire.stream.closed = True
            self._stopped(self._wire.cause("hangup" if self._call.over else "lost"))
        else:
            self._garbage("a binary message came on the media socket")

    def _garbage(self, error: str) -> None:
        """Skip what cannot be read, unless the peer sends nothing else."""
        if self._oddities.is_hopeless(error):
            self._stopped("error: too many unreadable messages")

    def _stopped(self, reason: str) -> None:
        self._grace.begin()
        self._wire.stop(reason)
        if dropped := self._frames.dropped:
            what = "audio that came twice or too late was dropped"
            self._oddities.once("late", what, f"{dropped} frames")
        self._ready.extend(self._frames.rest())
        self._ready.append(LineStopped(reason))
