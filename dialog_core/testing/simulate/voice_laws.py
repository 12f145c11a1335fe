"""The laws of voices of which no word comes. Held against each step, by what everybody can see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from dialog_core.messages import Transcript
from dialog_core.turns import effects as ef
from dialog_core.turns import events as ev
from dialog_core.turns.events import Timer
from dialog_core.turns.records import BargeIn, BrokenOff, NothingHeard, Said, TakenBack
from dialog_core.turns.state import TurnPolicy

__all__ = ["VoiceLaws"]

SHORTEST_WORD = 0.2
"""Seconds of a voice that is owed an answer, whatever it said."""
SENTENCE = 0.5
"""Seconds of a voice that counts among those that nobody understands."""
Finding = tuple[str, object]
"""A law that does not hold, and how."""


@attrs.define(eq=False)
class VoiceLaws:
    """One call's."""

    most: int | None = None
    """Voices in a row that may be told that they were not heard; None where nobody is told, or nobody knows."""
    times: int = 0
    """How many were."""
    _began: float = 0.0
    _longest: float = 0.0
    """Seconds of the longest voice since the latest words or reply."""

    @classmethod
    def of(cls, policy: TurnPolicy) -> VoiceLaws:
        """The laws of a call with these numbers."""
        return cls(policy.failures - 1 if policy.idle_prompts else None)

    def take(self, event: ev.Event, effects: Sequence[ef.Effect]) -> Iterator[Finding]:
        """Hold a step against the laws."""
        if self.most is None:
            return
        self._note(event)
        yield from self._check_answer(event, effects, self.most)
        for effect in effects:
            match effect:
                case (
                    ef.StartReply() | ef.Keep(record=Said() | BargeIn() | BrokenOff() | TakenBack())
                ):
                    self._longest = 0.0

    def _note(self, event: ev.Event) -> None:
        match event:
            case ev.SpeechStarted(at=at):
                self._began = at
            case ev.SpeechStopped(at=at):
                self._longest = max(self._longest, at - self._began)
            case Transcript(text=text) if text.strip():
                self._longest, self.times = 0.0, 0
            case ev.Keypress():
                self.times = 0

    def _check_answer(
        self, event: ev.Event, effects: Sequence[ef.Effect], most: int
    ) -> Iterator[Finding]:
        given_up = isinstance(event, ev.TimerFired) and event.timer is Timer.ENDPOINT
        nothing = any(
            isinstance(effect, ef.Keep) and isinstance(effect.record, NothingHeard)
            for effect in effects
        )
        if not (given_up and nothing) or self._longest < SHORTEST_WORD:
            return
        answers = [e for e in effects if isinstance(e, ef.StartReply | ef.EndCall)]
        if not answers:
            yield "a voice without words is answered", event
        if self._longest >= SENTENCE and any(
            isinstance(e, ef.StartReply) and isinstance(e.cause, ef.Unheard) for e in answers
        ):
            self.times += 1
            if self.times > most:
                yield "nobody is told for ever that they were not heard", self.times
