from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, MutableMapping
from typing import Any

from dialog_core.audio import AudioFrame
from dialog_core.errors import ProviderProtocolError
from dialog_core.factory import Clock
from dialog_core.net.owed import Owed
from dialog_core.protocols import LineEvent, LineStopped, MarkReturned
from dialog_core.turns.events import Keypress
from dialog_telnyx.order import Order
from dialog_telnyx.protocol import (
    Dtmf,
    Failed,
    Mark,
    Media,
    MediaBody,
    Message,
    Stop,
    Unknown,
    parse,
)
from dialog_telnyx.settings import Codec, TelnyxSettings
from dialog_telnyx.wire import Phase, Wire

__all__ = ["Inbound", "swapped"]

KEYS = frozenset("0123456789*#ABCD")
GARBAGE_MOST = 100
"""Unreadable messages that a line survives."""
KINDS_MOST = 16
KEYS_MOST = 64
"""Keypresses that are remembered, so that one that comes twice counts once."""
INBOUND = frozenset({"inbound", "inbound_track"})

Note = Callable[[str, str], None]
"""Record a trouble: a constant sentence, and a detail."""


def swapped(samples: bytes) -> bytes:
    """16-bit samples in the other byte order."""
    values = array("h", samples[: len(samples) - len(samples) % 2])
    values.byteswap()
    return values.tobytes()


class Inbound:
    """All that comes from a line, in order; reads straight from the socket, without a queue or a task between.

    Webhooks go before the next frame, so they wait 20 ms at most while audio flows.
    """

    def __init__(
        self, wire: Wire, owed: Owed, clock: Clock, settings: TelnyxSettings, note: Note
    ) -> None:
        self._wire = wire
        self._owed = owed
        self._clock = clock
        self._wait = settings.callback_wait
        self._note = note
        self._fmt = settings.codec.fmt
        self._swap = settings.codec is Codec.L16 and settings.big_endian
        self._order: Order[MediaBody] = Order()
        self._ready: deque[LineEvent] = deque()
        self._began: int | None = None
        self._now = 0.0
        self._keys: dict[object, None] = {}
        self._noted: dict[str, int] = {}
        self._until = 0.0

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
            if wire.phase is Phase.STOPPED:
                await self._wait_for_owed()
                continue
            raw = await wire.stream.receive()
            text = raw.get("text")
            event = self._without_text(raw) if text is None else self._read(text)
            if event is not None:
                return event

    def _read(self, text: str) -> LineEvent | None:  # per frame
        try:
            message = parse(text)
            if type(message) is Media:
                return self._frames(message.media)
        except (ProviderProtocolError, ValueError) as error:
            return self._garbage(str(error))
        return self._other(message)

    def _frames(self, media: MediaBody) -> AudioFrame | None:  # per frame
        if media.track not in INBOUND:
            return None
        came = self._order.push(int(media.chunk), media)
        if not came:
            return None
        self._ready.extend(self._frame(each) for each in came[1:])
        return self._frame(came[0])

    def _frame(self, media: MediaBody) -> AudioFrame:  # per frame
        milliseconds = int(media.timestamp)
        if self._began is None:
            self._began = milliseconds
        at = (milliseconds - self._began) / 1000
        payload = swapped(media.payload) if self._swap else media.payload
        self._now = at + self._fmt.seconds(len(payload))
        return AudioFrame(at, payload)

    def _other(self, message: Message) -> LineEvent | None:
        match message:
            case Dtmf() if message.dtmf.digit in KEYS:
                return self._key(message)
            case Mark() if message.generation == self._wire.generation:
                return MarkReturned(message.name)
            case Failed():
                self._once("error", "the media stream refused a message", message.reason)
            case Stop():
                return self._ended("hangup")
            case Unknown(event=kind):
                self._once(f"unknown {kind[:40]}", "a message of an unknown kind was skipped", kind)
        return None

    def _key(self, message: Dtmf) -> Keypress | None:
        """A key, once; the stream numbers its messages."""
        number = message.sequence_number
        if number in self._keys:
            return None
        if number:
            self._keys[number] = None
        if len(self._keys) > KEYS_MOST:
            del self._keys[next(iter(self._keys))]
        return Keypress(self._now, message.dtmf.digit)

    def _without_text(self, raw: MutableMapping[str, Any]) -> LineEvent | None:
        if raw["type"] == "websocket.disconnect":
            self._wire.stream.closed = True
            return self._ended("hangup" if self._wire.hung_up else "lost")
        return self._garbage("a binary message came on the media socket")

    def _garbage(self, error: str) -> LineEvent | None:
        """Skip what cannot be read, unless the peer sends nothing else."""
        if self._once("garbage", "an unreadable message was skipped", error) < GARBAGE_MOST:
            return None
        return self._stopped("error: too many unreadable messages")

    def _once(self, kind: str, what: str, detail: str) -> int:
        """Note the first of a kind. Returns how many there were."""
        if kind not in self._noted and len(self._noted) >= KINDS_MOST:
            return 0
        self._noted[kind] = self._noted.get(kind, 0) + 1
        if self._noted[kind] == 1:
            self._note(what, detail[:200])
        return self._noted[kind]

    def _ended(self, reason: str) -> LineEvent:
        match self._wire.phase:
            case Phase.LEAVING:
                return self._stopped("transferred")
            case Phase.ENDING:
                return self._stopped("hangup")
        return self._stopped(reason)

    def _stopped(self, reason: str) -> LineEvent:
        self._until = self._clock.monotonic() + self._wait
        self._wire.stop(reason)
        if dropped := self._order.dropped:
            self._note("audio that came twice or too late was dropped", f"{dropped} frames")
        self._ready.extend(self._frame(each) for each in self._order.rest())
        self._ready.append(LineStopped(reason))
        return self._ready.popleft()

    async def _wait_for_owed(self) -> None:
        """Raises: StopAsyncIteration when nothing is owed any more, or it is not worth waiting."""
        left = self._until - self._clock.monotonic()
        if self._owed.complete or left <= 0:
            raise StopAsyncIteration
        await self._owed.news(left)
