"""A voice made of several: one speaks, and when it owes audio for too long another is asked for the same words.

Whoever sounds first goes on alone. What a voice has delivered stays delivered, since the line may have played it; the
next one is given only what was not (:mod:`~dialog_core.resilience.failover_spoken`). Sessions are opened when they are
first needed and kept for the call; the first one at once, as it would be alone.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
import attrs
from anyio.abc import TaskGroup, TaskStatus
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from dialog_core.audio import AudioFormat, AudioOut
from dialog_core.call.guard import closing
from dialog_core.messages import SpeakText
from dialog_core.net.groups import ungrouped
from dialog_core.protocols import TextToSpeech, TtsSession, Voice
from dialog_core.resilience.failover import Lease, Roster, late, lone
from dialog_core.resilience.failover_spoken import Account

__all__ = ["FailoverTts"]

STAGE = "tts"
PIECES = 8
"""Pieces of audio that may wait for the line; then the voices are not read."""
AHEAD = 2
"""Segments that a voice may not have taken before `speak` waits."""


@attrs.frozen(eq=False)
class FailoverTts:
    """See :class:`dialog_core.protocols.TextToSpeech`; one object a call."""

    roster: Roster[TextToSpeech]

    @asynccontextmanager
    async def open(self, fmt: AudioFormat) -> AsyncIterator[FailoverTtsSession]:
        """Open the first member's session; never fails because a vendor is away."""
        with ungrouped():
            async with anyio.create_task_group() as tasks:
                session = FailoverTtsSession(self.roster, fmt, tasks)
                await session.prepare()
                try:
                    yield session
                finally:
                    tasks.cancel_scope.cancel()


@attrs.define(eq=False)
class Opening:
    """A member's session, from the first wish for it."""

    settled: anyio.Event = attrs.field(factory=anyio.Event)
    session: TtsSession | None = None
    error: Exception | None = None


@attrs.define(eq=False)
class FailoverTtsSession:
    """One call's synthesis."""

    roster: Roster[TextToSpeech]
    fmt: AudioFormat
    _tasks: TaskGroup
    _openings: dict[int, Opening] = attrs.field(factory=dict)

    async def prepare(self) -> None:
        """Let the member that will be asked first connect."""
        lease = self.roster.lease(await self.roster.board(), set())
        if lease is not None:
            self._begin(lease)
            lease.released()

    async def session(self, lease: Lease[TextToSpeech]) -> TtsSession:
        """A member's session, opened once. Raises: what opening it raised."""
        opening = self._begin(lease)
        await opening.settled.wait()
        if opening.session is None:
            self._openings.pop(lease.number, None)
            raise opening.error or late(lease.name, STAGE, "could not be opened")
        return opening.session

    def _begin(self, lease: Lease[TextToSpeech]) -> Opening:
        opening = self._openings.get(lease.number)
        if opening is None:
            opening = self._openings[lease.number] = Opening()
            self._tasks.start_soon(self._hold, lease.component, opening)
        return opening

    async def _hold(self, tts: TextToSpeech, opening: Opening) -> None:
        try:
            async with tts.open(self.fmt) as opening.session:
                opening.settled.set()
                await anyio.sleep_forever()
        except Exception as error:  # noqa: BLE001 - it is raised where the session is wanted
            opening.error, opening.session = error, None
        finally:
            opening.settled.set()

    @asynccontextmanager
    async def voice(self, reply: int) -> AsyncIterator[FailoverVoice]:
        """A voice for one reply. Leaving the block stops whoever speaks it."""
        send, receive = anyio.create_memory_object_stream[AudioOut](PIECES)
        with ungrouped(), send, receive:
            async with anyio.create_task_group() as tasks:
                voice = FailoverVoice(self, Account(reply, self.fmt), tasks, send, receive)
                try:
                    yield voice
                finally:
                    voice.leave()
                    tasks.cancel_scope.cancel()


