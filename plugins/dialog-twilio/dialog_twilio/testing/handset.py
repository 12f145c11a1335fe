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
from dialog_twilio.testing.account import new_sid
from dialog_twilio.testing.wire import Clear, Fault, MarkMessage, MediaMessage, read

__all__ = ["Handset", "HandsetStream"]

WARNINGS_MOST = 1000


@attrs.define(eq=False)
class Handset:
    """What a call keeps across its streams: both sides' audio, on one clock, and what was noticed."""

    clock: Clock
    buffer: AgentBuffer
    microphone: Microphone
    began: float | None = None
    """On the process's clock; None before the first stream."""
    jumble: Jumble = attrs.field(factory=Jumble)
    warnings: list[str] = attrs.field(factory=list)
    echoes: list[Echo] = attrs.field(factory=list)
    clears: list[float] = attrs.field(factory=list)
    changed: anyio.Event = attrs.field(factory=anyio.Event)
    """Set, and replaced, whenever the agent's audio or marks change."""

    def begin(self) -> None:
        """A stream starts: the first starts the clock, a later one finds it running."""
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
        """Remember what Twilio would complain of."""
        if len(self.warnings) < WARNINGS_MOST:
            self.warnings.append(warning)


class HandsetStream:
    """One media socket, from Twilio's side. Three tasks: frames go, messages come, marks become due."""

    def __init__(self, socket: WebSocket, handset: Handset, ids: Mapping[str, str]) -> None:
        """ids: `accountSid` and `callSid`."""
        self.sid = new_sid("MZ")
        self.ended = anyio.Event()
        """Set when the socket is closed, by either side."""
        self._socket = socket
        self._handset = handset
        self._ids = dict(ids)
        self._sequence = 0
        self._leaving = False

    async def run(self, parameters: Mapping[str, str]) -> None:
        """Stream until somebody ends it."""
        handset = self._handset
        try:
            await self._socket.send(CONNECTED)
            await self._tell("start", self._start(parameters))
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
        """Say goodbye and close, as Twilio does when the call ends or gets other TwiML."""
        if self._leaving:
            return
        self._leaving = True
        try:
            await self._tell("stop", self._ids)
        except SocketClosed:
            return
        await self._socket.close()

    async def vanish(self) -> None:
        """Be gone without a goodbye."""
        self._leaving = True
        await self._socket.close(1001)

    async def press(self, digit: str) -> None:
        """Press a key."""
        await self._tell("dtmf", {"track": "inbound_track", "digit": digit})

    async def send_raw(self, data: str | bytes) -> None:
        """Send anything at all, to see what the server makes of it."""
        await self._socket.send(data)

    def _start(self, parameters: Mapping[str, str]) -> Mapping[str, object]:
        return {
            **self._ids,
            "streamSid": self.sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": dict(parameters),
        }

    async def _tell(self, event: str, body: Mapping[str, object]) -> None:
        self._sequence += 1
        number = str(self._sequence)
        message = {"event": event, "sequenceNumber": number, "streamSid": self.sid, event: body}
        await self._socket.send(json.dumps(message))

    async def _speak(self) -> None:
        """Send each frame when its last sample is there, on a schedule that does not drift."""
        clock, frame = self._handset.clock, self._handset.microphone.frame
        send, sid, through = self._socket.send, self.sid, self._handset.jumble.through
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
            text = (
                f'{{"event":"media","sequenceNumber":"{self._sequence}","streamSid":"{sid}",'
                f'"media":{{"track":"inbound","chunk":"{chunk}","timestamp":"{20 * chunk}",'
                f'"payload":"{frame()}"}}}}'
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
        match read(data, self.sid):
            case MediaMessage(media=body):
                if not buffer.push(body.payload, now):
                    handset.warn("31931: ten minutes of audio wait already")
            case MarkMessage(mark=body):
                buffer.mark(body.name, now)
                await self._return(buffer.due(now), played=True)
            case Clear():
                handset.clears.append(now / RATE)
                await self._return(buffer.clear(now), played=False)
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
            await self._tell("mark", {"name": name})


CONNECTED = '{"event":"connected","protocol":"Call","version":"1.0.0"}'
