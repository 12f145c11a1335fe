"""What the tasks and the connections of one session share."""

from __future__ import annotations

from collections.abc import Iterable

import anyio
import attrs
from anyio.streams.memory import MemoryObjectSendStream

from dialog_core.errors import ProviderError
from dialog_core.factory import Services
from dialog_core.observe.observations import Counted
from dialog_core.protocols import SttEvent
from dialog_core.resilience.replay import ReplayBuffer
from dialog_openai.failures import PROVIDER
from dialog_openai.realtime.intake import Intake
from dialog_openai.realtime.items import Items, Span, union
from dialog_openai.realtime.settings import RealtimeSettings

__all__ = ["Life", "Outlet", "Parts", "Pulse", "Speech"]

SHORTEST = 0.06
"""Seconds of voice below which there was no word: it is not worth a commit."""


def already() -> anyio.Event:
    """An event that has happened."""
    event = anyio.Event()
    event.set()
    return event


@attrs.define(eq=False)
class Speech:
    """What the line's voice detector says. Times are the call's."""

    sounding: bool = False
    since: float = 0.0
    """When that speech, or the part of it that is not committed, began."""
    span: Span | None = None
    """Speech that is to be committed."""

    def end(self, at: float) -> bool:
        """Speech has ended, and is to be committed; False if it was too short for a word."""
        if at - self.since < SHORTEST and self.span is None:
            return False
        self.repeat(Span(min(self.since, at), at))
        return True

    def repeat(self, span: Span) -> None:
        """This stretch is to be committed; while the caller speaks, together with what they are saying."""
        if self.sounding:
            self.since = min(self.since, span.started)
        else:
            self.span = union((span, *([] if self.span is None else [self.span])))


@attrs.define(eq=False)
class Life:
    """Whether OpenAI is still there. Times are the loop's."""

    spoken_at: float = 0.0
    """When the caller was last noticed to speak."""
    heard_at: float = 0.0
    """When OpenAI last sent anything."""
    owed_since: float | None = None
    """Since when it owes us an answer."""
    connected: bool = False
    """There is a connection, as far as we know."""
    doubted: bool = False
    """It should have noticed the caller by now: ask it for a sign of life."""


@attrs.define(eq=False)
class Pulse:
    """What the tasks of one session tell each other."""

    wake: anyio.Event = attrs.field(factory=anyio.Event)
    """The sender has something to do."""
    fed: int = 0
    """Bytes taken from the line since the sender was last woken for them."""
    speech: Speech = attrs.field(factory=Speech)
    life: Life = attrs.field(factory=Life)
    asked: anyio.Event = attrs.field(factory=anyio.Event)
    """The caller fell silent while words were under way."""
    answered: anyio.Event = attrs.field(factory=already)
    """Nothing is under way any more, or the caller went on."""
    error: ProviderError | None = None
    """Why the session gave up."""


@attrs.frozen(eq=False)
class Outlet:
    """Hands events to whoever listens."""

    stream: MemoryObjectSendStream[SttEvent]
    _turn: anyio.Lock = attrs.field(factory=anyio.Lock)
    """Keeps two tasks' events in order when the listener is behind."""

    async def post(self, events: Iterable[SttEvent]) -> None:
        """Hand over events in order; waits while the listener is behind."""
        async with self._turn:
            for event in events:
                await self.stream.send(event)


@attrs.frozen(eq=False)
class Parts:
    """What the connections of one session share, and the session with them."""

    settings: RealtimeSettings
    services: Services
    buffer: ReplayBuffer
    intake: Intake
    items: Items
    outlet: Outlet
    pulse: Pulse = attrs.field(factory=Pulse)
    unknown: set[str] = attrs.field(factory=set)
    """Kinds of messages that were reported as unknown."""

    def report_dropped(self) -> None:
        """Tell of audio that was given up."""
        buffer, observe = self.buffer, self.services.observe
        counts = {"frames dropped": buffer.dropped, "frames not repeated": buffer.lost}
        for what, amount in counts.items():
            if amount:
                observe(Counted("", f"{PROVIDER} {what}", amount))
        buffer.dropped = buffer.lost = 0
