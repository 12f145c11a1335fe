"""Drives the real turn machine through what was heard of a clip, on the audio's own clock."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable
from itertools import count

import attrs

from contrib.quality.corpus import Clip
from contrib.quality.hearing import Timed
from contrib.quality.recordings import RATE
from dialog_core.audio import TELEPHONE, Sound
from dialog_core.call.clock import SystemClock
from dialog_core.testing.simulate.loop import run_virtual
from dialog_core.turns import effects as ef
from dialog_core.turns import events as ev
from dialog_core.turns.events import Event, Timer
from dialog_core.turns.expectation import ANYTHING
from dialog_core.turns.machine import is_late, step
from dialog_core.turns.policy import Abstain, Pause, Wait
from dialog_core.turns.state import TurnPolicy, TurnState

__all__ = ["ANSWER", "Act", "drive"]

ANSWER = 0.3
"""Seconds from the end of a turn to the first sound of the reply: a quick model (0.2 s) and voice (0.1 s), as in
contrib/bench. A slower one would be heard less often by a caller who goes on."""
SAID = "Let me tell you what we have for that week, and what each of them costs."
"""What the agent is saying while it is interrupted: no question."""

Act = tuple[float, ef.Effect | ev.ReplyAudible]
"""When, and what the machine had done, or that a reply began to sound."""


@attrs.define
class Drive:
    """One clip through one policy."""

    clip: Clip
    policy: TurnPolicy
    state: TurnState = attrs.field(factory=TurnState)
    acts: list[Act] = attrs.field(factory=list)
    _timers: dict[Timer, float] = attrs.field(factory=dict)
    _due: list[tuple[float, int, Event]] = attrs.field(factory=list)
    _number: count[int] = attrs.field(factory=count)

    def at(self, when: float, event: Event) -> None:
        """Something that will happen."""
        heapq.heappush(self._due, (when, next(self._number), event))

    def run(self, until: float) -> None:
        """Step until then."""
        while True:
            due = self._due[0][0] if self._due else math.inf
            timer = min(self._timers, key=self._timers.__getitem__, default=None)
            fires = math.inf if timer is None else self._timers[timer]
            now = min(due, fires)
            if now > until:
                return
            if due <= fires:
                event = heapq.heappop(self._due)[2]
            else:
                assert timer is not None
                del self._timers[timer]
                event = ev.TimerFired(now, timer)
            self._take(now, event)

    def _take(self, now: float, event: Event) -> None:
        if isinstance(event, ev.ReplyAudible) and not is_late(self.state, event):
            self.acts.append((now, event))
        self.state, effects = step(self.state, event, self.policy)
        for effect in effects:
            self.acts.append((now, effect))
            self._do(now, effect)

    def _do(self, now: float, effect: ef.Effect) -> None:
        match effect:
            case ef.SetTimer(timer=timer, at=at):
                self._timers[timer] = max(at, now)
            case ef.CancelTimer(timer=timer):
                self._timers.pop(timer, None)
            case ef.StartReply(reply=reply):
                self.at(now + ANSWER, ev.ReplyAudible(now + ANSWER, reply))
            case ef.AskEndpointer(question=question, pause=pause):
                wait, took = run_virtual(
                    self._ask, attrs.evolve(pause, audio=self._audio(now, pause))
                )
                self.at(now + took, ev.EndpointJudged(now + took, question, wait))

    def _audio(self, now: float, pause: Pause) -> Callable[[float], Sound]:
        def audio(after: float) -> Sound:
            end = min(now, pause.since + after)
            return Sound(0.0, self.clip.data[: round(end * RATE)], TELEPHONE)

        return audio

    async def _ask(self, pause: Pause) -> tuple[float, float]:
        clock = SystemClock()
        start = clock.monotonic()
        answer = await self.policy.endpointer.ask(pause)
        took = clock.monotonic() - start
        match answer:
            case Wait(seconds=wait) | Abstain(at_most=wait):
                return wait, took
            case _:
                return 0.0, took


def drive(
    clip: Clip, told: Iterable[Timed], policy: TurnPolicy, *, speaking: bool = False
) -> list[Act]:
    """What the machine does about a clip. speaking: a reply sounds all the while, until it is stopped."""
    run = Drive(clip, policy)
    if speaking:
        run.at(0.0, ev.ReplyWanted(0.0, ticket=1))
        run.at(ANSWER + 0.1, ev.MarkReached(ANSWER + 0.1, 1, SAID))
    elif clip.item.expecting != ANYTHING:
        run.at(0.0, ev.AnswerExpected(0.0, clip.item.expecting))
    for when, event in told:
        run.at(when, event)
    run.run(clip.seconds + 1)
    return run.acts
