"""A stack of endpointers: `endpointer = ["provider", "adaptive", "heuristic"]`.

One law. They are asked in the order of the settings file; the first that does not abstain decides. Who abstains may
bend what is decided after it: no sooner than `at_least`, no later than `at_most`. If all abstain, the tightest
`at_most` is the wait. So `provider` before `heuristic` believes a sure recogniser and else looks at the words, and
`adaptive` before `heuristic` keeps the words' wait from being shorter than this caller's pauses.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs

from dialog_core.call.recent import seconds_wanted
from dialog_core.turns.policy import Abstain, Ask, Done, Endpointer, Pause, Verdict, Wait

__all__ = ["Stack"]


@attrs.frozen
class Bounds:
    """What those who abstained so far have said."""

    at_least: float = 0.0
    at_most: float = math.inf

    def narrowed(self, abstention: Abstain) -> Bounds:
        """And one more."""
        at_least = max(self.at_least, abstention.at_least)
        return Bounds(at_least, max(at_least, min(self.at_most, abstention.at_most)))

    def apply(self, verdict: Wait | Done | Ask) -> Wait | Done | Ask:
        """The verdict within the bounds."""
        if isinstance(verdict, Done):
            return Wait(self.at_least, verdict.reason) if self.at_least > 0 else verdict
        seconds = min(max(verdict.seconds, self.at_least), self.at_most)
        return attrs.evolve(verdict, seconds=seconds)


@attrs.frozen
class Stack:
    """Endpointers, the first that does not abstain first."""

    members: tuple[Endpointer, ...]

    @classmethod
    def of(cls, members: Sequence[Endpointer]) -> Stack:
        """In this order."""
        return cls(tuple(members))

    @property
    def wants_audio(self) -> float:
        """Seconds of audio that the hungriest of them wants to look back at."""
        return max(map(seconds_wanted, self.members), default=0.0)

    def judge(self, pause: Pause) -> Verdict:
        """What the first says that has something to say."""
        bounds, reason = Bounds(), ""
        for member in self.members:
            verdict = member.judge(pause)
            if not isinstance(verdict, Abstain):
                return bounds.apply(verdict)
            bounds, reason = bounds.narrowed(verdict), reason or verdict.reason
        return Abstain(bounds.at_most, bounds.at_least, reason)

    async def ask(self, pause: Pause) -> Wait | Done | Abstain:
        """The same, letting those think who want to; who abstains after that leaves it to the next."""
        bounds, reason = Bounds(), ""
        for member in self.members:
            verdict = member.judge(pause)
            answer = await member.ask(pause) if isinstance(verdict, Ask) else verdict
            if not isinstance(answer, Abstain):
                bounded = bounds.apply(answer)
                assert not isinstance(bounded, Ask)
                return bounded
            bounds, reason = bounds.narrowed(answer), reason or answer.reason
        return Abstain(bounds.at_most, bounds.at_least, reason)
