"""A call's recognition over the Realtime API, over one connection or several after each other.

One task keeps a connection open, which sends and receives in two more (:mod:`dialog_openai.realtime.link`); another
waits for words when the caller falls silent, but only so long. The audio lane appends to a bounded buffer and, every
60 ms, sets an event.

A lost connection costs no words: audio of utterances that are not transcribed yet is kept and sent again, and what is
known of older ones is settled as it stands. A new connection is opened only when there is audio for it.

Source: OpenAI's guide "Realtime transcription"; API reference, "Realtime".
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import attrs
from anyio.streams.memory import MemoryObjectReceiveStream

from dialog_core.audio import AudioFormat, AudioFrame
from dialog_core.errors import HandshakeRefused, ProviderError, ProviderRejected, SocketError
from dialog_core.factory import Services
from dialog_core.net.groups import ungrouped
from dialog_core.observe.observations import ProviderTimed
from dialog_core.protocols import SttEvent, WebSocket
from dialog_core.resilience.replay import ReplayBuffer
from dialog_core.resilience.session import Patience, keep_open
from dialog_core.turns.events import SpeechStarted, SpeechStopped
from dialog_openai.account import account_headers
from dialog_openai.failures import PROVIDER
from dialog_openai.realtime.intake import Gate, Intake
from dialog_openai.realtime.items import Items
from dialog_openai.realtime.link import STAGE, Link, refused
from dialog_openai.realtime.parts import Outlet, Parts, Pulse
from dialog_openai.realtime.settings import RealtimeSettings

__all__ = ["RealtimeSession", "RealtimeTranscription"]

EVENTS = 64
"""Events that may wait to be taken; then the vendor's socket is not read, which slows it down."""


@attrs.frozen
class RealtimeTranscription:
    """OpenAI's Realtime transcription; one object a call."""

    settings: RealtimeSettings
    services: Services

    @asynccontextmanager
    async def open(self, fmt: AudioFormat) -> AsyncIterator[RealtimeSession]:
        """See :class:`dialog_core.protocols.SpeechToText`; takes every format."""
        session = new_session(self.settings, self.services, fmt)
        with session.inbox, ungrouped():
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(session.run)
                try:
                    yield session
                finally:
                    tasks.cancel_scope.cancel()


def new_session(
    settings: RealtimeSettings, services: Services, fmt: AudioFormat
) -> RealtimeSession:
    """A session that is not running yet."""
    outbox, inbox = anyio.create_memory_object_stream[SttEvent](EVENTS)
    buffer = ReplayBuffer(fmt, settings.replay)
    items = Items(settings)
    parts = Parts(settings, services, buffer, Intake(fmt), items, Outlet(outbox))
    gate = Gate(buffer, settings.lead, is_open=not settings.manual)
    return RealtimeSession(parts, inbox, gate, fmt.nbytes(settings.send_every))


