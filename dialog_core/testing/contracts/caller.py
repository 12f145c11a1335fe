"""A caller's side of a recogniser: phrases and silence at the pace of a line, and what was made of them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
import attrs

from dialog_core.audio import TELEPHONE, AudioFormat, AudioFrame
from dialog_core.errors import ProviderError
from dialog_core.factory import Clock
from dialog_core.messages import Transcript
from dialog_core.protocols import SpeechToText, SttEvent, SttSession
from dialog_core.testing.contracts.kit import SttKit
from dialog_core.turns.events import SpeechStarted, SpeechStopped

__all__ = ["Caller", "calling", "same_words"]

FRAME_SECONDS = 0.02
WORDS = re.compile(r"\w+")


def same_words(one: str, other: str) -> bool:
    """Whether two texts have the same words, whatever their case and punctuation."""
    return WORDS.findall(one.lower()) == WORDS.findall(other.lower())


@attrs.define(eq=False)
class Caller:
    """One call."""

    kit: SttKit
    session: SttSession
    fmt: AudioFormat
    clock: Clock
    at: float = 0.0
    """Seconds of the call so far."""
    events: list[SttEvent] = attrs.field(factory=list)
    arrivals: list[float] = attrs.field(factory=list)
    """The loop's time at which each event came."""
    error: ProviderError | None = None
    """Why the events ended."""
    in_time: bool = True
    """Audio takes as long as it sounds; False where time is real and the component does not care."""
    _news: anyio.Event = attrs.field(factory=anyio.Event)

    async def say(self, phrase: str, *, cut: int = 0) -> None:
        """Say a phrase, which the line's voice detector notices. cut: bytes in a frame; 0 for 20 ms."""
        await self.sound(self.kit.says(phrase, self.fmt), cut=cut)

    async def sound(self, audio: bytes, *, cut: int = 0) -> None:
        """Let audio be heard, with the line's voice detector."""
        self.session.note(SpeechStarted(self.at))
        await self.send(audio, cut=cut)
        self.session.note(SpeechStopped(self.at))

    async def hush(self, seconds: float) -> None:
        """Be silent on the line."""
        await self.send(self.fmt.silence(seconds))

    async def send(self, audio: bytes, *, cut: int = 0) -> None:
        """Send audio as a line does: a frame when its last sample has sounded."""
        size = cut or self.fmt.nbytes(FRAME_SECONDS)
        for start in range(0, len(audio), size):
            data = audio[start : start + size]
            await anyio.sleep(self.fmt.seconds(len(data)) if self.in_time else 0)
            self.session.feed(AudioFrame(self.at, data))
            self.at += self.fmt.seconds(len(data))

    async def listen(self) -> None:
        """Take events until there are no more."""
        try:
            async for event in self.session.events():
                self.events.append(event)
                self.arrivals.append(self.clock.monotonic())
                self._tell()
        except ProviderError as error:
            self.error = error
        self._tell()

    def _tell(self) -> None:
        news, self._news = self._news, anyio.Event()
        news.set()

    async def until(self, reached: Callable[[], object], *, within: float = 10.0) -> bool:
        """Wait for something to become true of the call; False if it has not in time, or if recognition failed."""
        with anyio.move_on_after(within):
            while not reached() and self.error is None:
                await self._news.wait()
        return bool(reached())

    async def hears(self, text: str, *, within: float = 10.0) -> bool:
        """Wait until exactly these words are settled."""
        return await self.until(lambda: same_words(self.heard, text), within=within)

    async def rest(self, seconds: float = 1.0) -> None:
        """Let time pass without audio."""
        await anyio.sleep(seconds)

    @property
    def transcripts(self) -> list[Transcript]:
        """All transcripts."""
        return [event for event in self.events if isinstance(event, Transcript)]

    @property
    def finals(self) -> list[Transcript]:
        """The final transcripts with words."""
        return [each for each in self.transcripts if each.final and each.text.strip()]

    @property
    def heard(self) -> str:
        """All settled words."""
        return " ".join(each.text for each in self.finals)

    def count(self, kind: type) -> int:
        """How many events of this kind came."""
        return sum(isinstance(event, kind) for event in self.events)


@asynccontextmanager
async def calling(
    stt: SpeechToText, kit: SttKit, clock: Clock, fmt: AudioFormat = TELEPHONE
) -> AsyncIterator[Caller]:
    """A call that this component listens to."""
    async with stt.open(fmt) as session, anyio.create_task_group() as tasks:
        call = Caller(kit, session, fmt, clock, in_time=not kit.local)
        tasks.start_soon(call.listen)
        yield call
        tasks.cancel_scope.cancel()