@attrs.define(eq=False)
class Speaker:
    """One member's voice for the reply."""

    lease: Lease[TextToSpeech]
    taken: int = 0
    """Segments that it was given, or that were complete before."""
    waits_since: float = math.inf
    """Since when it owes audio."""
    scope: anyio.CancelScope = attrs.field(factory=anyio.CancelScope)
    early: list[AudioOut] = attrs.field(factory=list)
    """Pieces without sound that came before it led."""


@attrs.define(eq=False)
class FailoverVoice:
    """Speaks one reply; see :class:`dialog_core.protocols.Voice`."""

    session: FailoverTtsSession
    account: Account
    _tasks: TaskGroup
    _send: MemoryObjectSendStream[AudioOut]
    _receive: MemoryObjectReceiveStream[AudioOut]
    _leader: Speaker | None = None
    _speakers: list[Speaker] = attrs.field(factory=list)
    _tried: set[int] = attrs.field(factory=set)
    _finishing: bool = False
    _handing: int = 0
    """Pieces that wait for the line."""
    _started: bool = False
    _error: Exception | None = None
    _changed: anyio.Event = attrs.field(factory=anyio.Event)

    # --- the caller's side

    async def speak(self, segment: SpeakText) -> None:
        """See :class:`dialog_core.protocols.Voice`."""
        self.account.add(segment)
        self._begin()
        self._notify()
        await self._until(lambda: self._behind() <= AHEAD)

    async def finish(self) -> None:
        """See :class:`dialog_core.protocols.Voice`."""
        self._finishing = True
        self._begin()
        self._notify()
        if self._error is not None:
            raise self._error

    async def audio(self) -> AsyncIterator[AudioOut]:
        """See :class:`dialog_core.protocols.Voice`."""
        async for piece in self._receive:
            yield piece
        if self._error is not None:
            raise self._error

    def leave(self) -> None:
        """Nobody listens any more: those who speak are not judged."""
        for speaker in self._speakers:
            speaker.lease.released()

    def _begin(self) -> None:
        if not self._started:
            self._started = True
            self._tasks.start_soon(self._conduct)

    def _behind(self) -> int:
        taken = max((speaker.taken for speaker in self._speakers), default=0)
        return len(self.account.segments) - taken

    async def _until(self, true: Callable[[], bool]) -> None:
        """Wait for something. Raises: ProviderError, when every voice has failed."""
        while self._error is None and not true():
            await self._changed.wait()
        if self._error is not None:
            raise self._error

    def _notify(self) -> None:
        changed, self._changed = self._changed, anyio.Event()
        changed.set()

    # --- who speaks

    async def _conduct(self) -> None:
        """Ask one voice after the other until the reply is spoken or nobody is left."""
        with self._send:
            await self._ask_until_over()
        if self._error is None and self._leader is not None:
            self._leader.lease.succeeded()

    async def _ask_until_over(self) -> None:
        while self._error is None and not self._is_over():
            changed = self._changed
            if not self._speakers:
                if not await self._ask_next():
                    return
                continue
            with anyio.move_on_after(self._patience()) as wait:
                await changed.wait()
            if wait.cancelled_caught and not await self._ask_next():
                await self._changed.wait()

    def _is_over(self) -> bool:
        return self._finishing and self.account.is_complete and not self._handing

    def _patience(self) -> float:
        """Seconds until the latest voice asked has owed audio for too long."""
        if len(self._tried) >= len(self.session.roster.chain.members):
            return math.inf
        latest = self._speakers[-1]
        limit = self.session.roster.failover.first_audio
        return max(0.0, latest.waits_since + limit - self.session.roster.now())

    async def _ask_next(self) -> bool:
        roster = self.session.roster
        lease = roster.lease(await roster.board(), self._tried)
        if lease is None:
            return False
        speaker = Speaker(lease)
        self._speakers.append(speaker)
        await self._tasks.start(self._run, speaker)
        return True

    async def _run(self, speaker: Speaker, *, task_status: TaskStatus[None]) -> None:
        with speaker.scope:
            speaker.waits_since = self.session.roster.now()
            task_status.started()
            error: Exception | None = None
            try:
                session = await self.session.session(speaker.lease)
                async with (
                    session.voice(self.account.reply) as voice,
                    anyio.create_task_group() as tasks,
                ):
                    tasks.start_soon(self._hand_over, speaker, voice)
                    async with closing(voice.audio()) as pieces:
                        async for piece in pieces:
                            await self._came(speaker, piece)
                    tasks.cancel_scope.cancel()
            except Exception as failure:  # noqa: BLE001 - it is judged below
                error = failure
            await self._ended(speaker, error)

    async def _hand_over(self, speaker: Speaker, voice: Voice) -> None:
        """Give a voice what is to be spoken, as it comes."""
        while True:
            changed = self._changed
            while (segment := self.account.plan(speaker.taken)) is not None:
                speaker.taken = 1 + next(
                    number
                    for number, told in enumerate(self.account.segments)
                    if told.segment.index == segment.index
                )
                self._set_waiting(speaker)
                self._notify()
                await voice.speak(segment)
            if self._finishing:
                await voice.finish()
                return
            await changed.wait()

    def _set_waiting(self, speaker: Speaker) -> None:
        """Keep since when it owes audio."""
        if not self.account.owed(speaker.taken):
            speaker.waits_since = math.inf
        elif speaker.waits_since == math.inf:
            speaker.waits_since = self.session.roster.now()

    # --- what comes

    async def _came(self, speaker: Speaker, piece: AudioOut) -> None:
        if speaker is not self._leader:
            if not piece.data and len(self._speakers) > 1:
                speaker.early.append(piece)
                return
            await self._lead(speaker)
        elif piece.data:
            self._outdo(speaker)
        speaker.waits_since = math.inf  # it does not owe what the line is not ready to take
        await self._pass_on(piece)
        self._set_waiting(speaker)
        self._notify()

    async def _lead(self, speaker: Speaker) -> None:
        """It sounded first: it goes on alone."""
        self._outdo(speaker)
        self._leader = speaker
        for piece in self.account.change_voice():
            await self._hand_out(piece)
        for piece in speaker.early:
            await self._pass_on(piece)

    def _outdo(self, speaker: Speaker) -> None:
        """The others are not needed, and those asked before it were too slow."""
        place = self._speakers.index(speaker)
        for number, other in enumerate(self._speakers):
            if other is speaker:
                continue
            other.scope.cancel()
            if number < place:
                what = "owed audio when the next voice sounded"
                other.lease.failed(late(other.lease.name, STAGE, what))
            else:
                other.lease.released()
                self._tried.discard(other.lease.number)
        self._speakers = [speaker]

    async def _pass_on(self, piece: AudioOut) -> None:
        told = self.account.take(piece)
        if told is not None:
            await self._hand_out(told)

    async def _hand_out(self, piece: AudioOut) -> None:
        self._handing += 1
        try:
            await self._send.send(piece)
        finally:
            self._handing -= 1

    async def _ended(self, speaker: Speaker, error: Exception | None) -> None:
        if speaker not in self._speakers:
            return
        if error is None and self._is_over():
            self._notify()
            return
        error = error or late(speaker.lease.name, STAGE, "ended before all was spoken")
        self._speakers.remove(speaker)
        speaker.lease.failed(error)
        if not self._speakers:
            roster = self.session.roster
            if speaker is self._leader:
                self._leader = None
                for piece in self.account.change_voice():
                    await self._hand_out(piece)
            left = len(self._tried) < len(roster.chain.members)
            if not self._is_over() and not (left and roster.goes_on(error, spoken=True)):
                self._error = lone(error)
        self._notify()
