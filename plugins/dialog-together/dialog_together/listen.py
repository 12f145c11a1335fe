"""A call's recognition by Together, over one connection or several after each other.

The socket is opened when the call begins. Audio goes out continuously; when the caller falls silent it is committed,
and if the final text does not come within `settle_wait`, the last partial is taken for it. With nothing pending nobody
waits. While the connection is lost the final text is waited for longer: the caller may have said more than the partial.

A lost connection costs no words: audio of what is not settled is kept and sent again. A new connection is opened when
the caller speaks, not before.
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
from dialog_core.resilience.session import keep_open
from dialog_core.turns.events import SpeechStarted, SpeechStopped
from dialog_together import listen_protocol as wire
from dialog_together.failures import NAME, connect_error
from dialog_together.listen_link import Link
from dialog_together.listen_parts import Intake, Outbox, Parts, Pulse
from dialog_together.settings import TogetherSttSettings

__all__ = ["TogetherListener", "TogetherSttSession"]

EVENTS = 64
"""Events that may wait to be taken; then the vendor's socket is not read, which slows it down."""


@attrs.frozen
class TogetherListener:
    """Together's realtime transcription; one object a call."""

    settings: TogetherSttSettings
    services: Services

    @asynccontextmanager
    async def open(self, fmt: AudioFormat) -> AsyncIterator[TogetherSttSession]:
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
    settings: TogetherSttSettings, services: Services, fmt: AudioFormat
) -> TogetherSttSession:
    """A session that is not running yet."""
    outbox, inbox = anyio.create_memory_object_stream[SttEvent](EVENTS)
    buffer = ReplayBuffer(fmt, settings.replay)
    intake = Intake(fmt, settings.sample_rate)
    parts = Parts(settings, services, buffer, intake, Outbox(outbox))
    return TogetherSttSession(parts, inbox, fmt.nbytes(settings.send_every))


@attrs.frozen(eq=False)
class TogetherSttSession:
    """One call's recognition; see :class:`dialog_core.protocols.SttSession`."""

    parts: Parts
    inbox: MemoryObjectReceiveStream[SttEvent]
    batch: int
    """Bytes that are worth a message."""

    def feed(self, frame: AudioFrame) -> None:  # per frame
        self.parts.buffer.push(frame)
        pulse = self.parts.pulse
        pulse.fed += len(frame.data)
        if pulse.fed >= self.batch:
            pulse.fed = 0
            pulse.wake.set()

    def note(self, event: SpeechStarted | SpeechStopped) -> None:
        pulse, utterances = self.parts.pulse, self.parts.utterances
        if isinstance(event, SpeechStarted):
            pulse.sounding = True
            pulse.began = event.at
            pulse.answered.set()
            utterances.voice_began(event.at)
        elif pulse.sounding:
            pulse.sounding = False
            pulse.commit = True
            utterances.voice_ended(event.at)
            if utterances.hypothesis is not None:
                pulse.answered = anyio.Event()
                pulse.asked.set()
        pulse.wake.set()

    def events(self) -> AsyncIterator[SttEvent]:
        return Recognised(self.inbox, self.parts.pulse)

    async def run(self) -> None:
        """Keep recognising until cancelled, or until there is no point in trying again."""
        with self.parts.outbox.stream:
            try:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._settle)
                    await self._stay_connected()
                    tasks.cancel_scope.cancel()
            finally:
                self.parts.report_dropped()

    async def _settle(self) -> None:
        """When the caller falls silent, wait for the final text only so long."""
        parts, pulse = self.parts, self.parts.pulse
        while True:
            await pulse.asked.wait()
            pulse.asked = anyio.Event()
            answered, started = pulse.answered, parts.now()
            first = parts.now() if await self._patiently(answered) else None
            if first is None:
                await parts.outbox.post(tuple(parts.utterances.promote()))
            if not pulse.sounding:
                timed = ProviderTimed("", NAME, wire.STAGE, started, first, parts.now())
                parts.services.observe(timed)

    async def _patiently(self, answered: anyio.Event) -> bool:
        """Wait for the final text; longer while it cannot be asked for, since the partial lacks words then."""
        parts, pulse, settings = self.parts, self.parts.pulse, self.parts.settings
        latest = parts.now() + settings.commit_timeout
        while not answered.is_set():
            with anyio.move_on_after(settings.settle_wait):
                await answered.wait()
            if (pulse.connected and not pulse.commit) or parts.now() >= latest:
                break
        return answered.is_set()

    # --- staying connected

    async def _stay_connected(self) -> None:
        """Recognise over one connection after another; returns when that has become pointless."""
        try:
            await keep_open(
                self._connect,
                self._converse,
                services=self.parts.services,
                provider=NAME,
                stage=wire.STAGE,
                connect_timeout=self.parts.settings.connect_timeout,
            )
        except ProviderError as error:
            await self.parts.outbox.post(tuple(self.parts.utterances.promote()))
            self.parts.pulse.error = error

    @asynccontextmanager
    async def _connect(self, timeout: float) -> AsyncIterator[WebSocket]:  # noqa: ASYNC109 - the socket's own limit
        """Open a connection. Raises: SocketError; ProviderError with the reason of a refusal."""
        settings = self.parts.settings
        url, headers = wire.socket_url(settings), wire.handshake_headers(settings)
        try:
            async with self.parts.services.connect(url, headers=headers, timeout=timeout) as socket:
                yield socket
        except HandshakeRefused as error:
            raise connect_error(error, stage=wire.STAGE) from error

    async def _converse(self, socket: WebSocket) -> None:
        """Use one connection until it fails. Raises: ProviderError, SocketError."""
        parts = self.parts
        events, again = parts.utterances.reconnect(parts.buffer.start)
        parts.buffer.settle(parts.utterances.settled)
        parts.buffer.rewind()
        parts.intake.restart()
        parts.pulse.commit = parts.pulse.commit or (again and not parts.pulse.sounding)
        await parts.outbox.post(events)
        parts.pulse.connected = True
        try:
            await Link(parts, socket).run()
        except (ProviderError, SocketError) as error:
            parts.pulse.connected = False
            if not isinstance(error, ProviderRejected):
                await self._speech()
            raise

    async def _speech(self) -> None:
        """Wait until there is something to recognise: a silent line needs no connection."""
        pulse, utterances = self.parts.pulse, self.parts.utterances
        while not (pulse.sounding or pulse.commit or not utterances.is_idle):
            await pulse.wake.wait()
            pulse.wake = anyio.Event()


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
