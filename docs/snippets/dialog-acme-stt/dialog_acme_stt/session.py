"""One call's recognition over one socket, which is opened again when it is lost."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import attrs
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from dialog_acme_stt.protocol import FLUSH, PROVIDER, parse, url_for
from dialog_acme_stt.settings import AcmeSettings
from dialog_core import (
    AudioFormat,
    AudioFrame,
    Encoding,
    ProviderError,
    ProviderUnavailable,
    Services,
    SettingsError,
)
from dialog_core.errors import SettingsProblem
from dialog_core.protocols import SttEvent, WebSocket
from dialog_core.resilience.replay import ReplayBuffer
from dialog_core.resilience.session import keep_open
from dialog_core.turns.events import SpeechStarted, SpeechStopped

__all__ = ["Acme", "AcmeSession"]

EVENTS = 64
"""Results that may wait; when there are more, reading the socket waits."""
ANSWER_SECONDS = 2.0
"""A vendor who does not answer a flush for so long is lost, though its socket be open."""


@attrs.frozen
class Acme:
    """The component: made for each call, it opens the call's session."""

    settings: AcmeSettings
    services: Services

    @asynccontextmanager
    async def open(self, fmt: AudioFormat) -> AsyncIterator[AcmeSession]:
        """Take audio at once; connecting goes on meanwhile."""
        if fmt.encoding is Encoding.ALAW:
            problem = SettingsProblem("stt.use", "acme-stt cannot take A-law; use another one")
            raise SettingsError(problem)
        send, receive = anyio.create_memory_object_stream[SttEvent](EVENTS)
        session = AcmeSession(self.settings, self.services, fmt, send, receive)
        async with send, receive, anyio.create_task_group() as tasks:
            tasks.start_soon(session.run)
            yield session
            tasks.cancel_scope.cancel()


@attrs.define(eq=False)
class AcmeSession:
    """A call's audio on its way out, and its words on their way in."""

    settings: AcmeSettings
    services: Services
    fmt: AudioFormat
    _send: MemoryObjectSendStream[SttEvent]
    _receive: MemoryObjectReceiveStream[SttEvent]
    _audio: ReplayBuffer = attrs.field(init=False)
    _wake: anyio.Event = attrs.field(factory=anyio.Event)
    _flush: bool = False
    _patience: anyio.CancelScope = attrs.field(factory=anyio.CancelScope)
    """Has a deadline while an answer is owed."""
    _failure: ProviderError | None = None

    def __attrs_post_init__(self) -> None:
        self._audio = ReplayBuffer(self.fmt)

    def feed(self, frame: AudioFrame) -> None:
        """Keep the frame, and wake the sender when there is a message's worth."""
        self._audio.push(frame)
        if self._audio.unsent >= self.settings.send_every:
            self._wake.set()

    def note(self, event: SpeechStarted | SpeechStopped) -> None:
        """The caller fell silent: ask for the words now."""
        if isinstance(event, SpeechStopped):
            self._flush = True
            self._wake.set()

    async def events(self) -> AsyncIterator[SttEvent]:
        """Transcripts on the call's clock; raises when the vendor is gone for good."""
        async for event in self._receive:
            yield event
        if self._failure is not None:
            raise self._failure

    async def run(self) -> None:
        """Converse with the vendor until it refuses, or cannot be reached any more."""
        url = url_for(self.settings.url, self.fmt, self.settings.language)
        headers = {"authorization": f"Key {self.settings.api_key.reveal()}"}
        with self._send:
            try:
                await keep_open(
                    lambda timeout: self.services.connect(url, headers=headers, timeout=timeout),
                    self._converse,
                    services=self.services,
                    provider=PROVIDER,
                    stage="stt",
                )
            except ProviderError as error:
                self._failure = error

    async def _converse(self, socket: WebSocket) -> None:
        """On one socket: what the last one did not settle is sent again, and its clock starts there."""
        self._audio.rewind()
        while self._audio.start is None:
            await self._woken()
        offset = self._audio.start
        self._flush = self._flush or self._patience.deadline < math.inf
        with anyio.CancelScope() as self._patience:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._send_audio, socket, offset)
                while True:
                    transcript = parse(await socket.receive(), offset=offset)
                    if transcript.final:
                        self._patience.deadline = math.inf
                        self._audio.settle(transcript.at)
                    await self._send.send(transcript)
        raise ProviderUnavailable(PROVIDER, "did not answer in time", stage="stt")

    async def _send_audio(self, socket: WebSocket, sent_until: float) -> None:
        """Audio in order; a gap is filled with silence, so that the vendor's clock keeps to the call's."""
        while True:
            while (frame := self._audio.take()) is not None:
                await socket.send(self.fmt.silence(max(0.0, frame.at - sent_until)) + frame.data)
                sent_until = frame.at + self.fmt.seconds(len(frame.data))
            if self._flush:
                self._flush = False
                due = self.services.clock.monotonic() + ANSWER_SECONDS
                self._patience.deadline = min(due, self._patience.deadline)
                await socket.send(FLUSH)
            await self._woken()

    async def _woken(self) -> None:
        await self._wake.wait()
        self._wake = anyio.Event()
