"""What came of a scenario, whoever played it, and what of it was not as expected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from dialog_core.testing.simulate.scenario import Expectation, Scenario
from dialog_core.testing.simulate.turn_laws import Breach, bare

__all__ = ["Missed", "Performance", "Sounded", "missed_in"]

NEVER = 1e9


@attrs.frozen
class Sounded:
    """A word at the caller's ear."""

    start: float
    end: float
    text: str


@attrs.frozen
class Performance:
    """A scenario that was played. Times are seconds since the call began."""

    acted: Sequence[tuple[float, float]]
    """When each of the caller's lines began and ended; fewer than there are if the call was over before."""
    sounded: Sequence[Sounded]
    cuts: Sequence[float]
    """When the agent was interrupted."""
    asked: Sequence[tuple[float, str]]
    """When the agent wanted the call to end, and how."""
    tools: Sequence[tuple[float, str]]
    """When the model called which tool."""
    troubles: Sequence[tuple[float, str]]
    breaches: Sequence[Breach] = ()


@attrs.frozen
class Missed:
    """An expectation that was not met."""

    where: str
    """Which line of the caller, and when it was said."""
    expected: str
    heard: str
    """What happened instead, and when."""

    def __str__(self) -> str:
        return f"{self.where}\n    expected  {self.expected}\n    heard     {self.heard}"


def missed_in(scenario: Scenario, played: Performance) -> Iterator[Missed]:
    """Everything that was not as expected, in order."""
    for number, line in enumerate(scenario.caller):
        where = f"caller line {number + 1} ({line.told})"
        if number >= len(played.acted):
            yield Missed(where, "to be said", "the call was over")
            continue
        begun, ended = played.acted[number]
        until = played.acted[number + 1][0] if number + 1 < len(played.acted) else NEVER
        where = f"{where}, {begun:.2f} to {ended:.2f} s"
        yield from Window(played, where, begun, ended, until).missed(line.expect)
    yield from Window(played, "the whole call", 0.0, 0.0, NEVER).missed(scenario.expect)
    for breach in played.breaches:
        yield Missed("the laws of every call", breach.law, f"{breach.detail}, {breach.at:.2f} s")


@attrs.frozen
class Window:
    """A stretch of a call, from a line of the caller to the next."""

    played: Performance
    where: str
    begun: float
    ended: float
    """The end of the caller's line."""
    until: float

    def _has(self, at: float) -> bool:
        return self.begun <= at < self.until

    def missed(self, expect: Expectation) -> Iterator[Missed]:
        """What was expected here and did not come."""
        spoken = [s for s in self.played.sounded if self.begun < s.end and s.start < self.until]
        said = " ".join(bare(" ".join(sound.text for sound in spoken)))
        for words in expect.words:
            if " ".join(bare(words)) not in said:
                yield self._missed(f"the words {words!r}", spoken)
        for words in expect.without:
            if " ".join(bare(words)) in said:
                yield self._missed(f"not the words {words!r}", spoken)
        if expect.silence and spoken:
            yield self._missed("silence", spoken)
        if expect.within is not None:
            waited = (
                min((s.start for s in spoken if s.start >= self.ended), default=NEVER) - self.ended
            )
            if waited > expect.within:
                how = f"after {waited:.2f} s" if waited < NEVER / 2 else "nothing"
                yield Missed(self.where, f"an answer within {expect.within:g} s", how)
        yield from self._missed_deeds(expect)

    def _missed_deeds(self, expect: Expectation) -> Iterator[Missed]:
        called = [name for at, name in self.played.tools if self._has(at)]
        for tool in expect.tools:
            if tool not in called:
                real = f"calls of {', '.join(called)}" if called else "no call of a tool"
                yield Missed(self.where, f"the tool {tool!r} to be called", real)
        cut = any(self._has(at) for at in self.played.cuts)
        if expect.interrupted is not None and cut is not expect.interrupted:
            deeds = ("to be interrupted", "it spoke on")
            wanted, real = deeds if expect.interrupted else ("to speak on", "it was cut")
            yield Missed(self.where, f"the agent {wanted}", real)
        asked = [how for at, how in self.played.asked if self._has(at)]
        if expect.ended is not None and bool(asked) is not expect.ended:
            wanted = "the agent to end the call" if expect.ended else "the call to go on"
            yield Missed(self.where, wanted, asked[0] if asked else "the caller hung up")
        if expect.transferred and f"transfer to {expect.transferred}" not in asked:
            real = ", ".join(asked) or "no transfer"
            yield Missed(self.where, f"a transfer to {expect.transferred}", real)

    def _missed(self, expected: str, spoken: Sequence[Sounded]) -> Missed:
        heard = "nothing"
        if spoken:
            text = " ".join(sound.text for sound in spoken)
            heard = f"{text!r}, {spoken[0].start:.2f} to {spoken[-1].end:.2f} s"
        troubles = [text for at, text in self.played.troubles if self._has(at)]
        return Missed(self.where, expected, "; ".join([heard, *troubles]))
