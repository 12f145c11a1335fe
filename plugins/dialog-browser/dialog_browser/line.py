# ruff: noqa: ARG002 - verbs that a browser cannot do take their arguments all the same
from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress

import anyio

from dialog_browser.inbound import Inbound
from dialog_browser.protocol import Clear, Config, Ended, PlaceMark, Session, ToPage
from dialog_browser.settings import BrowserSettings
from dialog_browser.sound import Codec, Microphone
from dialog_browser.stream import AudioClock, PageSocket
from dialog_browser.telling import Teller
from dialog_core.audio import AudioFormat
from dialog_core.errors import LineError
from dialog_core.factory import Services
from dialog_core.line import cannot
from dialog_core.observe.observations import Counted, Observation, Trouble
from dialog_core.protocols import Ability, CallInfo, LineEvent, Recording

__all__ = ["ABILITIES", "VOIP", "BrowserLine"]

VOIP = "browser"
ABILITIES = frozenset({Ability.KEYPRESS})

MESSAGES = 256
"""Messages about the call that may wait to be sent; more are dropped and counted."""
GOODBYE_SECONDS = 1.0
MARKS_MOST = 4096
"""Marks that may be under way; the oldest of more never returns."""


class BrowserLine:
    """A call from a web page; see :class:`dialog_core.protocols.Line` and `Watching`.

    The page plays what it is sent from a buffer of its own, and says when it has reached a mark. Marks travel as
    numbers that are never used again, so those from before a `clear`, repeated ones and made-up ones do not count.
    """

    abilities = ABILITIES
    buffers = True

    def __init__(
        self,
        info: CallInfo,
        fmt: AudioFormat,
        socket: PageSocket,
        config: Config,
        codec: Codec,
        parts: tuple[BrowserSettings, Services],
    ) -> None:
        self.info = info
        self.fmt = fmt
        settings, self._services = parts
        self._socket = socket
        self._codec = codec
        self._marks: dict[int, str] = {}
        self._placed = 0
        self._over = False
        self._teller = Teller()
        self._messages, self._waiting = anyio.create_memory_object_stream[ToPage](MESSAGES)
        sound = Microphone(config.rate, fmt.rate), AudioClock(fmt, self._services.clock)
        self._inbound = Inbound(socket, settings, sound, self._reached, self.note)

    # what the server calls

    async def greet(self) -> None:
        """Say that the call begins: before anything else of it. Raises: LineError."""
        codec, info = self._codec.name, self.info
        await self._socket.tell(Session(info.id, info.agent, codec, self.fmt.rate))

    async def tell(self) -> None:
        """Tell the page what happens, until cancelled or it has gone."""
        with suppress(LineError):
            async for message in self._waiting:
                await self._socket.tell(message)

    async def close(self) -> None:
        """End the call, if nobody has, and let go of what it held. Again is harmless."""
        await self._say_goodbye()
        await self._socket.leave()
        self._waiting.close()

    def note(self, what: str, detail: str) -> None:
        """Record a trouble of this call."""
        self._services.observe(Trouble(self.info.id, "browser.line", what, detail))

    # what the call uses

    def watch(self, observation: Observation) -> None:
        for message in self._teller.tell(observation):
            try:
                self._messages.send_nowait(message)
            except anyio.WouldBlock:
                self._services.observe(Counted(self.info.id, "messages to the page dropped", 1))
            except (anyio.ClosedResourceError, anyio.BrokenResourceError):
                return

    def events(self) -> AsyncIterator[LineEvent]:
        return self._inbound

    async def play(self, audio: bytes) -> None:
        self._need()
        for message in self._codec.encode(audio):
            await self._socket.play(message)

    async def mark(self, name: str) -> None:
        self._need()
        for message in self._codec.finish():
            await self._socket.play(message)
        self._placed += 1
        self._marks[self._placed] = name
        if len(self._marks) > MARKS_MOST:
            del self._marks[next(iter(self._marks))]
        await self._socket.tell(PlaceMark(self._placed))

    async def clear(self) -> None:
        """A page that has gone plays nothing, so this never fails."""
        self._marks.clear()
        self._codec.forget()
        with suppress(LineError):
            await self._socket.tell(Clear())

    async def hang_up(self) -> None:
        self._inbound.stop("hangup")
        await self._say_goodbye()

    async def transfer(self, number: str) -> None:
        raise cannot(VOIP, Ability.TRANSFER)

    async def send_digits(self, digits: str) -> None:
        raise cannot(VOIP, Ability.SEND_DIGITS)

    async def start_recording(self) -> str:
        raise cannot(VOIP, Ability.RECORD)

    async def stop_recording(self, recording: str) -> None:
        raise cannot(VOIP, Ability.RECORD)

    async def delete_recording(self, recording: str) -> None:
        raise cannot(VOIP, Ability.RECORD)

    async def fetch_recording(self, recording: Recording) -> bytes:
        raise cannot(VOIP, Ability.RECORD)

    async def start_transcription(self) -> str:
        raise cannot(VOIP, Ability.TRANSCRIBE)

    async def stop_transcription(self, transcription: str) -> None:
        raise cannot(VOIP, Ability.TRANSCRIBE)

    # inside

    async def _say_goodbye(self) -> None:
        """Tell the page, once, what it does not know yet, and why the call is over."""
        if self._over:
            return
        self._over = True
        reason = self._teller.ending or self._inbound.reason or "over"
        with anyio.move_on_after(GOODBYE_SECONDS, shield=True), suppress(LineError):
            while not self._socket.closed:
                try:
                    message: ToPage = self._waiting.receive_nowait()
                except (anyio.WouldBlock, anyio.ClosedResourceError, anyio.EndOfStream):
                    await self._socket.tell(Ended(reason))
                    break
                await self._socket.tell(message)
        self._messages.close()

    def _need(self) -> None:
        """Raises: LineError when the line is gone."""
        if self._inbound.reason:
            raise LineError(f"the line has stopped: {self._inbound.reason}")

    def _reached(self, number: int) -> str | None:
        """The name of a mark that was played. Those before it were too, but their reports are on their way."""
        return self._marks.pop(number, None)
