"""One call's recognition over one socket, which is opened again when it is lost.

Words are settled by whoever is first: the vendor, who is asked to end the turn when the line hears
silence; or we, when there is no answer in time, with the words that came before.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import assert_never

import anyio
import attrs
from anyio.streams.memory import MemoryObjectReceiveStream
from dialog_core import (
    AudioFormat,
    AudioFrame,
    ProviderError,
    ProviderUnavailable,
    Services,
    SettingsError,
)
from dialog_core.bell import Bell
from dialog_core.errors import SettingsProblem, SocketError
from dialog_core.observe.observations import Counted, Trouble
from dialog_core.protocols import SttEvent, WebSocket
from dialog_core.resilience.replay import ReplayBuffer
from dialog_core.resilience.session import Patience, keep_open
from dialog_core.turns.events import EndOfTurn, SpeechStarted, SpeechStopped

from dialog_assemblyai.connection import Connection
from dialog_assemblyai.debt import Debt
from dialog_assemblyai.protocol import (
    FORMATS,
    PROVIDER,
    TERMINATE,
    Begin,
    Failed,
    Message,
    Turn,
    Unknown,
    Warned,
    failure,
    transcript,
    url_for,
)
from dialog_assemblyai.settings import AssemblyAISettings
from dialog_assemblyai.words import Words

__all__ = ["AssemblyAI", "AssemblyAISession"]

EVENTS = 64
"""Results that may wait; when there are more, reading the socket waits."""
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
        audio = ReplayBuffer(fmt)
        words = Words(send, audio)
        session = AssemblyAISession(self.settings, self.services, audio, words, receive)
        async with send, receive, anyio.create_task_group() as tasks:
            tasks.start_soon(session.run)
            yield session
            tasks.cancel_scope.cancel()


@attrs.define
class Quiet:
    """What is to be done because the caller fell silent."""

    fell: bool = False
    """The caller has spoken and fallen silent."""
    ask: bool = False
    """Ask for the end of the turn, once all audio is sent."""
    settle_at: float = math.inf
    """When we settle the words ourselves, on the process's clock."""


@attrs.define(eq=False)
class AssemblyAISession:
    """A call's audio on its way out, and its words on their way in."""

    settings: AssemblyAISettings
    services: Services
    _audio: ReplayBuffer
    _words: Words
    _receive: MemoryObjectReceiveStream[SttEvent]
    _bell: Bell = attrs.field(factory=Bell)
    _debt: Debt = attrs.field(factory=Debt)
    _quiet: Quiet = attrs.field(factory=Quiet)
    _told: set[str] = attrs.field(factory=set)
    """Kinds of messages that surprised us."""
    _failure: ProviderError | None = None

    def feed(self, frame: AudioFrame) -> None:
        """Keep the frame, and wake the sender when there is a message's worth."""
        self._audio.push(frame)
        if self._audio.unsent >= self.settings.send_every:
            self._bell.ring()

    def note(self, event: SpeechStarted | SpeechStopped) -> None:
        """The caller sounds: a result is due. The caller fell silent: the turn may end."""
        if isinstance(event, SpeechStarted):
            self._quiet = Quiet()
            self._debt.started(event.at)
        else:
            due = self.services.clock.monotonic() + self._answer_seconds
            self._quiet = Quiet(fell=True, ask=not self.settings.turns, settle_at=due)
            self._debt.stopped(event.at)
        self._bell.ring()

    async def events(self) -> AsyncIterator[SttEvent]:
        """What is recognised, on the call's clock; raises when the vendor is gone for good."""
        async for event in self._receive:
            yield event
        if self._failure is not None:
            raise self._failure

    async def run(self) -> None:
        """Converse with the vendor until it refuses, or cannot be reached any more."""
        url = url_for(self.settings, self._audio.fmt)
        headers = {"authorization": self.settings.api_key.reveal()}
        with self._words.out:
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
        connection = Connection(self._audio.fmt, socket)
        await self._words.renew()
        self._audio.rewind()
        self._quiet.ask = self._quiet.fell and not self.settings.turns
        if self._audio.start is not None:
            self._debt.renewed(self._audio.start)
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
                await connection.send_frame(frame)
            if self._quiet.ask:
                self._quiet.ask = False
                await connection.end_turn()
            late = self._debt.late(connection.timeline.end)
            if late > self.settings.first_result:
                raise ProviderUnavailable(PROVIDER, f"no result in {late:.1f} s", stage="stt")
            left = self._quiet.settle_at - self.services.clock.monotonic()
            with anyio.move_on_after(left) as waiting:
                await self._bell.wait()
            if waiting.cancelled_caught:
                self._quiet.settle_at = math.inf
                if (settled := await self._words.settle()) is not None:
                    connection.after = settled

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
        await self._words.tell(heard)
        if final and settings.turns:
            await self._words.out.send(EndOfTurn(timeline.end))

    @property
    def _answer_seconds(self) -> float:
        """Silence after which the words of the turn are settled without the vendor."""
        if not self.settings.turns:
            return self.settings.answer
        return (self.settings.max_turn_silence or LONG_TURN_SILENCE) + self.settings.answer

    def _tell_once(self, kind: str, text: str) -> None:
        if kind not in self._told:
            self._told.add(kind)
            self.services.observe(Trouble("", PROVIDER, "unexpected message", f"{kind}: {text}"))
