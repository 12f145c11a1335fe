from __future__ import annotations

import json
from collections.abc import Mapping

import anyio
import attrs

from dialog_core.errors import SocketClosed
from dialog_core.factory import Clock
from dialog_core.protocols import WebSocket
from dialog_core.testing.phones.agent_buffer import RATE, AgentBuffer
from dialog_core.testing.phones.jumble import Jumble
from dialog_core.testing.phones.microphone import FRAME_SECONDS, Microphone
from dialog_core.testing.phones.phone import Echo
from dialog_plivo.testing.account import new_uuid
from dialog_plivo.testing.wire import Checkpoint, Clear, Fault, PlayAudio, SendDtmf, read

__all__ = ["Handset", "HandsetStream"]

WARNINGS_MOST = 1000
BUFFER_SECONDS = 60
EPOCH_MS = 1_705_312_200_000
"""Timestamps are a wall clock's, as Plivo's reference says."""
LATE_MS = (0, 7, 3, 12)
"""And have its jitter."""


@attrs.define(eq=False)
class Handset:
    """Both sides' audio of a call, on one clock, and what was noticed."""

    clock: Clock
    buffer: AgentBuffer
    microphone: Microphone
    began: float | None = None
    """On the process's clock; None before the first stream."""
    jumble: Jumble = attrs.field(factory=Jumble)
    digits: str = ""
    warnings: list[str] = attrs.field(factory=list)
    echoes: list[Echo] = attrs.field(factory=list)
    clears: list[float] = attrs.field(factory=list)
    changed: anyio.Event = attrs.field(factory=anyio.Event)
    """Set, and replaced, whenever the agent's audio or marks change."""

    def begin(self) -> None:
        """A stream starts, and with the first one the clock."""
        if self.began is None:
            self.began = self.clock.monotonic()
        self.microphone.skip_to(self.now())

    def now(self) -> int:
        """Samples on the caller's audio clock."""
        return round((self.clock.monotonic() - self.began) * RATE) if self.began is not None else 0

    def tell(self) -> None:
        """Wake those who wait for a change."""
        self.changed.set()
        self.changed = anyio.Event()

    def warn(self, warning: str) -> None:
        """Remember what Plivo would not have understood."""
        if len(self.warnings) < WARNINGS_MOST:
            self.warnings.append(warning)


class HandsetStream:
    """One media socket, from Plivo's side. Three tasks: frames go, messages come, checkpoints become due."""

    def __init__(
        self, socket: WebSocket, handset: Handset, *, account: str, call: str, headers: str
    ) -> None:
        """headers: extra headers as the wire has them."""
        self.id = new_uuid()
        self._socket = socket
        self._handset = handset
        self._account = account
        self._call = call
        self._headers = headers
        self._sequence = 0
        self._leaving = False

    async def run(self) -> None:
        """Stream until somebody ends it."""
        handset = self._handset
        try:
            await self._send("start", {"start": self._start(), "extra_headers": self._headers})
            handset.begin()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._speak)
                tasks.start_soon(self._confirm)
                await self._listen()
                tasks.cancel_scope.cancel()
        except SocketClosed:
            return

    async def stop(self) -> None:
        """Close, which is all the goodbye that Plivo has."""
        self._leaving = True
        await self._socket.close()

    async def vanish(self) -> None:
        """Be gone without a goodbye."""
        self._leaving = True
        await self._socket.close(1001)

    async def press(self, digit: str) -> None:
        """Press a key."""
        body = {"track": "inbound", "digit": digit, "timestamp": str(EPOCH_MS)}
        await self._send("dtmf", {"streamId": self.id, "dtmf": body})

    async def send_raw(self, data: str | bytes) -> None:
        """Send anything at all, to see what the server makes of it."""
        await self._socket.send(data)

    def _start(self) -> Mapping[str, object]:
        return {
            "callId": self._call,
            "streamId": self.id,
            "accountId": self._account,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000},
        }

    async def _send(self, event: str, body: Mapping[str, object]) -> None:
        self._sequence += 1
        message = {"event": event, "sequenceNumber": self._sequence, **body}
        await self._socket.send(json.dumps(message))

    async def _speak(self) -> None:
        """Send each frame when its last sample is there, on a schedule that does not drift."""
        clock, frame = self._handset.clock, self._handset.microphone.frame
        send, through = self._socket.send, self._handset.jumble.through
        began = clock.monotonic()
        chunk = 0
        while True:
            wait = began + (chunk + 1) * FRAME_SECONDS - clock.monotonic()
            if wait > 0:
                await anyio.sleep(wait)
            if self._leaving:
                return
            chunk += 1
            self._sequence += 1
            stamp = EPOCH_MS + 20 * chunk + LATE_MS[chunk % len(LATE_MS)]
            text = (
                f'{{"event":"media","sequenceNumber":{self._sequence},"streamId":"{self.id}",'
                f'"media":{{"track":"inbound","timestamp":"{stamp}","chunk":{chunk},'
                f'"payload":"{frame()}"}},"extra_headers":"{self._headers}"}}'
            )
            try:
                for each in through(text):
                    await send(each)
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
        match read(data, self.id):
            case PlayAudio(media=body):
                full = buffer.end - now + len(body.payload) > BUFFER_SECONDS * RATE
                if full or not buffer.push(body.payload, now):
                    handset.warn("buffer_overflow")
            case Checkpoint(name=name):
                buffer.mark(name, now)
                await self._return(buffer.due(now))
            case Clear():
                handset.clears.append(now / RATE)
                buffer.clear(now)
                await self._send("clearedAudio", {"streamId": self.id})
            case SendDtmf(dtmf=keys):
                handset.digits += keys
            case Fault(warning=warning):
                handset.warn(warning)
        handset.tell()

    async def _confirm(self) -> None:
        """Confirm each checkpoint at the moment when its audio has been played."""
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
                await self._return(handset.buffer.due(handset.now()))
            except SocketClosed:
                return

    async def _return(self, names: list[str]) -> None:
        for name in names:
            self._handset.echoes.append(Echo(name, self._handset.now() / RATE, played=True))
            await self._send("playedStream", {"streamId": self.id, "name": name})
