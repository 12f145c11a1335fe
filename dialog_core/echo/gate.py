"""A gate that does not open to the agent's own voice.

It asks the guard when its gate would open, and while it is open. So a silent caller costs nothing, and neither does a
silent agent; and whoever goes by the gate's events, be it endpointer, barge-in policy or recogniser, never learns of
an echo. A caller who begins to speak over an echo is heard from the beginning of the sound in which they were told
from it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import attrs

from dialog_core.echo.guard import LATEST, EchoGuard, Finding, Verdict
from dialog_core.turns.events import SpeechStarted, SpeechStopped
from dialog_core.turns.gate import Gate

__all__ = ["EchoGate"]

UNSURE = frozenset({Verdict.DOUBT, Verdict.SILENCE})
DOUBTED_SECONDS = 0.3
"""How long a sound may be doubted; then it is let in, as of its beginning."""
SAME_SOUND_SECONDS = 0.2
"""How long after a doubt a voice still belongs to the sound that was doubted."""


def ignore(_at: float, _seconds: float) -> None:
    """Nobody wants to know."""


@attrs.define(eq=False)
class EchoGate:
    """One call's gate, with its guard; the same calls as a gate."""

    gate: Gate
    guard: EchoGuard
    on_veto: Callable[[float, float], None] = ignore
    """Told the time and the seconds of a sound that was kept out."""
    _doubted: SpeechStarted | None = None
    _doubted_until: float = 0.0
    _vetoed_until: float = -math.inf

    def push(
        self, probability: float, at: float, seconds: float
    ) -> SpeechStarted | SpeechStopped | None:
        """Take a window; see :meth:`dialog_core.turns.gate.Gate.push`."""  # per window
        gate = self.gate
        if probability < gate.settings.end or at >= self.guard.played.ends + LATEST:
            return gate.push(probability, at, seconds)
        if gate.sounding:
            echo = self.guard.judge(at + seconds, goes_on=True) is Verdict.ECHO
            self.guard.findings.append(Finding(at, seconds, echo))
            return gate.push(0.0 if echo else probability, at, seconds)
        event = gate.push(probability, at, seconds)
        return self._let_in(event, at, seconds) if isinstance(event, SpeechStarted) else event

    def _let_in(self, event: SpeechStarted, at: float, window: float) -> SpeechStarted | None:
        """The gate would open: it may, unless it is the agent that sounds."""
        now = at + window
        verdict = self.guard.judge(now)
        doubted = self._doubted if now - self._doubted_until < SAME_SOUND_SECONDS else None
        self._doubted = None
        first = event if doubted is None else doubted
        if verdict in UNSURE and now - first.at <= DOUBTED_SECONDS:
            self.gate.dismiss()
            self._doubted, self._doubted_until = first, now
            return None
        echo, seconds = verdict is Verdict.ECHO, now - event.at
        self.guard.findings.append(Finding(event.at, seconds, echo))
        if echo:
            self.gate.dismiss()
            self._vetoed_until = now
            self.on_veto(event.at, seconds)
            return None
        return attrs.evolve(event, at=self._began(first.at, at, window))

    def _began(self, first: float, at: float, window: float) -> float:
        """When the voice began that was found in a sound; it may have begun in the last window of an echo."""
        if self.guard.path is None:
            return first
        if first < at - 2 * window and self.guard.compare(first + 2 * window) is Verdict.ECHO:
            first = at - window
        return first - window if first < self._vetoed_until + window / 2 else first
