"""The caller of a conversation without audio: words as a recogniser tells them, and a voice as the gate hears it."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from dialog_core.messages import Transcript
from dialog_core.turns.events import SpeechStarted, SpeechStopped
from dialog_core.turns.gate import Gate

__all__ = ["SILENT", "VOICED", "WINDOW", "CallerVoice", "CallerWords"]

WINDOW = 0.1
"""Seconds of a window of the voice detector."""
VOICED, SILENT = 0.95, 0.02
ROUNDING = 1e-6


@attrs.define
class CallerWords:
    """Words that no call has had before, each spoken after all others; guesses are settled before the next begins."""

    guess: Transcript | None = None
    answered: bool = False
    """The guess was answered: the recogniser settles it before it guesses on."""
    _count: int = 0
    _until: float = 0.0

    def settle(self, now: float) -> Transcript:
        """What was guessed, or something new, for good."""
        guess = self.guess if self.guess is not None else self._next(now)
        self.guess, self.answered = None, False
        return attrs.evolve(guess, text=f"{guess.text}.", final=True)

    def guess_more(self, now: float) -> Transcript:
        """One word more than before."""
        if self.answered:
            return self.settle(now)
        more = self._next(now)
        if self.guess is not None:
            more = attrs.evolve(self.guess, at=more.at, text=f"{self.guess.text} {more.text}")
        self.guess = more
        return more

    def _next(self, now: float) -> Transcript:
        self._count += 1
        begun = max(self._until, now - 0.3) + 0.001
        self._until = max(begun + 0.01, now - 0.05)
        return Transcript(self._until, f"w{self._count}", final=False, started=begun)


@attrs.define
class CallerVoice:
    """Sound and silence, window by window, through a gate."""

    gate: Gate
    until: float = 0.0
    """End of the audio so far."""
    known: bool = False
    """Whether the machine should know of a voice."""
    _sounding: bool = False
    _last_voiced: float = 0.0

    def push(self, probability: float, at: float) -> SpeechStarted | SpeechStopped | None:
        """Another window."""
        self.until = at + WINDOW
        if probability > SILENT:
            self._last_voiced = at + WINDOW
        return self.gate.push(probability, at, WINDOW)

    def wrongs(self, event: SpeechStarted | SpeechStopped) -> Iterator[tuple[str, object]]:
        """Laws that the gate breaks with an event, and how."""
        sounding = isinstance(event, SpeechStarted)
        if sounding is self._sounding:
            yield "a voice begins and ends in turn", event
        self._sounding = sounding
        late = abs(event.at - self._last_voiced)
        if not sounding and late > WINDOW / 2 + ROUNDING:
            yield "a silence counts from the last voiced sample", late
