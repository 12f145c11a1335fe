"""The gate: speech probabilities, one per window of audio, become `SpeechStarted` and `SpeechStopped`.

Two thresholds keep it from flickering: a window at or above `start` makes the gate *suspect* speech;
from then on windows at or above `end` count as voiced. Two durations keep it from jumping::

                 voiced for min_speech: SpeechStarted(at = first voiced window's start)
    QUIET --> SUSPECTING ------------------------------------------------------> SOUNDING
      ^            | unvoiced for min_silence: nothing happened                     |
      '------------+----------------------------------------------------------------'
                     unvoiced for min_silence: SpeechStopped(at = last voiced window's middle)

- Only voiced windows count towards `min_speech`: a click followed by silence never adds up to speech.
- `at` is the time of the audio. Noticing comes later, by `min_speech` or `min_silence`. The last voiced sample may be
  anywhere in the last voiced window, so its middle is wrong by half a window at most: 16 ms.
- A gap in the audio counts as neither voice nor silence: what was the case goes on.
"""

from __future__ import annotations

import enum
from typing import Any

import attrs

from dialog_core.fields import setting
from dialog_core.turns.events import SpeechStarted, SpeechStopped

__all__ = ["Gate", "GateSettings"]

ROUNDING = 1e-6  # seconds; sums of window lengths are not exact


def _not_above_start(instance: Any, _attribute: attrs.Attribute[Any], end: float) -> None:
    if end > instance.start:
        raise ValueError(f"must be at most start ({instance.start}), not {end}")


@attrs.frozen
class GateSettings:
    """When sound counts as the caller's speech."""

    start: float = setting(
        default=0.6,
        unit="0..1",
        above=0,
        at_most=1,
        help="speech probability from which speech is suspected",
    )
    end: float = setting(
        default=0.35,
        unit="0..1",
        at_least=0,
        check=_not_above_start,
        help="speech probability below which a window is silent once speech is suspected",
    )
    min_speech: float = setting(
        default=0.06,
        unit="s",
        at_least=0,
        at_most=2,
        help="voice needed before speech is reported; 0.06 is two windows of most detectors",
    )
    min_silence: float = setting(
        default=0.2,
        unit="s",
        at_least=0,
        at_most=5,
        help="silence needed before its end is reported; the endpointer waits on its own account",
    )


class _Phase(enum.Enum):
    QUIET = enum.auto()
    SUSPECTING = enum.auto()
    SOUNDING = enum.auto()


@attrs.define
class Gate:
    """One call's gate; give it every window, in order."""

    settings: GateSettings = attrs.field(factory=GateSettings)
    _phase: _Phase = _Phase.QUIET
    _first: float = 0.0  # start of the first voiced window
    _last: float = 0.0  # middle of the last voiced window
    _voiced: float = 0.0  # seconds of voiced windows since _first
    _silent: float = 0.0  # seconds of unvoiced windows since _last
    _highest: float = 0.0

    @property
    def sounding(self) -> bool:
        """True between a `SpeechStarted` and its `SpeechStopped`."""
        return self._phase is _Phase.SOUNDING

    def push(
        self, probability: float, at: float, seconds: float
    ) -> SpeechStarted | SpeechStopped | None:
        """Take a window. at: its first sample's time. seconds: its length."""
        if self._phase is _Phase.QUIET:
            if probability < self.settings.start:
                return None
            self._phase = _Phase.SUSPECTING
            self._first, self._voiced, self._highest = at, 0.0, 0.0
        if probability >= self.settings.end:
            return self._hear(probability, at, seconds)
        return self._miss(seconds)

    def dismiss(self) -> None:
        """It was not the caller: forget the sound, as if it had not begun."""
        self._phase = _Phase.QUIET

    def _hear(self, probability: float, at: float, seconds: float) -> SpeechStarted | None:
        self._last, self._silent = at + seconds / 2, 0.0
        if self._phase is _Phase.SOUNDING:
            return None
        self._voiced += seconds
        self._highest = max(self._highest, probability)
        if self._voiced < self.settings.min_speech - ROUNDING:
            return None
        self._phase = _Phase.SOUNDING
        return SpeechStarted(self._first, self._highest)

    def _miss(self, seconds: float) -> SpeechStopped | None:
        self._silent += seconds
        if self._silent < self.settings.min_silence - ROUNDING:
            return None
        was_sounding, self._phase = self.sounding, _Phase.QUIET
        return SpeechStopped(self._last) if was_sounding else None
