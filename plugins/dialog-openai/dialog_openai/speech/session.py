"""Text-to-speech: one HTTP request for each segment of a reply, the next one a step ahead.

::

    speak -->  segments, in order (8) --+--> request 1 --> pieces (16) --+--> audio, in order
                                        '--> request 2 --> pieces (16) --'         the first before the text is complete

A segment is requested when it is handed over, unless too many are under way. Its audio waits in its own track until
those before it are spoken; where a track is full, its response is not read, which slows the server down. Leaving the
voice closes every response.

Source: OpenAI's API reference, "Create speech".
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import anyio
import attrs
import httpx
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from dialog_core.audio import AudioFormat, AudioOut
from dialog_core.errors import LocalProtocolError, ProviderError
from dialog_core.factory import Services
from dialog_core.messages import SpeakText
from dialog_core.net.groups import ungrouped
from dialog_core.observe.observations import ProviderTimed
from dialog_core.speech.manner import Unheeded
from dialog_core.speech.words import is_pronounceable
from dialog_openai.asking import Asker, Setback
from dialog_openai.body import Body, open_body
from dialog_openai.failures import PROVIDER
from dialog_openai.speech.protocol import (
    STAGE,
    Converter,
    build,
    check_type,
    parts_of,
    unheeded,
)
from dialog_openai.speech.settings import SpeechSettings

__all__ = ["OpenAISpeech", "SpeechSession", "SpeechVoice"]

SEGMENTS = 8
"""Segments that may wait to be spoken; then `speak` waits."""
PIECES = 16
"""Pieces of a segment's audio that may wait; then its response is not read."""
PIECE_SECONDS = 0.4
HEADERS = {"accept": "application/octet-stream", "content-type": "application/json"}


@attrs.frozen
class OpenAISpeech:
    """OpenAI's voices as :class:`dialog_core.protocols.TextToSpeech`; one object a call."""

    settings: SpeechSettings
    services: Services

    @asynccontextmanager
    async def open(self, fmt: AudioFormat) -> AsyncIterator[SpeechSession]:
        """See :class:`dialog_core.protocols.TextToSpeech`; speaks in every format."""
        asker = Asker(self.settings, self.services, STAGE)
        ignored = Unheeded(PROVIDER, self.services.observe)
        yield SpeechSession(asker, self.settings, fmt, ignored)


@attrs.frozen
class SpeechSession:
    """One call's synthesis; see :class:`dialog_core.protocols.TtsSession`."""

    asker: Asker
    settings: SpeechSettings
    fmt: AudioFormat
    ignored: Unheeded

    @asynccontextmanager
    async def voice(self, reply: int) -> AsyncIterator[SpeechVoice]:  # noqa: ARG002 - segments carry the number
        """A voice for one reply. Leaving the block closes what it has requested."""
        tracks, order = anyio.create_memory_object_stream[Track](SEGMENTS)
        with tracks, order, ungrouped():
            async with anyio.create_task_group() as tasks:
                slots = anyio.Semaphore(1 + self.settings.ahead)
                voice = SpeechVoice(self, tasks, slots, tracks, order)
                try:
                    yield voice
                finally:
                    tasks.cancel_scope.cancel()
                    voice.leave()


@attrs.define(eq=False)
class Track:
    """One segment on its way: its audio, then perhaps why there is no more."""

    segment: SpeakText
    inlet: MemoryObjectSendStream[bytes]
    outlet: MemoryObjectReceiveStream[bytes]
    error: ProviderError | None = None


@attrs.define
class Times:
    """Moments of one reply; seconds on the loop's clock."""

    started: float | None = None
    first: float | None = None


