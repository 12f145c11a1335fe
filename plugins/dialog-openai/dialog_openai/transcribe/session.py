"""Speech-to-text by uploading phrases, which the line's voice detector cuts.

::

    feed --+--> Phrases --(SpeechStopped, or too long)--> phrases (8) --> at most two requests --> transcripts, in order
    note --+

A phrase is uploaded when it is over, so there are no words while it is spoken; where the model streams, interim ones
come on the way to the final transcript. A phrase whose request fails is uploaded again, a few times; if that does not
help, recognition has failed, and says so.

Source: OpenAI's API reference, "Create transcription".
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import anyio
import attrs
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from dialog_core.audio import AudioFormat, AudioFrame
from dialog_core.errors import ProviderError
from dialog_core.factory import Services
from dialog_core.messages import Transcript, Word
from dialog_core.net.groups import ungrouped
from dialog_core.net.sse import SseParser
from dialog_core.observe.observations import Counted, ProviderTimed
from dialog_core.phrases import Phrase, Phrases
from dialog_core.protocols import SttEvent
from dialog_core.turns.events import SpeechStarted, SpeechStopped
from dialog_openai.asking import Asker, Setback
from dialog_openai.body import Body, open_body
from dialog_openai.failures import PROVIDER
from dialog_openai.transcribe.protocol import (
    STAGE,
    Heard,
    build,
    read_event,
    read_whole,
    wav_of,
)
from dialog_openai.transcribe.settings import TranscribeSettings

__all__ = ["Transcription", "TranscriptionSession"]

PHRASES = 8
"""Phrases that may wait for a request; more are dropped and counted."""
EVENTS = 64
"""Events that may wait to be taken; then no more requests are made."""
SHORTEST = 0.1
"""Seconds below which a file is refused as too short."""
LARGEST_ANSWER = 1_000_000
SSE = "text/event-stream"

Tell = Callable[[str], Awaitable[None]]
"""Takes the words so far."""


@attrs.frozen
class Transcription:
    """OpenAI's transcription of files; one object a call."""

    settings: TranscribeSettings
    services: Services

    @asynccontextmanager
    async def open(self, fmt: AudioFormat) -> AsyncIterator[TranscriptionSession]:
        """See :class:`dialog_core.protocols.SpeechToText`; takes every format."""
        settings = self.settings
        outbox, inbox = anyio.create_memory_object_stream[SttEvent](EVENTS)
        queue, waiting = anyio.create_memory_object_stream[Phrase](PHRASES)
        phrases = Phrases(fmt, settings.pre_roll, settings.hang_over, settings.longest)
        asker = Asker(settings, self.services, STAGE)
        session = TranscriptionSession(asker, settings, phrases, queue, outbox, inbox)
        with outbox, inbox, queue, waiting, ungrouped():
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(session.run, waiting)
                try:
                    yield session
                finally:
                    tasks.cancel_scope.cancel()


@attrs.define(eq=False)
class TranscriptionSession:
    """One call's recognition; see :class:`dialog_core.protocols.SttSession`."""

    asker: Asker
    settings: TranscribeSettings
    phrases: Phrases
    queue: MemoryObjectSendStream[Phrase]
    outbox: MemoryObjectSendStream[SttEvent]
    inbox: MemoryObjectReceiveStream[SttEvent]
    error: ProviderError | None = None
    """Why recognition was given up."""

    def feed(self, frame: AudioFrame) -> None:  # per frame
        too_long = self.phrases.feed(frame)
        if too_long is not None:
            self._enqueue(too_long)

    def note(self, event: SpeechStarted | SpeechStopped) -> None:
        if isinstance(event, SpeechStarted):
            self.phrases.start(event.at)
            return
        phrase = self.phrases.stop(event.at)
        if phrase is not None and phrase.ended > phrase.started:
            self._enqueue(phrase)

    def events(self) -> AsyncIterator[SttEvent]:
        return Recognised(self)

    def _enqueue(self, phrase: Phrase) -> None:
        if self.phrases.fmt.seconds(len(phrase.audio)) < SHORTEST:
            return
        try:
            self.queue.send_nowait(phrase)
        except (anyio.WouldBlock, anyio.BrokenResourceError, anyio.ClosedResourceError):
            self.asker.services.observe(Counted("", f"{PROVIDER} phrases dropped", 1))

    async def run(self, waiting: MemoryObjectReceiveStream[Phrase]) -> None:
        """Recognise until cancelled, or until there is no point in trying again."""
        slots = anyio.Semaphore(self.settings.parallel)
        before = anyio.Event()
        before.set()
        with self.outbox, waiting:
            async with anyio.create_task_group() as tasks:
                async for phrase in waiting:
                    await slots.acquire()
                    turn = Turn(self, phrase, before, tasks.cancel_scope)
                    before = turn.over
                    tasks.start_soon(turn.run, slots)


