"""One call from its first frame to its last callback: the task group and its members.

::

    call
     |- read      line -> listener, turn loop, agent; ends when the line owes nothing more
     |- notices   keypresses, recordings, transcripts -> agent, one after the other
     '- talk      ends when the call is over
         |- listener   provider sockets, speech engine -> events
         |- TTS        the session, replaced on wish
         '- turn loop  events, timers -> effects; replies; outbox
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import anyio
import attrs
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from dialog_core.agent.agent import Agent
from dialog_core.agent.call import Call
from dialog_core.audio import AudioFrame
from dialog_core.call.guard import guarded
from dialog_core.call.held import Held
from dialog_core.call.reply import Playout, ReplyPlan
from dialog_core.call.turn_loop import TurnLoop
from dialog_core.cascade.listener import CascadeListener
from dialog_core.cascade.ready_made import ReadyMade
from dialog_core.cascade.responder import CascadeResponder
from dialog_core.engine.speech import SpeechEngine
from dialog_core.errors import LineError
from dialog_core.factory import Services
from dialog_core.observe.observations import CallEnded, CallStarted, Counted, Personal, Trouble
from dialog_core.protocols import (
    CarrierTranscript,
    LanguageModel,
    Line,
    LineEvent,
    LineStopped,
    MarkReturned,
    Recording,
    SpeechToText,
    TextToSpeech,
    TtsSession,
)
from dialog_core.turns import effects as ef
from dialog_core.turns import events as ev
from dialog_core.turns.gate import GateSettings
from dialog_core.turns.records import Record, Said, TurnComplete
from dialog_core.turns.state import TurnPolicy

__all__ = ["CallParts", "CallRun", "run_call", "run_until_over"]

END_SECONDS = 15.0
"""How long the carrier may take to end or transfer a call."""
DEBT_SECONDS = 120.0
"""How long a line that stopped may owe recordings; the plugin's own bound is usually shorter."""
FAREWELL_SECONDS = 5.0
"""How long an agent may take to put its things away."""
NOTICES = 64
"""Notices that may wait for the agent; more are dropped and counted."""


@attrs.frozen
class CallParts:
    """All that a call is made of; built fresh for each."""

    line: Line
    agent: Agent
    stt: SpeechToText
    tts: TextToSpeech
    llm: LanguageModel | None
    engine: SpeechEngine
    gate: GateSettings
    policy: TurnPolicy
    sorry: ReadyMade
    language: str
    services: Services
    build: Callable[[str, str, Mapping[str, Any]], object]
    """Makes a component of a kind by its name and settings, for who swaps one in the middle of a call."""


async def run_call(parts: CallParts) -> None:
    """Answer the line and run the call to its end. Never raises: trouble is observed and stays in this call."""
    await run_until_over(CallRun(parts, started=parts.services.clock.monotonic()))


async def run_until_over(run: CallRun) -> None:
    """Run a call that was made ready; see :func:`run_call`."""
    parts, info, observe = run.parts, run.parts.line.info, run.parts.services.observe
    observe(CallStarted(info.id, 0.0, info.agent, info.voip, Personal(info.caller)))
    problem = await guarded(run.whole, call=info.id, where="call", observe=observe)
    with anyio.move_on_after(FAREWELL_SECONDS, shield=True):
        if not run.stopped:
            await guarded(parts.line.hang_up, call=info.id, where=info.voip, observe=observe)
        await run.tell(getattr(parts.agent, "closed", None))
    reason = "failed" if problem is not None else run.reason
    told, known = run.call.metadata.items(), info.metadata
    noted = {key: Personal(value) for key, value in told if known.get(key) != value}
    observe(CallEnded(info.id, run.now(), reason, run.turns, noted))


