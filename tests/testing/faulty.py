"""A plugin whose components make one mistake each, which the contracts must find: the tutorials' plugins, spoilt."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import attrs
from dialog_acme_stt.session import Acme as GoodStt
from dialog_acme_stt.session import AcmeSession
from dialog_acme_stt.settings import AcmeSettings as SttSettings
from dialog_acme_tts.session import Acme as GoodTts
from dialog_acme_tts.session import AcmeSession as TtsSession
from dialog_acme_tts.session import AcmeVoice
from dialog_acme_tts.settings import AcmeSettings as TtsSettings

from dialog_core import AudioFormat, AudioFrame, AudioOut, Factory, Services, SpeakText, hookimpl
from dialog_core.errors import ProviderError
from dialog_core.fields import setting
from dialog_core.messages import Transcript, Word
from dialog_core.protocols import SttEvent

FRAME = 160


async def idle(seconds: float) -> None:
    with anyio.move_on_after(seconds):
        await anyio.sleep_forever()


@attrs.frozen
class FaultySttSettings(SttSettings):
    mistake: str = setting(default="", help="what is wrong")


@attrs.frozen
class FaultyTtsSettings(TtsSettings):
    mistake: str = setting(default="", help="what is wrong")


@attrs.define(eq=False)
class FaultySession:
    good: AcmeSession
    mistake: str

    def feed(self, frame: AudioFrame) -> None:
        if self.mistake == "takes only whole frames" and len(frame.data) != FRAME:
            return
        if self.mistake == "keeps its own clock":
            frame = attrs.evolve(frame, at=frame.at - 30)
        self.good.feed(frame)

    def note(self, event: Any) -> None:
        self.good.note(event)

    async def events(self) -> AsyncIterator[SttEvent]:
        try:
            async for event in self.good.events():
                if self.mistake == "says words twice":
                    yield event
                if self.mistake == "keeps quiet about words" and isinstance(event, Transcript):
                    yield attrs.evolve(event, words=(Word(event.text, 0.0, 1.0),))
                else:
                    yield event
        except ProviderError:
            if self.mistake != "swallows errors":
                raise
            await anyio.sleep_forever()


@attrs.frozen
class FaultyStt:
    settings: FaultySttSettings
    services: Services

    @asynccontextmanager
    async def open(self, fmt: AudioFormat) -> AsyncIterator[FaultySession]:
        mistake = self.settings.mistake
        if mistake == "waits for the vendor":
            await idle(1)
        async with GoodStt(self.settings, self.services).open(fmt) as session:
            try:
                yield FaultySession(session, mistake)
            finally:
                if mistake == "is slow to leave":
                    with anyio.CancelScope(shield=True):
                        await idle(30)


@attrs.define(eq=False)
class FaultyVoice:
    good: AcmeVoice
    mistake: str
    fmt: AudioFormat

    async def speak(self, segment: SpeakText) -> None:
        if self.mistake == "speaks markup":
            segment = attrs.evolve(segment, text=f"<speak>{segment.text}</speak>")
        await self.good.speak(segment)

    async def finish(self) -> None:
        await self.good.finish()

    async def audio(self) -> AsyncIterator[AudioOut]:
        try:
            async for piece in self.good.audio():
                for each in self.spoilt(piece):
                    yield each
        except ProviderError:
            if self.mistake != "ends in silence":
                raise

    def spoilt(self, piece: AudioOut) -> Iterable[AudioOut]:
        match self.mistake:
            case "never ends a segment" if piece.last:
                return ()
            case "ends a segment twice" if piece.last:
                return (piece, piece)
            case "speaks another format" if piece.data:
                noise = random.Random(1).randbytes(len(piece.data))
                return (attrs.evolve(piece, data=noise),)
            case "confuses replies":
                return (attrs.evolve(piece, reply=0),)
            case "tells times it does not claim" if piece.data:
                return (attrs.evolve(piece, words=(Word("word", 0.0, 0.1),)),)
            case _:
                return (piece,)


@attrs.frozen
class FaultyTtsSession:
    good: TtsSession
    mistake: str

    @asynccontextmanager
    async def voice(self, reply: int) -> AsyncIterator[FaultyVoice]:
        async with self.good.voice(reply) as voice:
            yield FaultyVoice(voice, self.mistake, self.good.fmt)


@attrs.frozen
class FaultyTts:
    settings: FaultyTtsSettings
    services: Services

    @asynccontextmanager
    async def open(self, fmt: AudioFormat) -> AsyncIterator[FaultyTtsSession]:
        async with GoodTts(self.settings, self.services).open(fmt) as session:
            yield FaultyTtsSession(session, self.settings.mistake)


@hookimpl
def dialog_stt() -> tuple[Factory[Any, Any], ...]:
    return (Factory("faulty", FaultySttSettings, FaultyStt),)


@hookimpl
def dialog_tts() -> tuple[Factory[Any, Any], ...]:
    return (Factory("faulty", FaultyTtsSettings, FaultyTts),)