@attrs.define(eq=False)
class Turn:
    """One phrase, from its upload to its transcript. Those before it have their say first."""

    session: TranscriptionSession
    phrase: Phrase
    before: anyio.Event
    all: anyio.CancelScope
    """Ends the recognition of the call."""
    over: anyio.Event = attrs.field(factory=anyio.Event)
    told: str = ""
    """The interim transcript that listeners know of."""

    async def run(self, slots: anyio.Semaphore) -> None:
        """Have the phrase transcribed, and tell it."""
        session = self.session
        clock = session.asker.services.clock
        started, first = clock.monotonic(), None
        try:
            heard = await self._ask()
            first = clock.monotonic()
            await self.before.wait()
            await self._tell(heard)
        except ProviderError as error:
            session.error = session.error or error
            self.all.cancel()
        finally:
            slots.release()
            self.over.set()
            timed = ProviderTimed("", PROVIDER, STAGE, started, first, clock.monotonic())
            session.asker.services.observe(timed)

    async def _ask(self) -> Heard:
        """The whole transcript. Raises: ProviderError."""
        asker, settings = self.session.asker, self.session.settings
        file = wav_of(self.phrase.audio, self.session.phrases.fmt)
        attempt = partial(self._attempt, file)
        async with AsyncExitStack() as stack:
            return await asker.ask(
                stack, attempt, limit=settings.deadline, awaited="whole transcript"
            )

    async def _attempt(self, file: bytes, own: AsyncExitStack) -> Heard | Setback:
        """One upload and its answer. Raises: ProviderError, httpx.RequestError."""
        asker = self.session.asker
        response = await asker.post(
            "/audio/transcriptions",
            headers={"accept": f"application/json, {SSE}"},
            files={"file": ("speech.wav", file, "audio/wav")},
            data=build(self.session.settings),
        )
        body = open_body(response, asker.services.clock, coalesce=0.0, gather=0.0)
        own.push_async_callback(body.close, ended=False)
        if not response.is_success:
            return await asker.refused(response)
        if response.headers.get("content-type", "").startswith(SSE):
            return await read_stream(asker, body, self._tell_interim)
        return read_whole(await whole(body))

    async def _tell_interim(self, text: str) -> None:
        """Words on the way to the transcript, once it is this phrase's turn."""
        if text and text != self.told and self.before.is_set():
            self.told = text
            phrase = self.phrase
            await self._post(Transcript(phrase.ended, text, final=False, started=phrase.started))

    async def _tell(self, heard: Heard) -> None:
        """The transcript; an empty one only takes an interim one back."""
        if not heard.text and not self.told:
            return
        phrase = self.phrase
        words = tuple(self._placed(word) for word in heard.words)
        await self._post(
            Transcript(
                phrase.ended,
                heard.text,
                final=True,
                started=phrase.started,
                confidence=heard.confidence,
                words=words,
            )
        )

    def _placed(self, word: Word) -> Word:
        """A word on the call's clock, within what was uploaded."""
        begin = self.phrase.audio_at
        end = begin + self.session.phrases.fmt.seconds(len(self.phrase.audio))
        start = min(max(begin + word.start, begin), end)
        return attrs.evolve(word, start=start, end=min(max(begin + word.end, start), end))

    async def _post(self, transcript: Transcript) -> None:
        await self.session.outbox.send(transcript)


async def whole(body: Body) -> bytes:
    """The body in one piece; its beginning, if it is absurdly long. Raises: httpx.RequestError."""
    content = bytearray()
    while len(content) < LARGEST_ANSWER:
        data = await body.read(urgent=True)
        if data is None:
            break
        content += data
    return bytes(content)


async def read_stream(asker: Asker, body: Body, tell: Tell) -> Heard:
    """A transcript that comes in pieces. Raises: ProviderError, httpx.RequestError."""
    parser, pieces = SseParser(), ""
    while True:
        data = await body.read(urgent=True)
        events = parser.finish() if data is None else parser.feed(data)
        for event in events:
            if event.data == "[DONE]":
                continue
            heard = read_event(event.data)
            if heard is not None and heard.is_whole:
                return heard
            pieces += heard.text if heard is not None else ""
        if data is None:
            raise asker.unavailable("the transcript broke off")
        await tell(pieces.strip())


@attrs.frozen(eq=False)
class Recognised:
    """Iterates over what is recognised."""

    session: TranscriptionSession

    def __aiter__(self) -> Recognised:
        return self

    async def __anext__(self) -> SttEvent:
        try:
            return await self.session.inbox.receive()
        except (anyio.EndOfStream, anyio.ClosedResourceError):
            if self.session.error is not None:
                raise self.session.error from None
            raise StopAsyncIteration from None
