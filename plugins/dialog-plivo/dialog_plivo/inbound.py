from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any

from dialog_core.audio import TELEPHONE, AudioFrame
from dialog_core.errors import ProviderProtocolError
from dialog_core.factory import Clock
from dialog_core.protocols import LineEvent, LineStopped, MarkReturned
from dialog_core.turns.events import Keypress
from dialog_plivo.owed import Owed
from dialog_plivo.protocol import (
    Cleared,
    Dtmf,
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
from dialog_plivo.stream import MediaStream, Phase, Wire

__all__ = ["AudioClock", "Inbound"]

KEYS = frozenset("0123456789*#ABCD")
GARBAGE_MOST = 100
"""Unreadable messages that a line survives."""
KINDS_MOST = 16
GAP_SECONDS = 0.1
"""Less than this between the stated and the expected time of a frame is no gap."""
LONGEST_GAP = 60.0
"""More than this is not a gap, but another clock."""
JITTER = 0.01
GOODBYES = frozenset({1000, 1005})
"""Close codes of a call that is over; any other is a socket that was lost."""
BYTES_PER_SECOND = TELEPHONE.bytes_per_second

Note = Callable[[str, str], None]
"""Record a trouble: a constant sentence, and a detail."""


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

    Callbacks that came by HTTP go before the next frame, so they wait 20 ms at most while audio flows.
    """

    def __init__(self, wire: Wire, owed: Owed, clock: Clock, wait: float, note: Note) -> None:
        """wait: seconds for callbacks after the end."""
        self._wire = wire
        self._owed = owed
        self._clock = clock
        self._wait = wait
        self._note = note
        self._audio = AudioClock()
        self._noted: dict[str, int] = {}
        self._until = 0.0

    def __aiter__(self) -> Inbound:
        return self

    async def __anext__(self) -> LineEvent:  # per frame
        waiting = self._owed.waiting
        wire = self._wire
        while True:
            if waiting:
                return waiting.popleft()
            if wire.phase is Phase.STOPPED:
                await self._wait_for_owed()
                continue
            raw = await wire.stream.receive()
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

    def _frame(self, media: MediaBody) -> AudioFrame | None:  # per frame
        if media.track != "inbound":
            return None
        payload = media.payload
        at = self._audio.place(int(media.chunk), int(media.timestamp) / 1000, len(payload))
        if at is None:
            self._once("late", "audio that came twice or too late was dropped", "")
            return None
        return AudioFrame(at, payload)

    async def _other(self, message: Message) -> LineEvent | None:
        match message:
            case Dtmf(dtmf=body) if str(body.digit) in KEYS:
                return Keypress(self._audio.now, str(body.digit))
            case Played() if message.generation == self._wire.generation:
                return MarkReturned(message.mark)
            case Stop():
                return await self._ended("hangup")
            case PlayFailed(reason=reason) | Error(reason=reason):
                self._once("failed", "plivo did not play something", reason)
            case Unknown(event=kind):
                self._once(f"unknown {kind[:40]}", "a message of an unknown kind was skipped", kind)
            case Start() | Cleared() | Dtmf() | Played() | Media():
                return None
        return None

    async def _without_text(
        self, raw: MutableMapping[str, Any], stream: MediaStream
    ) -> LineEvent | None:
        """The close of the socket is Plivo's goodbye; without one the call may live on."""
        if raw["type"] == "websocket.disconnect":
            stream.closed = True
            return await self._ended("hangup" if raw.get("code") in GOODBYES else "lost")
        return self._garbage("a binary message came on the media socket")

    def _garbage(self, error: str) -> LineStopped | None:
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

    async def _ended(self, reason: str) -> LineStopped:
        wire = self._wire
        wire.stream.done.set()
        await wire.settled()
        if wire.phase is Phase.LEAVING:
            return self._stopped("transferred")
        return self._stopped("hangup" if wire.phase is Phase.ENDING else reason)

    def _stopped(self, reason: str) -> LineStopped:
        self._until = self._clock.monotonic() + self._wait
        self._wire.stop(reason)
        return LineStopped(reason)

    async def _wait_for_owed(self) -> None:
        """Raises: StopAsyncIteration when nothing is owed any more, or it is not worth waiting."""
        left = self._until - self._clock.monotonic()
        if self._owed.complete or left <= 0:
            raise StopAsyncIteration
        await self._owed.news(left)
