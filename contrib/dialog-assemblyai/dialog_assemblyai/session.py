"""One call's recognition over one socket, which is opened again when it is lost.

Words are settled by whoever is first: the vendor, who is asked to end the turn when the line hears
silence; or we, when there is no answer in time, with the words that came before.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import assert_never

import anyio
import attrs
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from dialog_core import (
    AudioFormat,
    AudioFrame,
    ProviderError,
    ProviderUnavailable,
    Services,
    SettingsError,
    Transcript,
)
from dialog_core.bell import Bell
from dialog_core.errors import SettingsProblem, SocketClosed, SocketError
from dialog_core.observe.observations import Counted, Trouble
from dialog_core.protocols import SttEvent, WebSocket
from dialog_core.resilience.replay import ReplayBuffer
from dialog_core.resilience.session import Patience, keep_open
from dialog_core.resilience.timeline import Timeline
from dialog_core.turns.events import EndOfTurn, SpeechStarted, SpeechStopped

from dialog_assemblyai.debt import Debt
from dialog_assemblyai.protocol import (
    FORCE_ENDPOINT,
    FORMATS,
    LEAST,
    PROVIDER,
    TERMINATE,
    Begin,
    Failed,
    Message,
    Turn,
    Unknown,
    Warned,
    cut,
    failure,
    heard_before,
    parse,
    transcript,
    url_for,
)
from dialog_assemblyai.settings import AssemblyAISettings

__all__ = ["AssemblyAI", "AssemblyAISession"]

EVENTS = 64
"""Results that may wait; when there are more, reading the socket waits."""
LONGEST_GAP = 1.0
"""Seconds of silence that stand for audio which never came; more would only delay what follows."""
SLACK = 0.001
"""Seconds by which frames may be off and still follow each other."""
GOODBYE_SECONDS = 0.5
LONG_TURN_SILENCE = 3.0
"""Seconds after which every model has ended a turn, unless it is told otherwise."""
KNOWN = frozenset(
    {
        "SpeechStarted",
        "Termination",
        "SpeakerRevision",
        "LLMGatewayResponse",
        "Heartbeat",
        "Silence",
    }
)
"""Kinds of messages that we have no use for."""


@attrs.frozen
class AssemblyAI:
    """The component: made for each call, it opens the call's session."""

    settings: AssemblyAISettings
    services: Services

    @asynccontextmanager
    async def open(self, fmt: AudioFormat) -> AsyncIterator[AssemblyAISession]:
        """Take audio at once; connecting goes on meanwhile. Raises: SettingsError."""
        if fmt not in FORMATS:
            message = f"{PROVIDER} cannot take {fmt.encoding.value} at {fmt.rate} Hz; use another"
            raise SettingsError(SettingsProblem("stt.use", message))
        send, receive = anyio.create_memory_object_stream[SttEvent](EVENTS)
        session = AssemblyAISession(self.settings, self.services, fmt, send, receive)
        async with send, receive, anyio.create_task_group() as tasks:
            tasks.start_soon(session.run)
            yield session
            tasks.cancel_scope.cancel()


@contextmanager
def blaming() -> Iterator[None]:
    """A closed socket is an error by its close code."""
    try:
        yield
    except SocketClosed as error:
        raise failure(error.code, error.reason) from error


@attrs.define(eq=False)
class Connection:
    """What is told and known on one socket."""

    socket: WebSocket
    timeline: Timeline = attrs.field(factory=Timeline)
    rest: bytes = b""
    """Audio too short for a message."""
    after: float = 0.0
    """Call time up to which we settled words ourselves; what the vendor says of them is late."""

    async def send(self, data: str | bytes) -> None:
        """Send a message. Raises: ProviderError by the close code."""
        with blaming():
            await self.socket.send(data)

    async def receive(self) -> Message:
        """The next message. Raises: ProviderError."""
        with blaming():
            return parse(await self.socket.receive())


