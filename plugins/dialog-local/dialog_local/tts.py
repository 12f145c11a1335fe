"""Text-to-speech on this machine: each sentence is made in the shared thread, one at a time per call.

The voice's task takes a segment, makes its sentences one after the other and hands their audio over in pieces; it waits
when the reader is behind. So several calls take turns sentence by sentence, and a cancelled voice stops at the next
piece, or when the sentence in the thread is done.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial

import anyio
import attrs
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from dialog_core.audio import AudioFormat, AudioOut
from dialog_core.errors import ProviderError, ProviderRejected, SettingsError
from dialog_core.factory import Services
from dialog_core.messages import SpeakText
from dialog_core.protocols import TtsSession, Voice
from dialog_core.speech.manner import Unheeded, wishes
from dialog_local.settings import TtsSettings
from dialog_local.synthesiser import Synthesiser, open_synthesiser, voice_file

__all__ = ["LocalTextToSpeech"]

SEGMENTS = 4
"""Segments that may wait to be spoken."""
PIECES = 8
"""Pieces of audio that may wait to be read."""
PIECE_SECONDS = 0.4


@attrs.frozen
class LocalTextToSpeech:
    """See :class:`dialog_core.protocols.TextToSpeech`."""

    settings: TtsSettings
    services: Services

    @asynccontextmanager
    async def open(self, fmt: AudioFormat) -> AsyncIterator[TtsSession]:
        yield LocalTtsSession(self, fmt, Unheeded("local", self.services.observe))

    async def warm(self) -> None:
        """Load the voice. Raises: SettingsError if its file is missing."""
        await self.synthesiser()

    async def synthesiser(self) -> Synthesiser:
        """The process's voice. Raises: SettingsError if its file is missing."""
        settings = self.settings
        file = voice_file(settings)
        open_ = partial(open_synthesiser, settings.voice, file, threads=settings.threads)
        key = ("local.tts", settings.voice, file, settings.threads)
        return await self.services.shared.get(key, open_)


@attrs.frozen
class LocalTtsSession:
    """See :class:`dialog_core.protocols.TtsSession`."""

    component: LocalTextToSpeech
    fmt: AudioFormat
    unheeded: Unheeded

    @asynccontextmanager
    async def voice(self, reply: int) -> AsyncIterator[Voice]:  # noqa: ARG002 - segments carry the number
        segments, waiting = anyio.create_memory_object_stream[SpeakText](SEGMENTS)
        pieces, reader = anyio.create_memory_object_stream[AudioOut](PIECES)
        voice = LocalVoice(self.component, self.fmt, self.unheeded, segments, reader)
        with segments, waiting, pieces, reader:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(voice.run, waiting, pieces)
                yield voice
                tasks.cancel_scope.cancel()


@attrs.define(eq=False)
class LocalVoice:
    """See :class:`dialog_core.protocols.Voice`."""

    _component: LocalTextToSpeech
    _fmt: AudioFormat
    _unheeded: Unheeded
    _segments: MemoryObjectSendStream[SpeakText]
    _reader: MemoryObjectReceiveStream[AudioOut]
    _spoken: int = 0
    """Sentences made so far."""
    _error: ProviderError | None = None

    async def speak(self, segment: SpeakText) -> None:
        self._unheeded.tell(wishes(segment.manner))
        try:
            await self._segments.send(segment)
        except anyio.BrokenResourceError:
            raise self._failure() from None

    async def finish(self) -> None:
        self._segments.close()

    async def audio(self) -> AsyncIterator[AudioOut]:
        async for piece in self._reader:
            yield piece
        if self._error is not None:
            raise self._error

    async def run(
        self,
        waiting: MemoryObjectReceiveStream[SpeakText],
        pieces: MemoryObjectSendStream[AudioOut],
    ) -> None:
        """Speak until there is no more, or cancelled."""
        with waiting, pieces:
            try:
                synthesiser = await self._component.synthesiser()
                async for segment in waiting:
                    await self._speak(synthesiser, segment, pieces)
            except SettingsError as error:
                self._error = ProviderRejected("local", str(error), stage="tts")
            except ProviderError as error:
                self._error = error

    async def _speak(
        self, synthesiser: Synthesiser, segment: SpeakText, pieces: MemoryObjectSendStream[AudioOut]
    ) -> None:
        made = 0
        for sentence in await synthesiser.sentences(segment.text, urgent=not self._spoken):
            data = await synthesiser.say(
                sentence, self._component.settings, self._fmt, urgent=not self._spoken
            )
            pause = self._component.settings.pause if self._spoken else 0.0
            for piece in self._cut(self._fmt.silence(pause) + data):
                await pieces.send(AudioOut(segment.reply, segment.index, piece))
            self._spoken += 1
            made += len(data)
        if not made and any(character.isalnum() for character in segment.text):
            raise ProviderRejected("local", "the voice cannot pronounce this text", stage="tts")
        await pieces.send(AudioOut(segment.reply, segment.index, b"", last=True))

    def _cut(self, data: bytes) -> Iterator[bytes]:
        size = self._fmt.nbytes(PIECE_SECONDS)
        return (data[start : start + size] for start in range(0, len(data), size))

    def _failure(self) -> ProviderError:
        return self._error or ProviderRejected("local", "the voice has ended", stage="tts")
