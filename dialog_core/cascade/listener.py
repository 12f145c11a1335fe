"""The caller's audio, to the recogniser and to the voice detector; what they find, to the turn loop."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import attrs
from anyio.abc import TaskGroup, TaskStatus

from dialog_core.audio import AudioFormat, AudioFrame
from dialog_core.call.context import CallContext
from dialog_core.call.echo import CallEcho
from dialog_core.call.guard import closing, guarded
from dialog_core.engine.ears import Ear, Ears
from dialog_core.errors import LocalProtocolError
from dialog_core.messages import Transcript
from dialog_core.protocols import SpeechToText, SttEvent, SttSession
from dialog_core.turns.events import Event, ListenerFailed
from dialog_core.turns.gate import Gate, GateSettings
from dialog_core.turns.words import spoken_until

__all__ = ["CascadeListener"]


def ignore(_event: Event) -> None:
    """Nobody listens yet."""


def by_now(event: SttEvent, now: float) -> SttEvent:
    """The event, its times not in the future: words that a recogniser times wrongly would be waited for."""
    if not isinstance(event, Transcript) or (event.at <= now and spoken_until(event) <= now):
        return event
    started = None if event.started is None else min(event.started, now)
    words = tuple(
        attrs.evolve(word, start=min(word.start, now), end=min(word.end, now))
        for word in event.words
    )
    return attrs.evolve(event, at=min(event.at, now), started=started, words=words)


@attrs.define(eq=False)
class CascadeListener:
    """STT and speech engine side by side. Frames touch neither queue nor task here."""

    context: CallContext
    fmt: AudioFormat
    stt: SpeechToText
    engine: Ears
    gate: GateSettings
    echo: CallEcho | None = None
    """Keeps the agent's own voice out, if it may come back."""
    _slot: Ear | None = None
    _session: SttSession | None = None
    _scope: anyio.CancelScope | None = None
    _tasks: TaskGroup | None = None
    _post: Callable[[Event], None] = attrs.field(default=ignore)
    _keep: Callable[[AudioFrame], None] | None = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._keep = None if self.echo is None else self.echo.keeper()

    def feed(self, frame: AudioFrame) -> None:  # per frame
        """Take a frame; never waits. Before :meth:`run` has started, audio is dropped: nobody listens yet."""
        if self._session is not None and self._slot is not None:
            if self._keep is not None:
                self._keep(frame)
            self._session.feed(frame)
            self._slot.feed(frame)

    async def run(
        self,
        post: Callable[[Event], None],
        *,
        task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
    ) -> None:
        """Post events until cancelled."""
        gate = Gate(self.gate) if self.echo is None else self.echo.gate(Gate(self.gate))

        def heard(probability: float, at: float, seconds: float) -> None:
            event = gate.push(probability, at, seconds)
            if event is not None:
                post(event)
                if self._session is not None:
                    self._session.note(event)

        with self.engine.open(self.fmt, heard) as slot:
            self._slot = slot
            try:
                async with anyio.create_task_group() as tasks:
                    self._tasks, self._post = tasks, post
                    await self.use(self.stt)
                    task_status.started()
            finally:
                self._slot = self._session = self._tasks = None
                self._post = ignore
                if self.echo is not None:
                    self.echo.finish()

    async def use(self, stt: SpeechToText) -> None:
        """Recognise with this provider from now on. Raises what opening it raises; then the present one stays."""
        if self._tasks is None:
            raise LocalProtocolError("the listener does not run")
        await self._tasks.start(self._recognise, stt)

    async def _recognise(self, stt: SpeechToText, *, task_status: TaskStatus[None]) -> None:
        scope = anyio.CancelScope()
        with scope:
            async with stt.open(self.fmt) as session:
                before, self._scope, self._session = self._scope, scope, session
                if before is not None:
                    before.cancel()
                task_status.started()
                await self._forward(session)

    async def _forward(self, session: SttSession) -> None:
        async def forward() -> None:
            async with closing(session.events()) as events:
                async for event in events:
                    told = by_now(event, self.context.now())
                    sifted = told if self.echo is None else self.echo.sift(told)
                    if sifted is not None:
                        self._post(sifted)

        context = self.context
        where = "speech recognition"
        problem = await guarded(forward, call=context.id, where=where, observe=context.observe)
        self._post(ListenerFailed(context.now(), problem or "the recogniser stopped"))
