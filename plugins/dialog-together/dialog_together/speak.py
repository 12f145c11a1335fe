"""Together text-to-speech: a call's session on a socket of its own, and the voices on it.

A voice's task takes segment after segment and has each spoken to its end before the next. What a connection lost is
said again once in a reply, and as much of it as was handed on is skipped.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import attrs
from anyio.abc import TaskGroup

from dialog_core.audio import AudioFormat, AudioOut
from dialog_core.errors import LocalProtocolError, ProviderError
from dialog_core.factory import Services
from dialog_core.messages import SpeakText
from dialog_core.net.groups import ungrouped
from dialog_core.observe.observations import ProviderTimed
from dialog_core.resilience.outlet import Outlet, Pieces
from dialog_core.speech.manner import Unheeded, wishes
from dialog_core.speech.words import is_pronounceable, spaced
from dialog_together.failures import NAME
from dialog_together.settings import TogetherTtsSettings
from dialog_together.sound import Converter
from dialog_together.speak_link import Lost, SpeechLine
from dialog_together.speak_protocol import STAGE

__all__ = ["TogetherSpeaker", "TogetherTtsSession", "TogetherVoice"]

RESENDS = 1
SEGMENTS = 16
"""Segments that may wait to be spoken; then :meth:`TogetherVoice.speak` waits."""


@attrs.frozen
class TogetherSpeaker:
    """Together as :class:`dialog_core.protocols.TextToSpeech`."""

    settings: TogetherTtsSettings
    services: Services

    @asynccontextmanager
    async def open(self, fmt: AudioFormat) -> AsyncIterator[TogetherTtsSession]:
        """See :class:`dialog_core.protocols.TextToSpeech`; speaks every format. The socket begins to connect."""
        with ungrouped():
            async with anyio.create_task_group() as tasks:
                line = SpeechLine(self.settings, self.services, tasks)
                line.connect_soon()
                unheeded = Unheeded(NAME, self.services.observe)
                yield TogetherTtsSession(
                    Channel(self.settings, self.services, fmt, line, tasks, unheeded)
                )
                tasks.cancel_scope.cancel()


@attrs.frozen
class Channel:
    """What the voices of one call have in common."""

    settings: TogetherTtsSettings
    services: Services
    fmt: AudioFormat
    line: SpeechLine
    tasks: TaskGroup
    unheeded: Unheeded


@attrs.frozen
class TogetherTtsSession:
    """One call's synthesis."""

    channel: Channel

    @asynccontextmanager
    async def voice(self, reply: int) -> AsyncIterator[TogetherVoice]:
        """A voice for one reply. Leaving the block stops what is not yet spoken."""
        voice = TogetherVoice(self.channel, reply)
        self.channel.tasks.start_soon(voice.run)
        try:
            yield voice
        finally:
            voice.leave()


class TogetherVoice:
    """Speaks one reply; see :class:`dialog_core.protocols.Voice`."""

    def __init__(self, channel: Channel, reply: int) -> None:
        self._channel = channel
        self._reply = reply
        self._outlet = Outlet(channel.fmt.nbytes(channel.settings.buffer))
        self._segments: deque[SpeakText] = deque()
        self._finishing = False
        self._resends = 0
        self._scope = anyio.CancelScope()
        self._started: float | None = None
        self._first: float | None = None

    # --- the caller's side

    async def speak(self, segment: SpeakText) -> None:
        """See :class:`dialog_core.protocols.Voice`."""
        if self._finishing:
            raise LocalProtocolError("a segment was spoken after finish")
        while len(self._segments) >= SEGMENTS and not self._outlet.is_closed:
            await self._outlet.changed()
        if self._outlet.error is not None:
            raise self._outlet.error
        if self._started is None:
            self._started = self._now()
        self._channel.unheeded.tell(wishes(segment.manner))
        self._segments.append(segment)
        self._outlet.notify()

    async def finish(self) -> None:
        """See :class:`dialog_core.protocols.Voice`."""
        self._finishing = True
        self._outlet.notify()

    def audio(self) -> AsyncIterator[AudioOut]:
        """See :class:`dialog_core.protocols.Voice`."""
        return Pieces(self._outlet)

    def leave(self) -> None:
        """Nobody listens any more."""
        self._outlet.close()
        self._scope.cancel()
        if self._started is not None:
            timed = ProviderTimed("", NAME, STAGE, self._started, self._first, self._now())
            self._channel.services.observe(timed)

    # --- the voice's own task

    async def run(self) -> None:
        """Have segment after segment spoken, until there are no more or one fails."""
        with self._scope:
            try:
                while await self._awaited():
                    await self._say(self._segments[0])
                    self._segments.popleft()
                    self._outlet.notify()
                self._outlet.close()
            except ProviderError as error:
                self._outlet.close(error)

    async def _awaited(self) -> bool:
        """Wait for a segment, and for room for its audio; False if no more come."""
        half = self._outlet.limit / 2
        while not self._segments or self._outlet.nbytes > half:
            if not self._segments and self._finishing:
                return False
            await self._outlet.changed()
        return True

    async def _say(self, segment: SpeakText) -> None:
        """Speak one segment to its end. Raises: ProviderError."""
        if is_pronounceable(segment.text):
            sound = SegmentSound(self, segment.index)
            while True:
                try:
                    await self._channel.line.say(spaced(segment.text), sound.take)
                except Lost:
                    self._resends += 1
                    if self._resends > RESENDS:
                        raise
                    sound.restart()
                else:
                    break
            sound.finish()
        self.put(AudioOut(self._reply, segment.index, b"", last=True))

    @property
    def fmt(self) -> AudioFormat:
        """The line's format."""
        return self._channel.fmt

    def heard(self, index: int, data: bytes) -> None:
        """Audio of a segment came. Raises: ProviderError if it was not taken for too long."""
        if self._first is None:
            self._first = self._now()
        self.put(AudioOut(self._reply, index, data))

    def put(self, piece: AudioOut) -> None:
        """Hand on a piece; without room the reply fails."""
        if not self._outlet.put(piece):
            reason = f"more than {self._channel.settings.buffer:g} s of audio were not taken"
            self._outlet.close(ProviderError(NAME, reason, stage=STAGE))
            self._scope.cancel()

    def _now(self) -> float:
        return self._channel.services.clock.monotonic()


@attrs.define(eq=False)
class SegmentSound:
    """The audio of one segment on its way to the line."""

    voice: TogetherVoice
    index: int
    _handed: int = 0
    """Bytes handed on."""
    _skip: int = 0
    """Bytes still to be skipped, because they were handed on before."""
    _converter: Converter = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._converter = Converter(self.voice.fmt)

    def take(self, item: str, data: bytes) -> None:
        """Take the vendor's audio. Raises: ValueError."""
        self._hand_on(self._converter.feed(item, data))

    def restart(self) -> None:
        """The segment is spoken again from its beginning."""
        self._skip = self._handed
        self._converter = Converter(self.voice.fmt)

    def finish(self) -> None:
        """All of it came."""
        self._hand_on(self._converter.flush())

    def _hand_on(self, data: bytes) -> None:
        if self._skip:
            data, self._skip = data[self._skip :], max(0, self._skip - len(data))
        if data:
            self._handed += len(data)
            self.voice.heard(self.index, data)
