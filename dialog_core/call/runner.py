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
from dialog_core.call.context import CallContext, shown, watched
from dialog_core.call.echo import CallEcho
from dialog_core.call.guard import closing, first_error, guarded
from dialog_core.call.held import Held
from dialog_core.call.hindsight import Hindsight
from dialog_core.call.inbox import Inbox
from dialog_core.call.replies import Replies
from dialog_core.call.reply import Playout, ReplyPlan
from dialog_core.call.turn_loop import TurnLoop
from dialog_core.cascade.listener import CascadeListener
from dialog_core.cascade.ready_made import Holding, ReadyMade
from dialog_core.cascade.responder import CascadeResponder
from dialog_core.engine.ears import Ears
from dialog_core.errors import EventOverflow, LineError
from dialog_core.factory import Services
from dialog_core.messages import Utterance
from dialog_core.observe.observations import CallEnded, CallStarted, Counted, Personal, Trouble
from dialog_core.protocols import (
    CarrierTranscript,
    Diarizer,
    DirectLine,
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
from dialog_core.speech.text import TextSettings
from dialog_core.turns import effects as ef
from dialog_core.turns import events as ev
from dialog_core.turns.gate import GateSettings
from dialog_core.turns.records import Record, Said, TurnComplete
from dialog_core.turns.state import TurnPolicy

__all__ = ["CallParts", "CallRun", "run_call", "run_until_over"]

END_SECONDS = 2.0
"""How long the carrier may take at least to end or transfer a call; at most until the silence has lasted too long."""
HANG_UP_AGAIN = 2
"""How often a refused hang-up is tried again."""
HANG_UP_SECONDS = 0.5
"""Between two tries."""
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
    engine: Ears
    gate: GateSettings
    policy: TurnPolicy
    sorry: ReadyMade
    language: str
    services: Services
    build: Callable[[str, str, Mapping[str, Any]], object]
    """Makes a component of a kind by its name and settings, for who swaps one in the middle of a call."""
    diarizer: Diarizer | None = None
    holding: Holding = attrs.field(factory=Holding)
    """What is said in silences that are the agent's."""
    text: TextSettings = attrs.field(factory=TextSettings)
    """What the voice is given for what the agent writes."""
    echo: bool = True
    """Keep the agent's own voice out, where the line returns it."""
    providers: Mapping[str, str] = attrs.field(factory=dict)
    """Names of what does the work, by kind (``stt``, ``llm``, ``tts``); for the log."""


def ignore(_frame: AudioFrame) -> None:
    """The call is over."""


async def run_call(parts: CallParts) -> None:
    """Answer the line and run the call to its end. Never raises: trouble is observed and stays in this call."""
    run = CallRun.of(parts)
    try:
        await run_until_over(run)
    finally:
        run.let_go()


async def run_until_over(run: CallRun) -> None:
    """Run a call that was made ready; see :func:`run_call`."""
    line, observe, outcome = run.parts.line, run.context.observe, run.outcome
    info = line.info
    observe(CallStarted(info.id, 0.0, info.agent, info.voip, Personal(info.caller)))
    reason = "cancelled"
    try:
        reason = "failed" if await contained(run) else outcome.reason
    finally:
        with anyio.move_on_after(FAREWELL_SECONDS, shield=True):
            if not outcome.stopped:
                await guarded(line.hang_up, call=info.id, where=info.voip, observe=observe)
            await run.tell(getattr(run.parts.agent, "closed", None))
        told, known = run.call.metadata.items(), info.metadata
        noted = {key: Personal(value) for key, value in told if known.get(key) != value}
        observe(CallEnded(info.id, run.context.now(), reason, outcome.turns, noted))


async def contained(run: CallRun) -> str | None:
    """Run the call; returns what ended it before its time, None if nothing did. A stuck loop ends only its own call."""
    call, observe = run.context.id, run.context.observe
    problem: str | None = None
    try:
        problem = await guarded(run.whole, call=call, where="call", observe=observe)
    except* EventOverflow as group:
        problem = str(first_error(group))
        observe(Trouble(call, "call", "the call's loop was stuck", problem))
    run.call.over(None, heard=False)
    return problem


@attrs.define
class Outcome:
    """What has come of a call so far."""

    stopped: bool = False
    """The line carries no audio any more."""
    refused: bool = False
    """The carrier would not end the call: nothing is waited for while the caller hears nothing."""
    reason: str = "hangup"
    turns: int = 0


@attrs.define(eq=False)
class CallRun:
    """A call that is running."""

    parts: CallParts
    context: CallContext
    inbox: Inbox
    outcome: Outcome = attrs.field(factory=Outcome)
    replies: Replies = attrs.field(init=False)
    call: Call = attrs.field(init=False)
    _listener: CascadeListener = attrs.field(init=False)
    _hindsight: Hindsight = attrs.field(init=False)
    _held: Held[TtsSession] = attrs.field(init=False)

    @classmethod
    def of(cls, parts: CallParts) -> CallRun:
        """Make a call ready; its time begins now."""
        clock, started = parts.services.clock, parts.services.clock.monotonic()
        observe = shown(parts.line, parts.services.observe)
        now, providers = lambda: clock.monotonic() - started, dict(parts.providers)
        context = CallContext(parts.line.info.id, now, observe, providers)
        return cls(parts, context, Inbox(context.id))

    def __attrs_post_init__(self) -> None:
        parts, line, context, post = self.parts, self.parts.line, self.context, self.inbox.post
        echo = CallEcho.of(line.fmt, context) if parts.echo else None
        self.replies = Replies.on(
            line, context, post=post, make=self._make, on_record=self._on_record, echo=echo
        )
        self.call = Call(
            line.info,
            parts.language,
            watched(parts.llm, context),
            line,
            self.replies,
            post,
            context.now,
            self._swap,
        )
        self._hindsight = Hindsight.of(
            line.fmt, context, parts.policy.endpointer, parts.diarizer, self._label
        )
        self._listener = CascadeListener(
            context, line.fmt, parts.stt, parts.engine, parts.gate, echo
        )

    def let_go(self) -> None:
        """The call is over: refer to nothing that refers to us, so that all of it is freed now."""
        if isinstance(self.parts.line, DirectLine):
            self.parts.line.divert(ignore)
        self.replies.outbox.tell_nobody()
        del self.parts, self.replies, self.call, self._listener, self._hindsight

    # --- the tasks

    async def whole(self) -> None:
        """The call; returns when it is over and the line owes nothing more."""
        send, receive = anyio.create_memory_object_stream[Callable[[], Awaitable[None]]](NOTICES)
        with self.inbox, send, receive:
            async with anyio.create_task_group() as tasks:
                told = anyio.Event()
                tasks.start_soon(self._notify, receive, told)
                tasks.start_soon(self._read, send)
                tasks.start_soon(self._hindsight.run)
                await self._talk()
                with anyio.move_on_after(0 if self.outcome.refused else DEBT_SECONDS):
                    await told.wait()
                await self._hindsight.finish()
                tasks.cancel_scope.cancel()

    async def _talk(self) -> None:
        async with anyio.create_task_group() as tasks:
            held: Held[TtsSession] = Held(tasks)
            self._held = held
            await held.replace(partial(self.parts.tts.open, self.parts.line.fmt))
            await tasks.start(self._listener.run, self.inbox.post)
            tasks.start_soon(self._open)
            policy = self._hindsight.hearing(self.parts.policy)
            await TurnLoop(self.context, self.inbox, policy, self.replies, self._end).run()
            self.call.over(None, heard=False)
            tasks.cancel_scope.cancel()

    async def _open(self) -> None:
        greeting = getattr(self.parts.agent, "greeting", "")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.tell, getattr(self.parts.agent, "opened", None))
            if greeting:
                allowed = "greeting" in self.parts.policy.interruptible
                await self.call.say(greeting, interruptible=allowed)

    async def _read(self, notices: Notices) -> None:
        line, feed = self.parts.line, self._hindsight.fed_by(self._listener.feed)
        if isinstance(line, DirectLine):
            line.divert(feed)
        with notices:
            async with closing(line.events()) as events:
                async for event in events:
                    if type(event) is AudioFrame:  # per frame
                        feed(event)
                    elif type(event) is MarkReturned:
                        self.replies.mark_returned(event.name)
                    else:
                        self._take(event, notices)
        if not self.outcome.stopped:
            self._take(LineStopped("lost"), notices)

    def _take(self, event: LineEvent, notices: Notices) -> None:
        agent, tell = self.parts.agent, self.tell
        match event:
            case LineStopped(reason=reason):
                self.outcome.stopped = True
                if self.outcome.reason == "hangup":
                    self.outcome.reason = reason
                self.inbox.post(ev.HungUp(self.context.now(), reason))
                return
            case ev.Keypress(digit=digit):
                self.inbox.post(event)
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
            self.context.observe(Counted(self.call.id, "notices dropped", 1))

    async def _notify(
        self, receive: MemoryObjectReceiveStream[Callable[[], Awaitable[None]]], told: anyio.Event
    ) -> None:
        async for notice in receive:
            await notice()
        told.set()

    async def tell(self, method: Callable[..., Awaitable[None]] | None, *values: object) -> None:
        """Call one of the agent's optional methods; what it raises is observed and stays here."""
        if method is not None:
            where = type(self.parts.agent).__name__
            tell = method
            await guarded(
                lambda: tell(*values, self.call),
                call=self.call.id,
                where=where,
                observe=self.context.observe,
            )

    # --- what the turn loop asks for

    async def _make(self, plan: ReplyPlan, playout: Playout) -> str | None:
        responder = CascadeResponder(
            self.parts.agent, self.call, self._held, self.parts.sorry, self.replies.watch,
            self.parts.holding, self.parts.text,
        )  # fmt: skip
        return await guarded(
            partial(responder.respond, plan, playout),
            call=self.call.id, where="reply", observe=self.context.observe,
        )  # fmt: skip

    def _on_record(self, record: Record, cause: ef.Cause | None) -> None:
        if isinstance(record, TurnComplete):
            self.outcome.turns += 1
            self._hindsight.label(record.utterance)
        if isinstance(cause, ev.ReplyWanted):
            self.call.over(cause.ticket, heard=isinstance(record, Said))

    def _label(self, before: Utterance, after: Utterance) -> None:
        self.replies.history = self.replies.history.labelled(before, after)

    async def _end(self, effect: ef.EndCall) -> None:
        self.outcome.reason = effect.reason
        problem: str | None = "the carrier did not answer in time"
        silent_until = self.replies.ledger.ends + self.parts.policy.dead_air
        with anyio.move_on_after(max(END_SECONDS, silent_until - self.context.now())) as scope:
            problem = await self._ask_to_end(effect)
            for _ in range(0 if effect.transfer else HANG_UP_AGAIN):
                if problem is None or self.outcome.stopped:
                    break
                await anyio.sleep(HANG_UP_SECONDS)
                problem = await self._ask_to_end(effect)
        if scope.cancelled_caught:
            self._tell_of_end(str(problem))
        if effect.transfer and problem is not None and not self.outcome.stopped:
            self.inbox.post(ev.EndFailed(self.context.now(), problem))
            return
        self.outcome.refused = problem is not None
        self.inbox.post(ev.HungUp(self.context.now(), effect.reason))

    async def _ask_to_end(self, effect: ef.EndCall) -> str | None:
        """Ask the carrier to end or transfer the call; returns why it would not."""
        line = self.parts.line
        try:
            await (line.transfer(effect.transfer) if effect.transfer else line.hang_up())
        except LineError as error:
            self._tell_of_end(str(error))
            return str(error)
        return None

    def _tell_of_end(self, why: str) -> None:
        what = "could not end the call"
        self.context.observe(Trouble(self.call.id, self.parts.line.info.voip, what, why))

    async def _swap(self, kind: str, what: object, settings: Mapping[str, Any]) -> None:
        component: Any = self.parts.build(kind, what, settings) if isinstance(what, str) else what
        self.context.providers[kind] = what if isinstance(what, str) else type(what).__name__
        if kind == "stt":
            await self._listener.use(component)
        else:
            await self._held.replace(partial(component.open, self.parts.line.fmt))


Notices = MemoryObjectSendStream[Callable[[], Awaitable[None]]]
