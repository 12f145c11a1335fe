from __future__ import annotations

from typing import Protocol

import anyio
import attrs

from dialog_core.errors import SocketClosed
from dialog_core.protocols import WebSocket
from dialog_core.testing.phones.agent_buffer import RATE
from dialog_core.testing.phones.handset import Handset
from dialog_core.testing.phones.microphone import FRAME_SECONDS
from dialog_core.testing.phones.phone import Echo

__all__ = [
    "AudioSent",
    "Cleared",
    "Dialect",
    "DigitsSent",
    "Fault",
    "MarkSent",
    "PhoneStream",
    "Sent",
]

FRAME_MILLISECONDS = 20


@attrs.frozen
class AudioSent:
    """The server wants this played; mu-law."""

    audio: bytes


@attrs.frozen
class MarkSent:
    """The server wants this returned when all before it is played."""

    name: str


@attrs.frozen
class Cleared:
    """The server wants nothing more of what it sent to be played."""

    answer: str = ""
    """What the carrier says to that; empty where it says nothing."""
    returns_marks: bool = True
    """Whether the marks of what is thrown away return."""


@attrs.frozen
class DigitsSent:
    """The server wants keypad tones to be played."""

    digits: str


@attrs.frozen
class Fault:
    """The server sent what the carrier warns of, and ignores."""

    warning: str


Sent = AudioSent | MarkSent | Cleared | DigitsSent | Fault


class Dialect(Protocol):
    """How a carrier writes and reads the messages of a media socket."""

    def greeting(self) -> tuple[str, ...]:
        """What comes first."""
        ...

    def media(self, chunk: int, milliseconds: int, payload: str) -> str:
        """A frame of the caller's audio. chunk: from 1. milliseconds: of its end. payload: mu-law in base64."""
        ...

    def mark(self, name: str) -> str:
        """A mark that returns."""
        ...

    def key(self, digit: str) -> str:
        """A pressed key."""
        ...

    def goodbye(self) -> str:
        """What comes last; empty where the close of the socket says it."""
        ...

    def read(self, data: str | bytes) -> Sent:
        """What the server sent."""
        ...


class PhoneStream:
    """One media socket, from the carrier's side. Three tasks: frames go, messages come, marks become due."""

    def __init__(self, socket: WebSocket, handset: Handset, dialect: Dialect) -> None:
        self.ended = anyio.Event()
        """Set when the socket is closed, by either side."""
        self._socket = socket
        self._handset = handset
        self._dialect = dialect
        self._leaving = False

    async def run(self) -> None:
        """Stream until somebody ends it."""
        handset = self._handset
        try:
            for message in self._dialect.greeting():
                await self._socket.send(message)
            handset.begin()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._speak)
                tasks.start_soon(self._echo)
                await self._listen()
                tasks.cancel_scope.cancel()
        except SocketClosed:
            return
        finally:
            self.ended.set()

    async def stop(self) -> None:
        """Say goodbye and close."""
        if self._leaving:
            return
        self._leaving = True
        try:
            if goodbye := self._dialect.goodbye():
                await self._socket.send(goodbye)
        except SocketClosed:
            return
        await self._socket.close()

    async def vanish(self) -> None:
        """Be gone without a goodbye."""
        self._leaving = True
        await self._socket.close(1001)

    async def press(self, digit: str) -> None:
        """Press a key."""
        await self._socket.send(self._dialect.key(digit))

    async def send_raw(self, data: str | bytes) -> None:
        """Send anything at all, to see what the server makes of it."""
        await self._socket.send(data)

    async def _speak(self) -> None:
        """Send each frame when its last sample is there, on a schedule that does not drift."""
        clock, frame = self._handset.clock, self._handset.microphone.frame
        send, media, through = self._socket.send, self._dialect.media, self._handset.jumble.through
        began = clock.monotonic()
        chunk = 0
        while True:
            wait = began + (chunk + 1) * FRAME_SECONDS - clock.monotonic()
            if wait > 0:
                await anyio.sleep(wait)
            if self._leaving:
                return
            chunk += 1
            try:
                for message in through(media(chunk, FRAME_MILLISECONDS * chunk, frame())):
                    await send(message)
            except SocketClosed:
                return

    async def _listen(self) -> None:
        while True:
            try:
                data = await self._socket.receive()
                await self._take(data)
            except SocketClosed:
                return

    async def _take(self, data: str | bytes) -> None:
        handset = self._handset
        buffer, now = handset.buffer, handset.now()
        match self._dialect.read(data):
            case AudioSent(audio=audio):
                if not buffer.push(audio, now):
                    handset.warn("more audio came than can wait")
            case MarkSent(name=name):
                buffer.mark(name, now)
                await self._return(buffer.due(now), played=True)
            case Cleared(answer=answer, returns_marks=returns_marks):
                handset.clears.append(now / RATE)
                names = buffer.clear(now)
                if returns_marks:
                    await self._return(names, played=False)
                if answer:
                    await self._socket.send(answer)
            case DigitsSent(digits=digits):
                handset.digits += digits
            case Fault(warning=warning):
                handset.warn(warning)
        handset.tell()

    async def _echo(self) -> None:
        """Echo each mark at the moment when its audio has been played."""
        handset = self._handset
        while True:
            due = handset.buffer.next_mark()
            changed = handset.changed
            if due is None:
                await changed.wait()
                continue
            with anyio.move_on_after(max(0.0, (due - handset.now()) / RATE)):
                await changed.wait()
            try:
                await self._return(handset.buffer.due(handset.now()), played=True)
            except SocketClosed:
                return

    async def _return(self, names: list[str], *, played: bool) -> None:
        for name in names:
            self._handset.echoes.append(Echo(name, self._handset.now() / RATE, played))
            await self._socket.send(self._dialect.mark(name))
