"""A recogniser made of several: one is live, and another listens in its shadow while there is a reason for it.

Every frame and note goes to whoever runs; only the live one's events are passed on. A reason is silence where words are
owed (:mod:`~dialog_core.resilience.failover_watch`), or settled words that end before the speech does: those are held
back, since another recogniser may know the whole sentence. The shadow takes over when it knows more than the live one,
or when the live one fails; it is let go when the live one has answered.

Who joins late is given what was said before: the audio of all words that are not settled, faster than it was spoken but
not so fast that a recogniser which is still connecting would have to drop it.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import attrs
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from dialog_core.audio import AudioFormat, AudioFrame
from dialog_core.call.guard import closing
from dialog_core.messages import Transcript
from dialog_core.net.groups import ungrouped
from dialog_core.protocols import SpeechToText, SttEvent, SttSession
from dialog_core.resilience.failover import Lease, Roster, late, lone
from dialog_core.resilience.failover_watch import Heard, Recent, Watch
from dialog_core.turns.events import SpeechStarted, SpeechStopped

__all__ = ["FailoverStt"]

STAGE = "stt"
EVENTS = 64
"""Events that may wait to be taken; then the recognisers are not read."""
BACKLOG = 3000
"""Frames that may wait for one that takes over; a minute of them, then the oldest go."""
AT_ONCE = 1.5
"""Seconds of audio that one who takes over is given at once; every recogniser keeps 2 s while it connects."""
HASTE = 4.0
"""Times faster than it was spoken that it is given the rest."""
SHADOW_SECONDS = 2.5
"""How long after the noticed end of speech a shadow may still find words in it."""
OVERLAP = 1.0
"""Seconds of audio given to one who takes over while nothing is owed."""


@attrs.frozen(eq=False)
class FailoverStt:
    """See :class:`dialog_core.protocols.SpeechToText`; one object a call."""

    roster: Roster[SpeechToText]

    @asynccontextmanager
    async def open(self, fmt: AudioFormat) -> AsyncIterator[FailoverSession]:
        """Take audio at once; the first recogniser is opened meanwhile, the others when they are needed."""
        send, receive = anyio.create_memory_object_stream[SttEvent](EVENTS)
        tell, told = anyio.create_memory_object_stream[News](EVENTS)
        recent = Recent(fmt, self.roster.failover.replay)
        with ungrouped(), send, receive, tell, told:
            async with anyio.create_task_group() as tasks:
                session = FailoverSession(
                    self.roster, fmt, recent, Watch(self.roster.failover), tasks, receive, tell
                )
                tasks.start_soon(session.run, send, told)
                try:
                    yield session
                finally:
                    tasks.cancel_scope.cancel()


@attrs.define(eq=False)
class Runner:
    """One recogniser at work."""

    lease: Lease[SpeechToText]
    backlog: deque[Heard]
    """What it is still to be given, oldest first."""
    scope: anyio.CancelScope = attrs.field(factory=anyio.CancelScope)
    session: SttSession | None = None
    caught_up: bool = False
    found: list[SttEvent] = attrs.field(factory=list)
    """A shadow's events, for when it takes over."""
    opened: float = 0.0

    def give(self, item: Heard) -> None:  # per frame
        """Hand over a frame or a note; never waits."""
        if self.caught_up and self.session is not None:
            self.pass_on(item)
        else:
            self.backlog.append(item)

    def pass_on(self, item: Heard) -> None:  # per frame
        """Straight to the session."""
        if self.session is None:
            return
        if type(item) is AudioFrame:
            self.session.feed(item)
        elif isinstance(item, SpeechStarted | SpeechStopped):
            self.session.note(item)

    @property
    def words(self) -> int:
        """How many words it has found, settled ones and the latest interim."""
        transcripts = [event for event in self.found if isinstance(event, Transcript)]
        settled = sum(len(each.text.split()) for each in transcripts if each.final)
        interim = transcripts[-1] if transcripts and not transcripts[-1].final else None
        return settled + (len(interim.text.split()) if interim else 0)

    @property
    def has_settled(self) -> bool:
        """Whether it has found words for good."""
        return any(isinstance(each, Transcript) and each.final and each.text for each in self.found)


