"""A call's recognition by Deepgram, over one connection or several after each other.

One task keeps a connection open, which sends and receives in two more (:mod:`dialog_deepgram.link`); another settles
words when the caller falls silent. The audio lane only appends to a bounded buffer and, every 100 ms, sends what is in
it, or wakes the sender; every 200 ms while the line's voice detector hears nobody, and at once when it does.

A lost connection costs no words: audio after the last settled word is kept and sent again, and interim words older than
that are settled as they stand. A new connection is opened only when there is audio for it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import attrs

from dialog_core.audio import AudioFormat, AudioFrame
from dialog_core.errors import HandshakeRefused, ProviderError, ProviderRejected, SocketError
from dialog_core.factory import Services
from dialog_core.net.groups import ungrouped
from dialog_core.observe.observations import ProviderTimed
from dialog_core.protocols import SttEvent, WebSocket
from dialog_core.resilience.backoff import Backoff
from dialog_core.resilience.replay import ReplayBuffer
from dialog_core.resilience.session import Patience, keep_open
from dialog_core.turns.events import SpeechStarted, SpeechStopped
from dialog_deepgram.link import (
    LONGEST_MESSAGE,
    PROVIDER,
    STAGE,
    Link,
    Parts,
    refused,
    report_dropped,
)
from dialog_deepgram.outlet import Outlet
from dialog_deepgram.pending import Pending
from dialog_deepgram.reader import FluxReader, LiveReader, Voice
from dialog_deepgram.request import check_format, headers, listen_url
from dialog_deepgram.settings import DeepgramSettings

__all__ = ["Deepgram", "DeepgramSession"]

CALM = 2
"""How many times as much audio is worth a message while the caller is silent."""
UNHEARD = 0.5
"""Seconds of audio without a result in which words may hide; less is the vendor's ordinary delay."""


@attrs.frozen
class Deepgram:
    """Deepgram's live transcription; one object a call."""

    settings: DeepgramSettings
    services: Services

    @asynccontextmanager
    async def open(self, fmt: AudioFormat) -> AsyncIterator[DeepgramSession]:
        """See :class:`dialog_core.protocols.SpeechToText`."""
        check_format(self.settings, fmt)
        session = new_session(self.settings, self.services, fmt)
        with ungrouped():
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(session.run)
                try:
                    yield session
                finally:
                    tasks.cancel_scope.cancel()


def new_session(
    settings: DeepgramSettings, services: Services, fmt: AudioFormat
) -> DeepgramSession:
    """A session that is not running yet."""
    make = FluxReader if settings.flux else LiveReader
    reader = make(Pending(), Voice(settings.voice_events))
    buffer = ReplayBuffer(fmt, settings.replay)
    parts = Parts(settings, services, buffer, reader, Outlet())
    every = settings.send_every
    calm = min(CALM * every, LONGEST_MESSAGE)
    return DeepgramSession(parts, fmt.nbytes(every), fmt.nbytes(calm))