@attrs.frozen(eq=False)
class RealtimeSession:
    """One call's recognition; see :class:`dialog_core.protocols.SttSession`."""

    parts: Parts
    inbox: MemoryObjectReceiveStream[SttEvent]
    gate: Gate
    batch: int
    """Bytes that are worth a message."""

    def feed(self, frame: AudioFrame) -> None:  # per frame
        self.gate.feed(frame)
        if self.gate.is_open:
            pulse = self.parts.pulse
            pulse.fed += len(frame.data)
            if pulse.fed >= self.batch:
                pulse.fed = 0
                pulse.wake.set()

    def note(self, event: SpeechStarted | SpeechStopped) -> None:
        pulse = self.parts.pulse
        if isinstance(event, SpeechStarted):
            pulse.speech.sounding = True
            pulse.speech.since = event.at
            pulse.life.spoken_at = self.parts.services.clock.monotonic()
            pulse.answered.set()
            self.parts.items.voice_began(event.at)
            self.gate.open(event.at)
        elif pulse.speech.sounding:
            pulse.speech.sounding = False
            self._fall_silent(event.at)

    def _fall_silent(self, at: float) -> None:
        """The caller has stopped: have it transcribed, and see to it that words come soon."""
        pulse = self.parts.pulse
        if self.parts.settings.manual:
            self.gate.close()
            if not pulse.speech.end(at):
                return
            pulse.wake.set()
        pulse.answered = anyio.Event()
        pulse.asked.set()

    def events(self) -> AsyncIterator[SttEvent]:
        return Recognised(self.inbox, self.parts.pulse)

    async def run(self) -> None:
        """Keep recognising until cancelled, or until there is no point in trying again."""
        with self.parts.outlet.stream:
            try:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._settle)
                    await self._stay_connected()
                    tasks.cancel_scope.cancel()
            finally:
                self.parts.report_dropped()

    # --- when the caller falls silent

    async def _settle(self) -> None:
        """Wait for words only so long; then take those that are known."""
        now = self.parts.services.clock.monotonic
        while True:
            await self.parts.pulse.asked.wait()
            self.parts.pulse.asked = anyio.Event()
            answered, started = self.parts.pulse.answered, now()
            first = now() if await self._patiently(answered) else None
            if first is None:
                self._doubt()
                await self.parts.outlet.post(self.parts.items.promote())
            wordless = first is None and not self.parts.settings.manual
            if not self.parts.pulse.speech.sounding and not wordless:
                timed = ProviderTimed("", PROVIDER, STAGE, started, first, now())
                self.parts.services.observe(timed)

    async def _patiently(self, answered: anyio.Event) -> bool:
        """Wait while OpenAI shows that it is at work, or cannot be asked; True if all words came."""
        life, limit = self.parts.pulse.life, self.parts.settings.settle_wait
        now, longest = self.parts.services.clock.monotonic, self.parts.settings.first_result
        asked = now()
        while not answered.is_set():
            patience = max(asked, life.heard_at) + limit - now()
            if patience <= 0:
                if life.connected or now() - asked >= longest:
                    return False
                patience = limit
            with anyio.move_on_after(patience):
                await answered.wait()
        return True

    def _doubt(self) -> None:
        """Where OpenAI detects voice: it has said nothing since the caller began to speak, so it may be gone."""
        pulse = self.parts.pulse
        if not self.parts.settings.manual and pulse.life.heard_at < pulse.life.spoken_at:
            pulse.life.doubted = True
            pulse.wake.set()

    # --- staying connected

    async def _stay_connected(self) -> None:
        """Recognise over one connection after another; returns when that has become pointless."""
        settings = self.parts.settings
        try:
            while True:
                await keep_open(
                    self._connect,
                    self._converse,
                    services=self.parts.services,
                    provider=PROVIDER,
                    stage=STAGE,
                    connect_timeout=settings.connect_timeout,
                    patience=Patience(settings.reconnect_tries, settings.reconnect_window),
                )
                await self._audio()
        except ProviderError as error:
            await self.parts.outlet.post(self.parts.items.promote())
            self.parts.pulse.error = error

    @asynccontextmanager
    async def _connect(self, timeout: float) -> AsyncIterator[WebSocket]:  # noqa: ASYNC109 - the socket's own limit
        """Open a connection. Raises: SocketError; ProviderError with the reason of a refusal."""
        settings = self.parts.settings
        # A model in the address would make a conversation of it, which refuses our configuration.
        url = f"ws{settings.url.removeprefix('http').rstrip('/')}/realtime?intent=transcription"
        headers = account_headers(settings)
        try:
            async with self.parts.services.connect(url, headers=headers, timeout=timeout) as socket:
                yield socket
        except HandshakeRefused as error:
            raise refused(error, settings) from error

    async def _converse(self, socket: WebSocket) -> None:
        """Use one connection until it fails, or is old. Raises: ProviderError, SocketError."""
        await self._begin_again()
        life = self.parts.pulse.life
        life.connected = True
        try:
            await Link(self.parts, socket).run()
        except (ProviderError, SocketError) as error:
            life.connected = False
            if not isinstance(error, ProviderRejected):
                await self._audio()
            raise
        life.connected = False

    async def _begin_again(self) -> None:
        """See to it that what the last connection did not settle is sent, and cut, again."""
        parts, speech = self.parts, self.parts.pulse.speech
        events, again = parts.items.reconnect(parts.buffer.start)
        parts.buffer.settle(parts.items.settled)
        parts.buffer.rewind()
        parts.intake.restart()
        if again is not None and parts.settings.manual:
            speech.repeat(again)
        await parts.outlet.post(events)

    async def _audio(self) -> None:
        """Wait until there is something to recognise: an idle line needs no connection."""
        while not self._wanted():
            self.parts.pulse.wake = anyio.Event()
            await self.parts.pulse.wake.wait()

    def _wanted(self) -> bool:
        """True if words are to be had: from audio that waits, or from what the lost connection was sent."""
        parts, speech = self.parts, self.parts.pulse.speech
        asked = speech.sounding or speech.span is not None or not parts.items.is_idle
        return asked or parts.buffer.unsent > 0


@attrs.frozen(eq=False)
class Recognised:
    """Iterates over what is recognised."""

    inbox: MemoryObjectReceiveStream[SttEvent]
    pulse: Pulse

    def __aiter__(self) -> Recognised:
        return self

    async def __anext__(self) -> SttEvent:
        try:
            return await self.inbox.receive()
        except (anyio.EndOfStream, anyio.ClosedResourceError):
            if self.pulse.error is not None:
                raise self.pulse.error from None
            raise StopAsyncIteration from None
