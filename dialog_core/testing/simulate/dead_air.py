"""Dead air: silence at the caller's ear that the agent owes an end to.

Silence belongs to the agent from the end of the caller's words until something sounds, and while a reply is live. The
silence of a caller whom nobody owes anything is their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import attrs

from dialog_core.messages import Transcript
from dialog_core.testing.simulate.line import Uttered
from dialog_core.testing.simulate.run import Lived
from dialog_core.testing.simulate.sound import Heard
from dialog_core.testing.simulate.turn_laws import bare
from dialog_core.turns.records import Backchannel
from dialog_core.turns.state import LIVE, Phase

__all__ = ["Budget", "Gap", "dead_air"]


TIMING = 0.05
"""Seconds by which a voice's end is known less exactly than it was drawn."""
SHORTEST_WORD = 0.25
"""Seconds of a voice that is answered although nobody knows what it said; a shorter one is a click."""


@attrs.frozen
class Gap:
    """A silence that the agent owes an end to."""

    start: float
    end: float
    faults: tuple[str, ...]
    """What had gone wrong in the call before it ended, such as ``tts falls silent``."""
    awaited: bool = False
    """True from the end of the caller's words; False for a hole in what the agent was saying."""
    carriers: float = 0.0
    """Seconds of it that sound, or news of it, was on its way through the network."""

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.end - self.start


@attrs.frozen
class Budget:
    """The longest dead air that is allowed, measured where sound leaves for the carrier."""

    seconds: float = 4.0

    def allows(self, gap: Gap) -> bool:
        """Whether it is short enough."""
        return gap.seconds - gap.carriers <= self.seconds + TIMING


def dead_air(lived: Lived, heard: Sequence[Heard]) -> Iterator[Gap]:
    """Every silence that the agent owes an end to."""
    stopped = lived.line.stopped if lived.line.stopped is not None else lived.ended or 0.0
    spoken = [(each.start, each.end) for each in lived.line.uttered]
    sounds = [(sound.start, sound.end) for sound in heard]
    noise = merged([(0.0, 0.0), *sounds, *spoken])
    owed = {each.end: since for each in lived.line.uttered if (since := owed_since(lived, each))}
    for (_, start), (end, _) in zip(noise, [*noise[1:], (stopped, stopped)], strict=True):
        if end <= start:
            continue
        since = next((at for over, at in owed.items() if abs(over - start) < TOUCH), None)
        if since is not None:
            if since < end:
                yield gap_of(lived, max(since, start), end, awaited=True)
            continue
        for begun, until in live_between(lived, start, end):
            yield gap_of(lived, begun, until)


def gap_of(lived: Lived, start: float, end: float, *, awaited: bool = False) -> Gap:
    """A gap, and what of it is the carrier's."""
    stalls = sum(
        fault.seconds
        for at, fault in lived.journal.struck
        if fault.where == "line" and start <= at <= end
    )
    carrier = lived.plan.carrier
    carriers = carrier.outbound + carrier.inbound + carrier.jitter + (carrier.echo or 0.0) + stalls
    return Gap(start, end, blame(lived, end), awaited, carriers)


def owed_since(lived: Lived, uttered: Uttered) -> float | None:
    """When an answer to what the caller uttered began to be owed; None if it never was.

    A voice that can be noticed is owed one from its end on. Of what is too soft or too short for that, nobody knows
    before a word of it is told; and nobody answers a backchannel.
    """
    words = set(bare(uttered.text))
    passed = (record for record in lived.records if isinstance(record, Backchannel))
    if not words or any(words & set(bare(record.utterance.text)) for record in passed):
        return None
    if uttered.voiced and uttered.end - uttered.start >= SHORTEST_WORD:
        return uttered.end
    told = (
        at
        for at, step in lived.timed_steps
        if isinstance(step.event, Transcript) and words & set(bare(step.event.text))
    )
    first = next(told, None)
    return None if first is None else max(first, uttered.end)


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
