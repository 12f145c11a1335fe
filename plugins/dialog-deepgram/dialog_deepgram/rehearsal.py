"""A call as a test makes it: words in, at the pace of a line, and events out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import attrs

from dialog_core.audio import TELEPHONE
from dialog_core.factory import Services
from dialog_core.fields import Secret
from dialog_core.messages import Transcript
from dialog_core.observe.observations import Counted, Observation
from dialog_core.protocols import SttEvent, SttSession
from dialog_core.testing.vendor import in_memory
from dialog_core.turns.events import SpeechStarted, SpeechStopped
from dialog_deepgram.session import Deepgram
from dialog_deepgram.settings import DeepgramSettings
from dialog_deepgram.testing import KEY, FakeDeepgram, play, spoken

__all__ = ["FLUX", "VOCABULARY", "Call", "calling", "final", "pass_time"]

TEXT = "I want to cancel my old order and then buy a new red bicycle please"
VOCABULARY = tuple(TEXT.split())
FLUX = "flux-general-en"


@attrs.define
class Call:
    """One call, and what was heard of it."""

    session: SttSession
    services: Services
    observed: list[Observation]
    source: AsyncIterator[SttEvent]
    at: float = 0.0
    events: list[SttEvent] = attrs.field(factory=list)

    async def say(self, text: str, *, word: float = 0.2, silence: float = 0.1) -> None:
        """Say words, with the line's voice detector."""
        self.session.note(SpeechStarted(self.at))
        await self._play(text, word, 0.0)
        self.session.note(SpeechStopped(self.at - 0.1))
        await self.hush(silence)

    async def murmur(self, text: str, *, silence: float = 0.0) -> None:
        """Say words that the line's voice detector does not notice."""
        await self._play(text, 0.2, silence)

    async def hush(self, seconds: float) -> None:
        """Be silent."""
        await self._play("", 0.2, seconds)

    async def _play(self, text: str, word: float, silence: float) -> None:
        frames = list(spoken(text, VOCABULARY, at=self.at, word=word, silence=silence))
        await play(self.session, frames)
        if frames:
            self.at = frames[-1].at + TELEPHONE.seconds(len(frames[-1].data))

    async def until(self, wanted: Callable[[SttEvent], bool], *, within: float = 30) -> SttEvent:
        """Take events up to the wanted one."""
        with anyio.fail_after(within):
            async for event in self.source:
                self.events.append(event)
                if wanted(event):
                    return event
        raise AssertionError("the events ended")

    async def rest(self, seconds: float = 1.0) -> list[SttEvent]:
        """Take all events that come within some seconds; returns all of the call's so far."""
        with anyio.move_on_after(seconds):
            async for event in self.source:
                self.events.append(event)
        return self.events

    @property
    def finals(self) -> list[Transcript]:
        """The final transcripts with words."""
        return [each for each in self.transcripts if each.final and each.text]

    @property
    def transcripts(self) -> list[Transcript]:
        """All transcripts."""
        return [event for event in self.events if isinstance(event, Transcript)]

    @property
    def said(self) -> str:
        """All settled words."""
        return " ".join(each.text for each in self.finals)

    def counted(self, what: str) -> int:
        """The sum of a counter."""
        counts = [each for each in self.observed if isinstance(each, Counted) and each.what == what]
        return sum(each.amount for each in counts)


@asynccontextmanager
async def calling(fake: FakeDeepgram, **options: Any) -> AsyncIterator[Call]:
    """A call over a fake Deepgram."""
    observed: list[Observation] = []
    settings = DeepgramSettings(**{"api_key": Secret(KEY), **options})
    async with (
        in_memory(fake.app, observe=observed.append) as services,
        Deepgram(settings, services).open(TELEPHONE) as session,
    ):
        yield Call(session, services, observed, session.events())


def final(event: SttEvent) -> bool:
    """Settled words."""
    return isinstance(event, Transcript) and event.final and bool(event.text)


async def pass_time(seconds: float) -> None:
    """Let the virtual clock run without any audio."""
    with anyio.move_on_after(seconds):
        await anyio.Event().wait()
