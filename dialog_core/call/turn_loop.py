"""Events and timers in, effects carried out: the only driver of a call's turn machine.

Timers are a dictionary and one deadline, not a task each. The loop owns the machine's state; everything else of a
call talks to it by posting events.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Coroutine

import anyio
import attrs
from anyio.abc import TaskGroup

from dialog_core.call.context import CallContext
from dialog_core.call.guard import guarded
from dialog_core.call.inbox import Inbox
from dialog_core.call.replies import Replies
from dialog_core.errors import LineError
from dialog_core.observe.observations import Judged, StepTaken
from dialog_core.turns import effects as ef
from dialog_core.turns import events as ev
from dialog_core.turns.events import Event, Timer
from dialog_core.turns.machine import step
from dialog_core.turns.policy import Abstain, Judgement, Pause, Wait
from dialog_core.turns.state import Phase, TurnPolicy, TurnState

__all__ = ["TurnLoop"]

ASK_SECONDS = 2.0
"""How long an endpointer may think before its answer would come too late anyway."""


@attrs.define(eq=False)
class TurnLoop:
    """One call's loop."""

    context: CallContext
    inbox: Inbox
    policy: TurnPolicy
    replies: Replies
    end: Callable[[ef.EndCall], Coroutine[object, object, None]]
    """Ends the call at the carrier; posts `HungUp`, or `EndFailed` if it could not."""
    state: TurnState = attrs.field(factory=TurnState)
    _timers: dict[Timer, float] = attrs.field(factory=dict)
    _asking: anyio.CancelScope = attrs.field(factory=anyio.CancelScope)

    async def run(self) -> None:
        """Step until the call is closed and ended. Raises: EventOverflow, and what the end of the call raises."""
        self._timers[Timer.IDLE] = self.context.now() + self.policy.patience
        with self.inbox:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._deliver)
                while True:
                    event = await self._next_event()
                    self._take(event, tasks)
                    if self.state.phase is Phase.CLOSED and isinstance(event, ev.HungUp):
                        break
                self.replies.let_go()
                tasks.cancel_scope.cancel()

    async def _deliver(self) -> None:
        try:
            await self.replies.outbox.run()
        except LineError:
            self.inbox.post(ev.HungUp(self.context.now(), "lost"))

    async def _next_event(self) -> Event:
        """The next event, or what the nearest deadline makes one."""
        now = self.context.now
        while True:
            timer = min(self._timers, key=self._timers.__getitem__, default=None)
            due = math.inf if timer is None else self._timers[timer]
            lost = self.replies.ledger.overdue()
            dead = self.replies.dead_air_at(self.state, self.policy.dead_air)
            nearest = min(due, dead, math.inf if lost is None else lost[0])
            within = None if nearest == math.inf else nearest - now()
            event = await self.inbox.receive(within)
            if event is not None:
                return event
            if lost is not None and lost[0] <= nearest:
                self.replies.reached(lost[1], lost=True)
            elif dead <= nearest:
                # audio that was sent meanwhile has moved it
                if self.replies.dead_air_at(self.state, self.policy.dead_air) <= dead:
                    self.replies.tell_dead_air(self.state.reply)
                    return ev.DeadAir(now(), self.state.reply)
            elif timer is not None:
                del self._timers[timer]
                return ev.TimerFired(max(due, now()), timer)

    def _take(self, event: Event, tasks: TaskGroup) -> None:
        before = self.state
        self.state, effects = step(self.state, event, self.policy)
        if before.question != self.state.question or self.state.phase is not Phase.ENDPOINTING:
            self._asking.cancel()
        done = tuple([self._do(effect, tasks) for effect in effects])
        phase = self.state.phase.value
        self.context.observe(StepTaken(self.context.id, event.at, phase, event, done))
        if self.state.judged is not None and self.state.judged is not before.judged:
            self.context.observe(told(self.context.id, self.state.judged))
        if isinstance(event, ev.MarkReached):
            self.replies.note_heard(event.reply)

    def _do(self, effect: ef.Effect, tasks: TaskGroup) -> ef.Effect:
        """Carry an effect out; returns it as it was carried out, a record with what was really heard."""
        match effect:
            case ef.SetTimer(timer=timer, at=at):
                self._timers[timer] = at
            case ef.CancelTimer(timer=timer):
                self._timers.pop(timer, None)
            case ef.StartReply(reply=reply, cause=cause, eager=eager):
                self.replies.start(reply, cause, tasks, eager=eager)
            case ef.ConfirmReply(reply=reply, cause=cause):
                self.replies.confirm(reply, cause)
            case ef.DropReply(reply=reply, why=why):
                self.replies.drop(reply, why)
            case ef.StopReply(reply=reply):
                self.replies.stop(reply)
            case ef.DuckReply(reply=reply, fade=fade):
                self.replies.hold(reply, fade=fade)
            case ef.HoldReply(reply=reply):
                self.replies.hold(reply, fade=0.0)
            case ef.ResumeReply(reply=reply):
                self.replies.resume(reply)
            case ef.AskEndpointer():
                self._asking = anyio.CancelScope()
                tasks.start_soon(self._ask, effect, self._asking)
            case ef.Keep(record=record):
                return ef.Keep(self.replies.keep(record))
            case ef.EndCall():
                tasks.start_soon(self.end, effect)
        return effect

    async def _ask(self, effect: ef.AskEndpointer, scope: anyio.CancelScope) -> None:
        async def ask() -> None:
            answer = await self.policy.endpointer.ask(effect.pause)
            match answer:
                case Wait(seconds=wait) | Abstain(at_most=wait):
                    pass
                case _:
                    wait = 0.0
            self.inbox.post(ev.EndpointJudged(self.context.now(), effect.question, wait))

        with scope, anyio.move_on_after(ASK_SECONDS):
            context = self.context
            await guarded(ask, call=context.id, where="endpointer", observe=context.observe)


def told(call: str, judgement: Judgement) -> Judged:
    """A judgement as it is observed."""
    asked, answer = judgement.asked, judgement.answer
    pause = isinstance(asked, Pause)
    until = next(
        (
            seconds
            for name in ("seconds", "at_most", "again")
            if (seconds := getattr(answer, name, None)) is not None
        ),
        None,
    )
    return Judged(
        call, judgement.at, "endpointer" if pause else "barge_in", type(answer).__name__,
        answer.reason, asked.silent if isinstance(asked, Pause) else asked.voiced, until,
    )  # fmt: skip
