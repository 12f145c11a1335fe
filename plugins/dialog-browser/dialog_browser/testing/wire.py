from __future__ import annotations

import json
from base64 import b64decode
from contextlib import suppress
from typing import Any

import anyio
import attrs
from anyio.abc import TaskGroup

from dialog_browser.testing.player import Player
from dialog_core import g711
from dialog_core.audio import Encoding
from dialog_core.errors import SocketClosed
from dialog_core.factory import Clock
from dialog_core.protocols import WebSocket
from dialog_core.testing.phones import Microphone

__all__ = ["Wire"]

FRAME_SECONDS = 0.02
RATE = 8000
LOST = "lost"


@attrs.define(eq=False)
class Wire:
    """A page's socket, its microphone and its player."""

    socket: WebSocket | None
    """None if the server gave no call."""
    player: Player
    clock: Clock
    microphone: Microphone = attrs.field(factory=Microphone)
    muted: bool = False
    session: dict[str, Any] = attrs.field(factory=dict)
    messages: list[dict[str, Any]] = attrs.field(factory=list)
    warnings: list[str] = attrs.field(factory=list)
    begun: anyio.Event = attrs.field(factory=anyio.Event)
    ended: anyio.Event = attrs.field(factory=anyio.Event)
    reason: str = LOST
    reading: anyio.CancelScope = attrs.field(factory=anyio.CancelScope)

    def say(self, audio: bytes, *, at: float | None) -> anyio.Event:
        """Speak; returns an event for its end."""
        return self.microphone.say(audio, at=None if at is None else round(at * RATE))

    async def send(self, message: dict[str, Any]) -> None:
        """Send a text message, if anybody is there."""
        await self.send_raw(json.dumps(message))

    async def send_raw(self, data: str | bytes) -> None:
        """Send anything at all, if anybody is there."""
        if self.socket is not None:
            with suppress(SocketClosed):
                await self.socket.send(data)

    async def vanish(self) -> None:
        """Be gone without a goodbye."""
        if self.socket is not None:
            await self.socket.close(1001)
        self.over()

    async def read(self, tasks: TaskGroup) -> None:
        """Take what comes until the call is over, then close the socket and stop."""
        assert self.socket is not None
        try:
            with self.reading:
                while self.reason == LOST:
                    self._take(await self.socket.receive(), tasks)
                await self.socket.close()
                return
            await self.ended.wait()
        except SocketClosed as closed:
            if closed.code not in {1000, 1001} and not self.ended.is_set():
                self.warnings.append(f"the socket closed with {closed.code}")
        finally:
            self.over()

    def over(self) -> None:
        """Let go of all who wait."""
        self.begun.set()
        self.ended.set()
        self.microphone.stop()
        self.player.tell()

    def _take(self, data: str | bytes, tasks: TaskGroup) -> None:
        if isinstance(data, bytes):
            self.player.push(data)
            return
        message: dict[str, Any] = json.loads(data)
        self.messages.append(message)
        match message["type"]:
            case "session":
                self.session = message
                self.player.begin(message["codec"], message["rate"])
                tasks.start_soon(self._speak)
                tasks.start_soon(self._report)
                self.begun.set()
            case "mark":
                self.player.mark(message["id"])
            case "clear":
                self.player.clear()
            case "ended":
                self.reason = message["reason"]

    async def _speak(self) -> None:
        """Send 20 ms at a time, on an absolute schedule."""
        began = self.clock.monotonic()
        while not self.ended.is_set():
            due = began + self.microphone.position / RATE + FRAME_SECONDS
            await anyio.sleep(max(0.0, due - self.clock.monotonic()))
            frame = g711.decode_floats(b64decode(self.microphone.frame()), Encoding.MULAW)
            if self.muted:
                continue
            await self.send_raw(frame.astype("<f4").tobytes())

    async def _report(self) -> None:
        """Say which marks were played."""
        while not self.ended.is_set():
            for number in await self.player.reached():
                await self.send({"type": "mark", "id": number})