@attrs.define(eq=False)
class CallRun:
    """A call that is running."""

    parts: CallParts
    started: float
    """On the loop's clock."""
    stopped: bool = False
    """The line carries no audio any more."""
    reason: str = "hangup"
    turns: int = 0
    loop: TurnLoop = attrs.field(init=False)
    call: Call = attrs.field(init=False)
    _listener: CascadeListener = attrs.field(init=False)
    _held: Held[TtsSession] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        parts, line = self.parts, self.parts.line
        observe = parts.services.observe
        self.loop = TurnLoop(
            line.info.id,
            line,
            self._make,
            parts.policy,
            self.now,
            observe,
            self._on_record,
            self._end,
        )
        self.call = Call(
            line.info, parts.language, parts.llm, line, self.loop, self.now, self._swap
        )
        self._listener = CascadeListener(
            line.info.id, line.fmt, parts.stt, parts.engine, parts.gate, self.now, observe
        )

    def now(self) -> float:
        """Seconds since the call began."""
        return self.parts.services.clock.monotonic() - self.started

    # --- the tasks

    async def whole(self) -> None:
        """The call; returns when it is over and the line owes nothing more."""
        send, receive = anyio.create_memory_object_stream[Callable[[], Awaitable[None]]](NOTICES)
        async with anyio.create_task_group() as tasks:
            read = anyio.Event()
            tasks.start_soon(self._notify, receive)
            tasks.start_soon(self._read, send, read)
            await self._talk()
            with anyio.move_on_after(DEBT_SECONDS):
                await read.wait()
            tasks.cancel_scope.cancel()

    async def _talk(self) -> None:
        async with anyio.create_task_group() as tasks:
            held: Held[TtsSession] = Held(tasks)
            self._held = held
            await held.replace(partial(self.parts.tts.open, self.parts.line.fmt))
            await tasks.start(self._listener.run, self.loop.post)
            tasks.start_soon(self._open)
            await self.loop.run()
            self.call.over(None, heard=False)
            tasks.cancel_scope.cancel()

    async def _open(self) -> None:
        greeting = getattr(self.parts.agent, "greeting", "")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.tell, getattr(self.parts.agent, "opened", None))
            if greeting:
                await self.call.say(greeting)

    async def _read(self, notices: Notices, over: anyio.Event) -> None:
        feed = self._listener.feed
        with notices:
            async for event in self.parts.line.events():
                if type(event) is AudioFrame:  # per frame
                    feed(event)
                elif type(event) is MarkReturned:
                    self.loop.mark_returned(event.name)
                else:
                    self._take(event, notices)
        if not self.stopped:
            self._take(LineStopped("lost"), notices)
        over.set()

    def _take(self, event: LineEvent, notices: Notices) -> None:
        agent, tell = self.parts.agent, self.tell
        match event:
            case LineStopped(reason=reason):
                self.stopped = True
                if self.reason == "hangup":
                    self.reason = reason
                self.loop.post(ev.HungUp(self.now(), reason))
                return
            case ev.Keypress(digit=digit):
                self.loop.post(event)
                notice = partial(tell, getattr(agent, "keypress", None), digit)
            case Recording():
                self.call.recorded(event)
                notice = partial(tell, getattr(agent, "recording", None), event)
            case CarrierTranscript():
                notice = partial(tell, getattr(agent, "carrier_transcript", None), event)
            case _:
                return
        try:
            notices.send_nowait(notice)
        except anyio.WouldBlock:
            self.parts.services.observe(Counted(self.call.id, "notices dropped", 1))

    async def _notify(
        self, receive: MemoryObjectReceiveStream[Callable[[], Awaitable[None]]]
    ) -> None:
        with receive:
            async for notice in receive:
                await notice()

    async def tell(self, method: Callable[..., Awaitable[None]] | None, *values: object) -> None:
        """Call one of the agent's optional methods; what it raises is observed and stays here."""
        if method is not None:
            where = type(self.parts.agent).__name__
            act = partial(method, *values, self.call)
            await guarded(act, call=self.call.id, where=where, observe=self.parts.services.observe)

    # --- what the turn loop asks for

    async def _make(self, plan: ReplyPlan, playout: Playout) -> str | None:
        responder = CascadeResponder(
            self.parts.agent, self.call, self._held, self.parts.sorry, self.loop.watch
        )
        return await guarded(
            partial(responder.respond, plan, playout),
            call=self.call.id, where="reply", observe=self.parts.services.observe,
        )  # fmt: skip

    def _on_record(self, record: Record, cause: ef.Cause | None) -> None:
        if isinstance(record, TurnComplete):
            self.turns += 1
        if isinstance(cause, ev.ReplyWanted):
            self.call.over(cause.ticket, heard=isinstance(record, Said))

    async def _end(self, effect: ef.EndCall) -> None:
        self.reason = effect.reason
        line, observe = self.parts.line, self.parts.services.observe
        try:
            with anyio.fail_after(END_SECONDS):
                await (line.transfer(effect.transfer) if effect.transfer else line.hang_up())
        except (LineError, TimeoutError) as error:
            observe(Trouble(self.call.id, line.info.voip, "could not end the call", str(error)))
            if effect.transfer and not self.stopped:
                self.loop.post(ev.EndFailed(self.now(), str(error)))
                return
        self.loop.post(ev.HungUp(self.now(), effect.reason))

    async def _swap(self, kind: str, what: object, settings: Mapping[str, Any]) -> None:
        component: Any = self.parts.build(kind, what, settings) if isinstance(what, str) else what
        if kind == "stt":
            await self._listener.use(component)
        else:
            await self._held.replace(partial(component.open, self.parts.line.fmt))


Notices = MemoryObjectSendStream[Callable[[], Awaitable[None]]]