@attrs.frozen
class End:
    """A recogniser has stopped."""

    error: Exception


News = tuple[Runner | None, SttEvent | End | None]
"""Who tells what; nobody and nothing when only the deadlines have changed."""


@attrs.define(eq=False)
class FailoverSession:
    """One call's recognition; see :class:`dialog_core.protocols.SttSession`."""

    roster: Roster[SpeechToText]
    fmt: AudioFormat
    recent: Recent
    watch: Watch
    _tasks: TaskGroup
    _receive: MemoryObjectReceiveStream[SttEvent]
    _tell: MemoryObjectSendStream[News]
    _live: Runner | None = None
    _shadow: Runner | None = None
    _held: list[SttEvent] = attrs.field(factory=list)
    """The live one's events behind settled words that leave something out."""
    _tried: set[int] = attrs.field(factory=set)
    _error: Exception | None = None

    # --- the audio lane

    def feed(self, frame: AudioFrame) -> None:  # per frame
        self.recent.push(frame)
        if self._live is not None:
            self._live.give(frame)
        if self._shadow is not None:
            self._shadow.give(frame)

    def note(self, event: SpeechStarted | SpeechStopped) -> None:
        self.recent.push(event)
        self.watch.note(event, self.roster.now())
        for runner in (self._live, self._shadow):
            if runner is not None:
                runner.give(event)
        try:
            self._tell.send_nowait((None, None))
        except anyio.WouldBlock:
            return  # the loop wakes up anyway

    async def events(self) -> AsyncIterator[SttEvent]:
        async for event in self._receive:
            yield event
        if self._error is not None:
            raise self._error

    # --- the loop

    async def run(
        self, send: MemoryObjectSendStream[SttEvent], told: MemoryObjectReceiveStream[News]
    ) -> None:
        """Recognise until cancelled, or until every recogniser has failed."""
        with send:
            try:
                self._live = await self._open()
                while self._error is None:
                    for event in await self._next(told):
                        await send.send(event)
            finally:
                for runner in (self._live, self._shadow):
                    if runner is not None:
                        runner.scope.cancel()
                        runner.lease.released()

    async def _next(self, told: MemoryObjectReceiveStream[News]) -> list[SttEvent]:
        """Wait for news or a deadline; returns what is to be passed on."""
        wait = max(0.0, self._deadline() - self.roster.now())
        with anyio.move_on_after(wait):
            runner, news = await told.receive()
            if runner is None or news is None or runner not in (self._live, self._shadow):
                return []
            if isinstance(news, End):
                return await self._ended(runner, news.error)
            if runner is self._live:
                return await self._heard(news)
            return self._whispered(runner, news)
        return await self._overdue()

    def _deadline(self) -> float:
        if self._shadow is not None:
            since = max(self._shadow.opened, self.watch.noticed)
            return math.inf if self.watch.sounding else since + SHADOW_SECONDS
        return self.watch.due() if self._remain() else math.inf

    def _remain(self) -> bool:
        return len(self._tried) < len(self.roster.chain.members)

    # --- who runs

    async def _open(self) -> Runner | None:
        """Start the next recogniser, if there is one, with the audio whose words are owed."""
        lease = self.roster.lease(await self.roster.board(), self._tried)
        if lease is None:
            return None
        owed = self.watch.owed_from()
        start = self.recent.end - OVERLAP if owed is None else owed
        past = self.recent.since(start, sounding=self.watch.sounding)
        runner = Runner(lease, deque(past, BACKLOG), opened=self.roster.now())
        self._tasks.start_soon(self._run, runner)
        return runner

    async def _run(self, runner: Runner) -> None:
        with runner.scope:
            error: Exception = late(runner.lease.name, STAGE, "stopped")
            try:
                async with runner.lease.component.open(self.fmt) as session:
                    runner.session = session
                    async with anyio.create_task_group() as tasks:
                        tasks.start_soon(self._catch_up, runner)
                        async with closing(session.events()) as events:
                            async for event in events:
                                await self._tell.send((runner, event))
                        tasks.cancel_scope.cancel()
            except Exception as failure:  # noqa: BLE001 - it is judged in the loop
                error = failure
            await self._tell.send((runner, End(error)))

    async def _catch_up(self, runner: Runner) -> None:
        """Give it what was said before, in a hurry."""
        ahead = 0.0
        while runner.backlog:
            item = runner.backlog.popleft()
            runner.pass_on(item)
            if type(item) is AudioFrame:
                ahead += self.fmt.seconds(len(item.data))
            if ahead > AT_ONCE:
                wait = self.fmt.seconds(len(item.data)) if type(item) is AudioFrame else 0.0
                await anyio.sleep(wait / HASTE)
        runner.caught_up = True

    def _take_over(self, why: str) -> list[SttEvent]:
        """The shadow is live from now on; what it has found is passed on."""
        shadow, live = self._shadow, self._live
        assert shadow is not None
        if live is not None:
            live.scope.cancel()
            live.lease.failed(late(live.lease.name, STAGE, why))
        self._live, self._shadow, self._held = shadow, None, []
        self.watch.replaced()
        return [event for found in shadow.found for event in self._passed(found)]

    def _let_go(self) -> None:
        if self._shadow is not None:
            self._shadow.scope.cancel()
            self._shadow.lease.released()
            self._tried.discard(self._shadow.lease.number)
            self._shadow = None

    # --- what happens

    async def _heard(self, event: SttEvent) -> list[SttEvent]:
        """The live one has news."""
        if self._held or (isinstance(event, Transcript) and self.watch.lacks(event)):
            whole = isinstance(event, Transcript) and event.final and not self.watch.lacks(event)
            self._held.append(event)
            if not whole and (self._shadow is not None or await self._cast_shadow()):
                return []
            return self._release()
        passed = self._passed(event)
        shadow = self._shadow
        if shadow is not None and isinstance(event, Transcript) and event.text:
            answered = event.final or len(event.text.split()) >= shadow.words
            if answered:
                self._let_go()
        return passed

    def _release(self) -> list[SttEvent]:
        """Nothing better came: pass on what was held back."""
        held, self._held = self._held, []
        self._let_go()
        return [event for each in held for event in self._passed(each)]

    def _passed(self, event: SttEvent) -> list[SttEvent]:
        """An event of the live one, on its way."""
        if isinstance(event, Transcript):
            self.watch.heard(event, self.roster.now())
            if event.final:
                self.recent.settle(event.at)
                if event.text and self._live is not None:
                    self._live.lease.succeeded()
        return [event]

    def _whispered(self, shadow: Runner, event: SttEvent) -> list[SttEvent]:
        """The shadow has news: it takes over if it knows more."""
        if shadow.found and is_interim(shadow.found[-1]) and isinstance(event, Transcript):
            shadow.found.pop()
        shadow.found.append(event)
        held = sum(len(e.text.split()) for e in self._held if isinstance(e, Transcript))
        if self.watch.sounding:
            knows_more = self.watch.talkative and shadow.words > self.watch.words
        else:
            knows_more = shadow.has_settled or shadow.words > max(self.watch.words, held)
        return self._take_over("owes words that the next one heard") if knows_more else []

    async def _cast_shadow(self) -> bool:
        self._shadow = await self._open()
        return self._shadow is not None

    async def _overdue(self) -> list[SttEvent]:
        if self._shadow is None:
            await self._cast_shadow()
            return []
        self.watch.cleared()
        return self._release()

    async def _ended(self, runner: Runner, error: Exception) -> list[SttEvent]:
        """A recogniser has failed."""
        runner.lease.failed(error)
        if runner is self._shadow:
            self._shadow = None
            return [] if await self._cast_shadow() else self._release()
        self._live = None
        held = [] if self._shadow is not None else self._release()
        if not self.roster.goes_on(error):
            self._error = lone(error)
            return held
        if self._shadow is not None:
            return self._take_over("")
        self._live = await self._open()
        if self._live is None:
            self._error = lone(error)
        else:
            self.watch.replaced()
        return held


def is_interim(event: SttEvent) -> bool:
    """Whether the next transcript replaces it."""
    return isinstance(event, Transcript) and not event.final
