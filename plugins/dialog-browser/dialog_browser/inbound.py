from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import anyio

from dialog_browser.protocol import (
    Config,
    Key,
    MarkPlayed,
    Mute,
    PageMessage,
    Stop,
    Unknown,
    Unmute,
    broken,
    parse,
)
from dialog_browser.settings import BrowserSettings
from dialog_browser.sound import Microphone
from dialog_browser.stream import AudioClock, PageSocket
from dialog_core.errors import ProviderProtocolError
from dialog_core.protocols import LineEvent, LineStopped, MarkReturned
from dialog_core.turns.events import Keypress

__all__ = ["Inbound"]

KEYS = frozenset("0123456789*#ABCD")
GARBAGE_MOST = 100
"""Unreadable messages that a line survives."""
KINDS_MOST = 16
MUTED_SECONDS = 0.1
"""How often a muted line is given its silence."""

Note = Callable[[str, str], None]
"""Record a trouble: a constant sentence, and a detail."""


class Complaints:
    """Notes the first of each kind of trouble, and counts the others."""

    def __init__(self, note: Note) -> None:
        self._note = note
        self._counts: dict[str, int] = {}

    def add(self, kind: str, what: str, detail: str) -> int:
        """Returns how many of the kind there were; 0 if there are too many kinds already."""
        if kind not in self._counts and len(self._counts) >= KINDS_MOST:
            return 0
        self._counts[kind] = self._counts.get(kind, 0) + 1
        if self._counts[kind] == 1:
            self._note(what, detail[:200])
        return self._counts[kind]


class Inbound:
    """All that comes from a page, in order; reads straight from the socket, without a queue or a task between."""

    def __init__(
        self,
        socket: PageSocket,
        settings: BrowserSettings,
        sound: tuple[Microphone, AudioClock],
        played: Callable[[int], str | None],
        note: Note,
    ) -> None:
        """played: the name of a mark that the page has reached, None for one that does not count any more."""
        self.reason = ""
        """Why the line stopped, or is stopping; empty before."""
        self._socket = socket
        self._settings = settings
        self._microphone, self._clock = sound
        self._played = played
        self._complaints = Complaints(note)
        self._muted = False
        self._over = False
        self._waiting = anyio.CancelScope()

    def stop(self, reason: str) -> None:
        """End the iteration soon, whatever the page does."""
        self.reason = self.reason or reason
        self._waiting.cancel()

    def __aiter__(self) -> Inbound:
        return self

    async def __anext__(self) -> LineEvent:  # per frame
        while not self.reason:
            raw: Mapping[str, Any] | None = None
            wait = MUTED_SECONDS if self._muted else self._settings.idle
            with anyio.move_on_after(wait) as self._waiting:
                raw = await self._socket.receive()
            event = self._silent() if raw is None else self._read(raw)
            if event is not None:
                return event
        if self._over:
            raise StopAsyncIteration
        self._over = True
        return LineStopped(self.reason)

    def _silent(self) -> LineEvent | None:
        """Nothing came in the time there was."""
        if self._muted:
            return self._clock.fill()
        self.reason = self.reason or "lost"
        return None

    def _read(self, raw: Mapping[str, Any]) -> LineEvent | None:  # per frame
        if raw["type"] == "websocket.disconnect":
            self._socket.closed = True
            self.reason = self.reason or "lost"
            return None
        try:
            data = raw.get("bytes")
            if data is not None:
                return self._heard(data)
            return self._take(parse(raw["text"]))
        except ProviderProtocolError as error:
            self._garbage(str(error))
            return None

    def _heard(self, data: bytes) -> LineEvent | None:  # per frame
        if len(data) > self._settings.message_limit:
            self.reason = "error: a message is larger than the limit"
            return None
        if self._muted:
            return self._clock.fill()
        audio = self._microphone.take(data)
        if not audio:
            return None
        frame = self._clock.place(audio)
        if self._clock.now - self._clock.passed > self._settings.ahead:
            self.reason = "error: audio comes faster than time passes"
        return frame

    def _take(self, message: PageMessage | Unknown) -> LineEvent | None:
        match message:
            case MarkPlayed(id=number):
                name = self._played(number)
                return None if name is None else MarkReturned(name)
            case Key(digit=digit) if digit in KEYS:
                return Keypress(self._clock.now, digit)
            case Mute():
                self._muted = True
            case Unmute() if self._muted:
                self._muted = False
                return self._clock.fill()
            case Stop():
                self.reason = "hangup"
            case Unknown(kind=kind):
                self._complaints.add(
                    f"unknown {kind}", "a message of an unknown kind was skipped", kind
                )
            case Config():
                raise broken("a second config message came")
        return None

    def _garbage(self, error: str) -> None:
        """Skip what cannot be read, unless the page sends little else."""
        if (
            self._complaints.add("garbage", "an unreadable message was skipped", error)
            >= GARBAGE_MOST
        ):
            self.reason = "error: too many unreadable messages"
