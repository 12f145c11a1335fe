"""Events and timers in, effects carried out: the only driver of a call's turn machine.

Timers are a dictionary and one deadline, not a task each. The loop owns the machine's state, the ledger, the history
and the scopes of live replies; everything else of a call talks to it by posting events.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Coroutine

import anyio
import attrs
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from dialog_core.call.fade import fade_out
from dialog_core.call.outbox import Outbox, read_mark
from dialog_core.call.reply import Playout, ReplyPlan, ReplyTimes, Watched
from dialog_core.errors import EventOverflow, LineError
from dialog_core.messages import Utterance
from dialog_core.observe.observations import Observation, ReplyTimed, StepTaken
from dialog_core.protocols import Line
from dialog_core.speech.history import History
from dialog_core.speech.ledger import Ledger, Piece
from dialog_core.turns import effects as ef
from dialog_core.turns import events as ev
from dialog_core.turns.events import Event, Timer
from dialog_core.turns.machine import step
from dialog_core.turns.policy import Wait
from dialog_core.turns.records import BargeIn, BrokenOff, Record, Said, TakenBack, TurnComplete
from dialog_core.turns.state import Phase, TurnPolicy, TurnState

__all__ = ["Live", "TurnLoop"]

EVENT_LIMIT = 256
"""Events that may wait. More is a bug, and ends the call."""
ASK_SECONDS = 2.0
"""How long an endpointer may think before its answer would come too late anyway."""


@attrs.define
class Live:
    """A reply that has not ended."""

    playout: Playout
    scope: anyio.CancelScope
    cause: ef.Cause
    made: bool = False
    """The responder has put all of it into the playout."""


@attrs.define(eq=False)
class TurnLoop:
    """One call's loop."""

    call: str
    line: Line
    make: Callable[[ReplyPlan, Playout], Awaitable[str | None]]
    """Makes a reply; returns what went wrong, None if nothing did. Cancelling it stops the reply everywhere."""
    policy: TurnPolicy
    now: Callable[[], float]
    observe: Callable[[Observation], None]
    on_record: Callable[[Record, ef.Cause | None], None]
    """Told each record, with the cause of the reply it ends, after the history has it."""
    end: Callable[[ef.EndCall], Coroutine[object, object, None]]
    """Ends the call at the carrier; posts `HungUp`, or `EndFailed` if it could not."""
    state: TurnState = attrs.field(factory=TurnState)
    history: History = attrs.field(factory=History)
    ledger: Ledger = attrs.field(init=False)
    outbox: Outbox = attrs.field(init=False)
    _live: dict[int, Live] = attrs.field(factory=dict)
    _watched: dict[tuple[int, int], Watched] = attrs.field(factory=dict)
    _timers: dict[Timer, float] = attrs.field(factory=dict)
    _send: MemoryObjectSendStream[Event] = attrs.field(init=False)
    _receive: MemoryObjectReceiveStream[Event] = attrs.field(init=False)
    _asking: anyio.CancelScope = attrs.field(factory=anyio.CancelScope)

    def __attrs_post_init__(self) -> None:
        self.ledger = Ledger(self.line.fmt)
        self.outbox = Outbox(self.line, self.ledger, self.now, self._sent)
        self._send, self._receive = anyio.create_memory_object_stream[Event](EVENT_LIMIT)

    # --- in

    def post(self, event: Event) -> None:
        """Hand an event to the loop; never waits. Raises: EventOverflow."""
        try:
            self._send.send_nowait(event)
        except anyio.WouldBlock:
            raise EventOverflow(
                f"call {self.call!r}: {EVENT_LIMIT} events wait; its loop is stuck"
            ) from None
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            return  # the call is over; what comes now is late

    def mark_returned(self, name: str) -> None:
        """The line played up to a mark."""
        key = read_mark(name)
        if key is not None:
            self._reached(key)

    def _reached(self, key: tuple[int, int]) -> None:
        now = self.now()
        for segment in self.ledger.reached(key, now):
            self.post(ev.MarkReached(now, segment.reply, segment.text))
            if segment.protected:
                self.post(ev.Shielded(now, segment.reply, on=self._is_shielded(segment.reply)))
            watched = self._watched.pop((segment.reply, segment.index), None)
            if watched is not None:
                watched.heard = True
                watched.over.set()
        self._check_played(key[0])

    def _is_shielded(self, reply: int) -> bool:
        entries = self.ledger.entries.items()
        return any(
            key[0] == reply and entry.segment.protected and not entry.heard
            for key, entry in entries
        )

    def _check_played(self, reply: int) -> None:
        live = self._live.get(reply)
        if live is not None and live.made and self.ledger.is_played(reply):
            self.post(ev.ReplyPlayed(self.now(), reply))

    def _sent(self, piece: Piece) -> None:
        live = self._live.get(piece.key[0])
        if live is not None and live.playout.times.audible is None:
            live.playout.times.audible = self.now()
            self.post(ev.ReplyAudible(self.now(), piece.key[0]))

    # --- the loop

    async def run(self) -> None:
        """Step until the call is closed and ended. Raises: EventOverflow, and what the end of the call raises."""
        async with self._send, self._receive, anyio.create_task_group() as tasks:
            tasks.start_soon(self._deliver)
            while True:
                event = await self._next_event()
                self._take(event, tasks)
                if self.state.phase is Phase.CLOSED and isinstance(event, ev.HungUp):
                    break
            for watched in self._watched.values():
                watched.over.set()
            tasks.cancel_scope.cancel()

    async def _deliver(self) -> None:
        try:
            await self.outbox.run()
        except LineError:
            self.post(ev.HungUp(self.now(), "lost"))

    async def _next_event(self) -> Event:
        """The next event, or what the nearest deadline makes one."""
        while True:
            timer = min(self._timers, key=self._timers.__getitem__, default=None)
            due = math.inf if timer is None else self._timers[timer]
            lost = self.ledger.overdue()
            nearest = due if lost is None else min(due, lost[0])
            with anyio.move_on_after(max(0.0, nearest - self.now())):
                return await self._receive.receive()
            if lost is not None and lost[0] <= due:
                self._reached(lost[1])
            elif timer is not None:
                del self._timers[timer]
                return ev.TimerFired(max(due, self.now()), timer)

    def _take(self, event: Event, tasks: TaskGroup) -> None:
        was = self.state.phase
        self.state, effects = step(self.state, event, self.policy)
        if was is Phase.ENDPOINTING and self.state.phase is not Phase.ENDPOINTING:
            self._asking.cancel()
        done = tuple([self._do(effect, tasks) for effect in effects])
        self.observe(StepTaken(self.call, event.at, self.state.phase.value, event, done))
        if isinstance(event, ev.MarkReached):
            self._note_heard(event.reply)

    def _do(self, effect: ef.Effect, tasks: TaskGroup) -> ef.Effect:
        """Carry an effect out; returns it as it was carried out, a record with what was really heard."""
        match effect:
            case ef.SetTimer(timer=timer, at=at):
                self._timers[timer] = at
            case ef.CancelTimer(timer=timer):
                self._timers.pop(timer, None)
            case ef.StartReply(reply=reply, cause=cause):
                self._start(reply, cause, tasks)
            case ef.StopReply(reply=reply):
                self._stop(reply)
            case ef.DuckReply(reply=reply, fade=fade):
                self._hold(reply, fade)
            case ef.HoldReply(reply=reply):
                self._hold(reply, 0.0)
            case ef.ResumeReply(reply=reply):
                self._resume(reply)
            case ef.AskEndpointer():
                self._asking = anyio.CancelScope()
                tasks.start_soon(self._ask, effect, self._asking)
            case ef.Keep(record=record):
                return ef.Keep(self._keep(record))
            case ef.EndCall():
                tasks.start_soon(self.end, effect)
        return effect

    # --- replies

    def _start(self, reply: int, cause: ef.Cause, tasks: TaskGroup) -> None:
        times = ReplyTimes(self.now())
        playout = Playout(reply, times, self.ledger, self.outbox, self.now, self.post)
        live = self._live[reply] = Live(playout, anyio.CancelScope(), cause)
        tasks.start_soon(self._respond, live)

    async def _respond(self, live: Live) -> None:
        reply = live.playout.reply
        with live.scope:
            error = await self.make(ReplyPlan(reply, live.cause), live.playout)
            if error is not None:
                self.post(ev.ReplyFailed(self.now(), reply, error))
                return
            live.made = True
            self._check_played(reply)

    def watch(self, key: tuple[int, int]) -> Watched:
        """Wait for a segment to be heard, or for it to be certain that it never will."""
        return self._watched.setdefault(key, Watched())

    def _stop(self, reply: int) -> None:
        live = self._live.get(reply)
        if live is None:
            return
        live.scope.cancel()
        self.outbox.flush(reply)
        if self.ledger.was_sent(reply):
            self.ledger.stop(self.now())
            self.outbox.clear()

    def _hold(self, reply: int, fade: float) -> None:
        live = self._live[reply]
        live.playout.held = True
        self.outbox.flush(reply)
        where = self.ledger.hold(reply, self.now())
        self.outbox.clear()
        if where is not None and fade > 0:
            key, position = where
            start = self.line.fmt.nbytes(position)
            end = start + self.line.fmt.nbytes(fade)
            tail = fade_out(bytes(self.ledger.entries[key].audio[start:end]), self.line.fmt)
            self.outbox.control(lambda: self.line.play(tail))

    def _resume(self, reply: int) -> None:
        self._live[reply].playout.held = False
        self.outbox.clear()
        self.outbox.put_now(self.ledger.rest(reply))

    async def _ask(self, effect: ef.AskEndpointer, scope: anyio.CancelScope) -> None:
        with scope, anyio.move_on_after(ASK_SECONDS):
            answer = await self.policy.endpointer.ask(effect.pause)
            wait = answer.seconds if isinstance(answer, Wait) else 0.0
            self.post(ev.EndpointJudged(self.now(), effect.question, wait))

    # --- records

    def heard(self, reply: int) -> str:
        """What the caller has heard of a live reply by now."""
        return self.ledger.heard(reply, self.now())

    def _note_heard(self, reply: int) -> None:
        if reply in self._live:
            self.history = self.history.said(reply, self.heard(reply), at=self._began(reply))

    def _began(self, reply: int) -> float:
        times = self._live[reply].playout.times
        return times.decided if times.audible is None else times.audible

    def _keep(self, record: Record) -> Record:
        cause: ef.Cause | None = None
        match record:
            case TurnComplete(at=at, utterance=utterance):
                self.history = self.history.asked(utterance, at)
            case TakenBack(reply=reply):
                self.history = self.history.taken_back()
                cause = self._retire(reply, record)
            case Said(reply=reply) | BargeIn(reply=reply) | BrokenOff(reply=reply):
                record = attrs.evolve(record, heard=self.heard(reply))
                cut = not isinstance(record, Said)
                began = self._began(reply)
                self.history = self.history.said(reply, record.heard, at=began, cut=cut)
                cause = self._retire(reply, record)
        self.on_record(record, cause)
        return record

    def _retire(self, reply: int, record: Record) -> ef.Cause:
        live = self._live.pop(reply)
        for key in [key for key in self._watched if key[0] == reply]:
            self._watched.pop(key).over.set()
        self.ledger.retire(reply)
        times, cause = live.playout.times, live.cause
        ended = cause.ended if isinstance(cause, Utterance) else None
        self.observe(
            ReplyTimed(
                self.call, reply, ended, times.decided, times.first_text, times.first_segment,
                times.first_audio, times.audible, type(record).__name__,
            )
        )  # fmt: skip
        return cause
