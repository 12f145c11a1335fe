"""Speech-to-text on this machine: phrases as the line's voice detector cuts them, recognised in the shared thread.

::

    feed --+--> Phrases --(SpeechStopped, or too long)--> finals (8) --> desk, urgent  --> final transcript
    note --+        '----(every half second of speech)--> latest wins --> desk, patient --> interim transcript

Finals keep the order in which they were spoken. An interim is recognised only if its phrase is still being spoken when
its turn comes, and told only if it still is when it is known; so a busy machine has fewer interims, not later finals.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import anyio
import attrs
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from dialog_core.audio import AudioFormat, AudioFrame
from dialog_core.errors import ProviderError, ProviderRejected, SettingsError
from dialog_core.factory import Services
from dialog_core.messages import Transcript
from dialog_core.models import model_folder
from dialog_core.observe.observations import Counted
from dialog_core.phrases import Phrase, Phrases
from dialog_core.protocols import SttEvent, SttSession
from dialog_core.turns.events import SpeechStarted, SpeechStopped
from dialog_local.models import MOONSHINE
from dialog_local.moonshine import Heard
from dialog_local.recogniser import Recogniser, open_recogniser
from dialog_local.settings import SttSettings

__all__ = ["LocalSpeechToText"]

PHRASES = 8
"""Phrases that may wait for recognition, per call."""
TRANSCRIPTS = 64
"""Transcripts that may wait to be read, per call."""
INTERIM_SHARE = 0.15
"""A phrase so far is recognised again when it has grown by this share of itself, at least: long ones cost more."""
SURE, DOUBTFUL = -0.3, -1.0
"""Log-probabilities: interim words that are as sure stay, if the whole phrase with its noise is no less likely."""
SHORTEST_INTERIM = 0.5
"""Seconds of audio after the pre-roll, below which the model guesses."""


@attrs.frozen
class LocalSpeechToText:
    """See :class:`dialog_core.protocols.SpeechToText`."""

    settings: SttSettings
    services: Services

    @asynccontextmanager
    async def open(self, fmt: AudioFormat) -> AsyncIterator[SttSession]:
        transcripts, reader = anyio.create_memory_object_stream[SttEvent](TRANSCRIPTS)
        finals, waiting = anyio.create_memory_object_stream[Phrase](PHRASES)
        settings = self.settings
        phrases = Phrases(fmt, settings.pre_roll, settings.hang_over, settings.longest)
        session = LocalSession(self, phrases, finals, transcripts, reader)
        with transcripts, reader, finals, waiting:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(session.run, waiting)
                yield session
                tasks.cancel_scope.cancel()

    async def warm(self) -> None:
        """Load the model. Raises: SettingsError if its files are missing."""
        await self.recogniser()

    async def recogniser(self) -> Recogniser:
        """The process's model. Raises: SettingsError if its files are missing."""
        settings = self.settings
        folder = model_folder(MOONSHINE, settings.folder, key="stt.folder")
        open_ = partial(open_recogniser, folder, threads=settings.threads)
        return await self.services.shared.get(("local.stt", folder, settings.threads), open_)


@attrs.define(eq=False)
class Latest:
    """The phrase as it is when its turn for recognition comes."""

    phrases: Phrases
    phrase: Phrase | None = None

    def audio(self) -> bytes | None:
        """Its audio, or None if it is no longer being spoken."""
        self.phrase = self.phrases.so_far()
        return None if self.phrase is None else self.phrase.audio


NOTHING = Heard("", -math.inf)


@attrs.define(eq=False)
class Interims:
    """When the phrase being spoken is recognised so far."""

    due: float = math.inf
    """Call time of the next one."""
    told: int = 0
    """Number of the last phrase that had one."""
    heard: Heard = NOTHING
    """What that one was."""
    wake: anyio.Event = attrs.field(factory=anyio.Event)