@attrs.define(eq=False)
class AssemblyAISession:
    """A call's audio on its way out, and its words on their way in."""

    settings: AssemblyAISettings
    services: Services
    fmt: AudioFormat
    _send: MemoryObjectSendStream[SttEvent]
    _receive: MemoryObjectReceiveStream[SttEvent]
    _audio: ReplayBuffer = attrs.field(init=False)
    _bell: Bell = attrs.field(factory=Bell)
    _debt: Debt = attrs.field(factory=Debt)
    _pending: Transcript | None = None
    """The words of the turn that goes on."""
    _silent: bool = False
    """The caller has spoken and fallen silent."""
    _settle_at: float = math.inf
    """When we settle the words ourselves, on the process's clock."""
    _force: bool = False
    """Ask for the end of the turn, once all audio is sent."""
    _told: set[str] = attrs.field(factory=set)
    """Kinds of messages that surprised us."""
    _failure: ProviderError | None = None

    def __attrs_post_init__(self) -> None:
        self._audio = ReplayBuffer(self.fmt)

    def feed(self, frame: AudioFrame) -> None:
        """Keep the frame, and wake the sender when there is a message's worth."""
        self._audio.push(frame)
        if self._audio.unsent >= self.settings.send_every:
            self._bell.ring()

    def note(self, event: SpeechStarted | SpeechStopped) -> None:
        """The caller sounds: a result is due. The caller fell silent: the turn may end."""
        if isinstance(event, SpeechStarted):
            self._silent = False
            self._settle_at = math.inf
            self._debt.started(event.at)
        else:
            self._silent = True
            self._settle_at = self.services.clock.monotonic() + self._answer_seconds
            self._debt.stopped(event.at)
            self._force = not self.settings.turns
            self._bell.ring()

    async def events(self) -> AsyncIterator[SttEvent]:
        """What is recognised, on the call's clock; raises when the vendor is gone for good."""
        async for event in self._receive:
            yield event
        if self._failure is not None:
            raise self._failure

    async def run(self) -> None:
        """Converse with the vendor until it refuses, or cannot be reached any more."""
        url = url_for(self.settings, self.fmt)
        headers = {"authorization": self.settings.api_key.reveal()}
        with self._send:
            try:
                await keep_open(
                    lambda timeout: self.services.connect(url, headers=headers, timeout=timeout),
                    self._converse,
                    services=self.services,
                    provider=PROVIDER,
                    stage="stt",
                    patience=Patience(window=self.settings.patience),
                )
            except ProviderError as error:
                self._failure = error
            finally:
                if frames := self._audio.dropped + self._audio.lost:
                    self.services.observe(Counted("", f"{PROVIDER}: frames nobody heard", frames))

    async def _converse(self, socket: WebSocket) -> None:
        """On one socket: what the last one did not settle is sent again."""
        connection = Connection(socket)
        self._audio.rewind()
        self._force = self._silent and not self.settings.turns
        if self._audio.start is not None:
            self._debt.renewed(self._audio.start)
            await self._keep_words(self._audio.start)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._send_audio, connection)
                while True:
                    await self._take(connection, await connection.receive())
        finally:
            with anyio.move_on_after(GOODBYE_SECONDS, shield=True), suppress(SocketError):
                await socket.send(TERMINATE)

    # --- audio out ---

    async def _send_audio(self, connection: Connection) -> None:
        """Audio in order, a wish for the end of the turn after it, and an eye on what is owed."""
        while True:
            while (frame := self._audio.take()) is not None:
                await self._send_frame(connection, frame)
            if self._force:
                self._force = False
                await self._end_turn(connection)
            late = self._debt.late(connection.timeline.end)
            if late > self.settings.first_result:
                raise ProviderUnavailable(PROVIDER, f"no result in {late:.1f} s", stage="stt")
            with anyio.move_on_after(self._settle_at - self.services.clock.monotonic()) as waiting:
                await self._bell.wait()
            if waiting.cancelled_caught:
                await self._settle_ourselves(connection)

    async def _send_frame(self, connection: Connection, frame: AudioFrame) -> None:
        """Audio without a gap, after silence for the gap before it."""
        timeline, gap = connection.timeline, b""
        if timeline.sent and frame.at - timeline.end > SLACK:
            gap = self.fmt.silence(min(frame.at - timeline.end, LONGEST_GAP))
            timeline.add(timeline.end, self.fmt.seconds(len(gap)))
        timeline.add(frame.at, self.fmt.seconds(len(frame.data)))
        audio = connection.rest + gap + frame.data
        connection.rest = b""
        for message in cut(audio, self.fmt):
            if len(message) < self.fmt.nbytes(LEAST):
                connection.rest = message
            else:
                await connection.send(message)

    async def _end_turn(self, connection: Connection) -> None:
        """Ask for the words, after the rest of the audio and the silence that its message lacks."""
        if rest := connection.rest:
            connection.rest = b""
            missing = LEAST - self.fmt.seconds(len(rest))
            silence = self.fmt.silence(missing)
            timeline = connection.timeline
            timeline.add_silence(self.fmt.seconds(len(silence)), at=timeline.end)
            await connection.send(rest + silence)
        await connection.send(FORCE_ENDPOINT)

    # --- words in ---

    async def _take(self, connection: Connection, message: Message) -> None:
        match message:
            case Turn():
                await self._take_turn(connection, message)
            case Begin():
                self._debt.settled(connection.timeline.end)
            case Failed(error=text, error_code=code):
                raise failure(code, text)
            case Warned(warning=text):
                self._tell_once("Warning", text)
            case Unknown(kind=kind):
                if kind not in KNOWN:
                    self._tell_once(kind, "unknown message")
            case _:
                assert_never(message)

    async def _take_turn(self, connection: Connection, turn: Turn) -> None:
        timeline, settings = connection.timeline, self.settings
        self._debt.settled(timeline.end)
        formatted = turn.turn_is_formatted or not settings.format_turns or settings.chooses_language
        final = turn.end_of_turn and formatted
        heard = transcript(turn, timeline.when, final=final, after=connection.after)
        if heard is None:
            return
        if not final:
            self._pending = heard
            await self._send.send(heard)
            return
        await self._settle(heard)
        if settings.turns:
            await self._send.send(EndOfTurn(timeline.end))

    async def _settle(self, words: Transcript) -> None:
        self._pending = None
        self._audio.settle(words.at)
        await self._send.send(words)

    @property
    def _answer_seconds(self) -> float:
        """Silence after which the words of the turn are settled without the vendor."""
        if not self.settings.turns:
            return self.settings.answer
        return (self.settings.max_turn_silence or LONG_TURN_SILENCE) + self.settings.answer

    async def _settle_ourselves(self, connection: Connection) -> None:
        """The vendor is late: what it said of the turn so far is the turn."""
        self._settle_at = math.inf
        if self._pending is not None:
            connection.after = self._pending.at
            await self._settle(attrs.evolve(self._pending, final=True))

    async def _keep_words(self, start: float) -> None:
        """Settle what the lost session said of audio that is no longer here to be sent again."""
        pending, self._pending = self._pending, None
        if pending is not None and (kept := heard_before(pending, start)) is not None:
            await self._send.send(kept)

    def _tell_once(self, kind: str, text: str) -> None:
        if kind not in self._told:
            self._told.add(kind)
            self.services.observe(Trouble("", PROVIDER, "unexpected message", f"{kind}: {text}"))
