"""Dead air: silence at the caller's ear that the agent owes an end to.

Silence belongs to the agent from the end of the caller's words until something sounds, and while a reply is live. The
silence of a caller whom nobody owes anything is their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs

from dialog_core.testing.simulate.run import Lived
from dialog_core.testing.simulate.sound import Heard
from dialog_core.turns.state import LIVE, Phase

__all__ = ["Budget", "Gap", "dead_air"]


@attrs.frozen
class Gap:
    """A silence that the agent owes an end to."""

    start: float
    end: float
    faults: tuple[str, ...]
    """What had gone wrong in the call before it ended, such as ``tts falls silent``."""
    awaited: bool = False
    """True from the end of the caller's words; False for a hole in what the agent was saying."""

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.end - self.start


@attrs.frozen
class Budget:
    """The longest dead air that is allowed."""

    seconds: float = 4.0
    despite: Mapping[str, float] = attrs.field(factory=dict)
    """Longer ones, by what had gone wrong before."""

    def of(self, gap: Gap) -> float:
        """What a gap may last."""
        return max([self.seconds, *(self.despite.get(fault, 0.0) for fault in gap.faults)])


def dead_air(lived: Lived, heard: Sequence[Heard]) -> Iterator[Gap]:
    """Every silence that the agent owes an end to."""
    stopped = lived.line.stopped if lived.line.stopped is not None else lived.ended or 0.0
    spoken = [(each.start, each.end, bool(each.text)) for each in lived.line.uttered]
    sounds = [(sound.start, sound.end) for sound in heard]
    noise = merged([(0.0, 0.0), *sounds, *((start, end) for start, end, _ in spoken)])
    for (_, start), (end, _) in zip(noise, [*noise[1:], (stopped, stopped)], strict=True):
        if end <= start:
            continue
        if any(abs(over - start) < TOUCH and worded for _, over, worded in spoken):
            yield Gap(start, end, blame(lived, end), awaited=True)
            continue
        for begun, until in live_between(lived, start, end):
            yield Gap(begun, until, blame(lived, until))


TOUCH = 0.002


def merged(spans: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Spans that touch or overlap, as one."""
    joined: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1] + TOUCH:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def live_between(lived: Lived, start: float, end: float) -> Iterator[tuple[float, float]]:
    """When a reply was live, or the call being ended, within a span."""
    begun: float | None = None
    for step in lived.steps:
        owes = Phase(step.phase) in LIVE or step.phase == Phase.CLOSED.value
        if owes and begun is None:
            begun = step.at
        elif not owes and begun is not None:
            if min(end, step.at) > max(start, begun):
                yield max(start, begun), min(end, step.at)
            begun = None
    if begun is not None and end > max(start, begun):
        yield max(start, begun), end


def blame(lived: Lived, until: float) -> tuple[str, ...]:
    """What had gone wrong by then, each once."""
    wrong = {
        f"{fault.where} {fault.what}": None for at, fault in lived.journal.struck if at < until
    }
    if lived.plan.carrier.echo is not None:
        wrong["line echoes"] = None
    return tuple(wrong)