@attrs.frozen(eq=False)
class DeepgramSession:
    """One call's recognition; see :class:`dialog_core.protocols.SttSession`."""

    parts: Parts
    batch: int
    """Bytes that are worth a message."""
    calm_batch: int
    """The same while the caller is silent."""

    def feed(self, frame: AudioFrame) -> None:  # per frame
        parts = self.parts
        parts.buffer.push(frame)
        pulse = parts.pulse
        pulse.fed += len(frame.data)
        if pulse.fed >= (self.calm_batch if pulse.calm else self.batch):
            fed, pulse.fed = pulse.fed, 0
            if pulse.direct is None or not pulse.direct(fed):
                pulse.wake.ring()

    def note(self, event: SpeechStarted | SpeechStopped) -> None:
        pulse = self.parts.pulse
        if isinstance(event, SpeechStarted):
            pulse.sounding = True
            pulse.answered.set()
            if pulse.calm:
                pulse.calm, pulse.fed = False, 0
                pulse.wake.ring()  # the beginning of the speech was fed before it was told of
            if pulse.unheard_since is None:
                pulse.unheard_since = self.parts.services.clock.monotonic()
            return
        pulse.sounding = False
        settings, pending = self.parts.settings, self.parts.reader.pending
        if settings.flux:  # it hears the end of the turn in the silence
            return
        pulse.calm = not settings.voice_events
        if pending.interim or pending.settled < event.at:
            pulse.answered = anyio.Event()
            pulse.finalize = True
            pulse.asked.set()
            pulse.wake.ring()

    def events(self) -> AsyncIterator[SttEvent]:
        return Recognised(self.parts)

    async def run(self) -> None:
        """Keep recognising until cancelled, or until there is no point in trying again."""
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._settle)
                await self._stay_connected()
                tasks.cancel_scope.cancel()
        finally:
            self.parts.outlet.close()
            report_dropped(self.parts.buffer, self.parts.services.observe)

    async def _settle(self) -> None:
        """When the caller falls silent, wait for settled words only so long."""
        now = self.parts.services.clock.monotonic
        while True:
            await self.parts.pulse.asked.wait()
            self.parts.pulse.asked = anyio.Event()
            answered, started = self.parts.pulse.answered, now()
            with anyio.move_on_after(self.parts.settings.finalize_wait):
                await answered.wait()
            first = now() if answered.is_set() else None
            if first is None:
                await self.parts.outlet.post(self.parts.reader.promote())
            if not self.parts.pulse.sounding:
                timed = ProviderTimed("", PROVIDER, STAGE, started, first, now())
                self.parts.services.observe(timed)

    async def _stay_connected(self) -> None:
        """Recognise over one connection after another; returns when that has become pointless."""
        settings = self.parts.settings
        backoff = Backoff(first=settings.reconnect_first, cap=settings.reconnect_most)
        try:
            await keep_open(
                self._connect,
                self._converse,
                services=self.parts.services,
                provider=PROVIDER,
                stage=STAGE,
                connect_timeout=settings.connect_timeout,
                patience=Patience(settings.reconnect_tries, settings.reconnect_window, backoff),
            )
        except ProviderError as error:
            await self.parts.outlet.post(self.parts.reader.promote())
            self.parts.pulse.error = error

    @asynccontextmanager
    async def _connect(self, timeout: float) -> AsyncIterator[WebSocket]:  # noqa: ASYNC109 - the socket's own limit
        """Open a connection. Raises: SocketError; ProviderError with the reason of a refusal."""
        url = listen_url(self.parts.settings, self.parts.buffer.fmt)
        auth = headers(self.parts.settings)
        try:
            async with self.parts.services.connect(url, headers=auth, timeout=timeout) as socket:
                yield socket
        except HandshakeRefused as error:
            raise refused(error) from error

    async def _converse(self, socket: WebSocket) -> None:
        """Use one connection until it fails. Raises: ProviderError, SocketError."""
        self.parts.buffer.rewind()
        await self.parts.outlet.post(self.parts.reader.reconnect(self.parts.buffer.start))
        self.parts.pulse.finalize = not self.parts.pulse.answered.is_set()
        try:
            await Link(self.parts, socket).run()
        except (ProviderError, SocketError) as error:
            if not isinstance(error, ProviderRejected):
                await self._audio()
            raise

    async def _audio(self) -> None:
        """Wait until there is something to recognise: an idle line needs no connection."""
        while not self._wanted():
            await self.parts.pulse.wake.wait()

    def _wanted(self) -> bool:
        """True if words are to be had: from audio that waits, or from what the lost connection was sent."""
        pulse, reader = self.parts.pulse, self.parts.reader
        asked = pulse.sounding or not pulse.answered.is_set() or self.parts.buffer.unsent > 0
        unheard = reader.timeline.end - reader.pending.heard > UNHEARD
        return asked or unheard or reader.pending.interim is not None


@attrs.frozen(eq=False)
class Recognised:
    """Iterates over what is recognised."""

    parts: Parts

    def __aiter__(self) -> Recognised:
        return self

    async def __anext__(self) -> SttEvent:
        event = await self.parts.outlet.take()
        if event is None:
            if self.parts.pulse.error is not None:
                raise self.parts.pulse.error
            raise StopAsyncIteration
        return event