@attrs.define(eq=False)
class LocalSession:
    """See :class:`dialog_core.protocols.SttSession`."""

    _component: LocalSpeechToText
    _phrases: Phrases
    _finals: MemoryObjectSendStream[Phrase]
    _transcripts: MemoryObjectSendStream[SttEvent]
    _reader: MemoryObjectReceiveStream[SttEvent]
    _interims: Interims = attrs.field(factory=Interims)
    _error: ProviderError | None = None

    def feed(self, frame: AudioFrame) -> None:
        """See the protocol."""  # per frame
        too_long = self._phrases.feed(frame)
        if too_long is not None:
            self._settle(too_long)
            self._interims.due = self._first_interim(self._phrases.heard)
        if self._phrases.heard >= self._interims.due:
            self._interims.due = math.inf
            self._interims.wake.set()

    def note(self, event: SpeechStarted | SpeechStopped) -> None:
        if isinstance(event, SpeechStarted):
            if self._phrases.start(event.at):
                self._interims.due = self._first_interim(event.at)
        else:
            self._interims.due = math.inf
            phrase = self._phrases.stop(event.at)
            if phrase is not None:
                self._settle(phrase)

    async def events(self) -> AsyncIterator[SttEvent]:
        async for transcript in self._reader:
            yield transcript
        if self._error is not None:
            raise self._error

    async def run(self, waiting: MemoryObjectReceiveStream[Phrase]) -> None:
        """Recognise until cancelled."""
        try:
            recogniser = await self._component.recogniser()
        except SettingsError as error:
            self._error = ProviderRejected("local", str(error), stage="stt")
            self._transcripts.close()
            return
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._run_finals, recogniser, waiting)
            tasks.start_soon(self._run_interims, recogniser)

    async def _run_finals(
        self, recogniser: Recogniser, waiting: MemoryObjectReceiveStream[Phrase]
    ) -> None:
        async for phrase in waiting:
            heard = await self._recognise(
                recogniser, partial(getattr, phrase, "audio"), urgent=True
            )
            if heard is None:
                continue
            told = self._interims.told == phrase.number
            if told and self._only_doubts(heard):
                heard = self._interims.heard
            # Without words it is told only to take back interim ones.
            if heard.text or told:
                self._tell(phrase, heard, final=True)

    async def _run_interims(self, recogniser: Recogniser) -> None:
        while True:
            await self._interims.wake.wait()
            self._interims.wake = anyio.Event()
            latest = Latest(self._phrases)
            heard = await self._recognise(recogniser, latest.audio, urgent=False)
            phrase, now = latest.phrase, self._phrases.so_far()
            if phrase is None or now is None or now.number != phrase.number:
                continue
            if heard is not None and heard.text:
                self._interims.told, self._interims.heard = phrase.number, heard
                self._tell(phrase, heard, final=False)
            self._interims.due = phrase.ended + self._rest(phrase)

    async def _recognise(
        self, recogniser: Recogniser, audio: Callable[[], bytes | None], *, urgent: bool
    ) -> Heard | None:
        settings, fmt = self._component.settings, self._phrases.fmt
        return await recogniser.recognise(audio, fmt, floor=settings.floor, urgent=urgent)

    def _only_doubts(self, heard: Heard) -> bool:
        """Whether a phrase was taken for noise by a little, though its beginning was heard surely."""
        doubtful = DOUBTFUL <= heard.log_probability < self._component.settings.floor
        return doubtful and not heard.text and self._interims.heard.log_probability >= SURE

    def _first_interim(self, started: float) -> float:
        interim = self._component.settings.interim
        return started + max(SHORTEST_INTERIM, interim) if interim else math.inf

    def _rest(self, phrase: Phrase) -> float:
        """Seconds by which a phrase shall grow before it is recognised again."""
        length = phrase.ended - phrase.started
        return max(self._component.settings.interim, INTERIM_SHARE * length)

    def _settle(self, phrase: Phrase) -> None:
        try:
            self._finals.send_nowait(phrase)
        except anyio.WouldBlock:
            self._component.services.observe(Counted("", "local.stt phrases dropped", 1))

    def _tell(self, phrase: Phrase, heard: Heard, *, final: bool) -> None:
        transcript = Transcript(
            phrase.ended, heard.text, final, phrase.started, confidence=heard.confidence
        )
        try:
            self._transcripts.send_nowait(transcript)
        except anyio.WouldBlock:
            self._component.services.observe(Counted("", "local.stt transcripts dropped", 1))