@attrs.define(eq=False)
class SpeechVoice:
    """Speaks one reply; see :class:`dialog_core.protocols.Voice`."""

    _session: SpeechSession
    _tasks: TaskGroup
    _slots: anyio.Semaphore
    _tracks: MemoryObjectSendStream[Track]
    _order: MemoryObjectReceiveStream[Track]
    _times: Times = attrs.field(factory=Times)
    _all: list[Track] = attrs.field(factory=list)
    _error: ProviderError | None = None

    async def speak(self, segment: SpeakText) -> None:
        """See the protocol."""
        if self._error is not None:
            raise self._error
        self._session.ignored.tell(unheeded(self._session.settings, segment.manner))
        inlet, outlet = anyio.create_memory_object_stream[bytes](PIECES)
        track = Track(segment, inlet, outlet)
        self._all.append(track)
        try:
            await self._tracks.send(track)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            raise LocalProtocolError("a segment was spoken after the end of its reply") from None
        self._tasks.start_soon(self._make, track)

    async def finish(self) -> None:
        """See the protocol."""
        self._tracks.close()

    def audio(self) -> AsyncIterator[AudioOut]:
        """See the protocol."""
        return Spoken(self._order)

    def leave(self) -> None:
        """Let go of what was not taken, and tell how long the vendor took."""
        for track in self._all:
            track.inlet.close()
            track.outlet.close()
        times = self._times
        if times.started is not None:
            timed = ProviderTimed("", PROVIDER, STAGE, times.started, times.first, self._now())
            self._session.asker.services.observe(timed)

    def _now(self) -> float:
        return self._session.asker.services.clock.monotonic()

    async def _make(self, track: Track) -> None:
        """Have a segment spoken, when its turn to be requested comes."""
        text = track.segment.text
        with track.inlet:
            try:
                async with self._slots:
                    for part in parts_of(text) if is_pronounceable(text) else ():
                        await self._request(track, part)
            except ProviderError as error:
                track.error = error
                self._error = self._error or error
            except anyio.BrokenResourceError:
                return

    async def _request(self, track: Track, text: str) -> None:
        """One request, and all of its audio. Raises: ProviderError."""
        session = self._session
        if self._times.started is None:
            self._times.started = self._now()
        content = build(text, track.segment.manner, session.settings)
        attempt = partial(self._begin, content)
        limit = session.settings.first_audio
        async with AsyncExitStack() as stack:
            stream = await session.asker.ask(stack, attempt, limit=limit, awaited="audio")
            if self._times.first is None:
                self._times.first = self._now()
            while stream.data is not None:
                for piece in self._cut(stream.data):
                    await track.inlet.send(piece)
                await stream.read_on()

    async def _begin(self, content: bytes, own: AsyncExitStack) -> Stream | Setback:
        """Ask, and wait for the first audio; `own` closes what is opened."""
        session = self._session
        asker, settings = session.asker, session.settings
        response = await asker.post("/audio/speech", headers=HEADERS, content=content)
        body = open_body(response, asker.services.clock, coalesce=0.0, gather=0.0)
        stream = Stream(asker, body, Converter(session.fmt, settings.rate), settings.audio_gap)
        own.push_async_callback(stream.close)
        if not response.is_success:
            return await asker.refused(response)
        check_type(response.headers.get("content-type", ""))
        await stream.begin()
        return stream

    def _cut(self, data: bytes) -> list[bytes]:
        size = self._session.fmt.nbytes(PIECE_SECONDS)
        return [data[start : start + size] for start in range(0, len(data), size)]


@attrs.define(eq=False)
class Stream:
    """The audio of one answer, as it comes."""

    asker: Asker
    body: Body
    converter: Converter
    gap: float
    """Seconds without a byte that count as dead."""
    data: bytes | None = b""
    """Audio for the line that was just read; None at the end."""
    _over: bool = False

    async def begin(self) -> None:
        """Wait for the first audio; the caller limits the time. Raises: ProviderError, httpx.RequestError."""
        while not self.data:
            if self._over:
                raise self.asker.unavailable("ended without audio for a text that has words")
            self.data = await self._read()

    async def read_on(self) -> None:
        """Wait for the next audio. Raises: ProviderError."""
        try:
            with anyio.fail_after(self.gap):
                self.data = None if self._over else await self._read()
        except TimeoutError:
            raise self.asker.unavailable(f"no more audio within {self.gap:g} s") from None
        except httpx.RequestError as error:
            reason = f"lost in the middle of a segment: {type(error).__name__}"
            raise self.asker.unavailable(reason) from error

    async def _read(self) -> bytes:
        raw = await self.body.read(urgent=True)
        if raw is not None:
            return self.converter.feed(raw)
        self._over = True
        return self.converter.flush()

    async def close(self) -> None:
        """End the answer, and the server's work on it."""
        await self.body.close(ended=self._over)


@attrs.define(eq=False)
class Spoken:
    """Iterates over a reply's audio."""

    _order: MemoryObjectReceiveStream[Track]
    _track: Track | None = None

    def __aiter__(self) -> Spoken:
        return self

    async def __anext__(self) -> AudioOut:
        if self._track is None:
            try:
                self._track = await self._order.receive()
            except (anyio.EndOfStream, anyio.ClosedResourceError):
                raise StopAsyncIteration from None
        track = self._track
        reply, index = track.segment.reply, track.segment.index
        try:
            return AudioOut(reply, index, await track.outlet.receive())
        except (anyio.EndOfStream, anyio.ClosedResourceError):
            self._track = None
            track.outlet.close()
        if track.error is not None:
            raise track.error
        return AudioOut(reply, index, b"", last=True)
