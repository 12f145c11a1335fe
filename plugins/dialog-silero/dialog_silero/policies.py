"""When the caller has finished and when they interrupt, by voice activity alone. Pure."""

from __future__ import annotations

import attrs

from dialog_core.fields import setting
from dialog_core.turns.policy import Continue, Cut, Overlap, Pause, Wait

__all__ = ["BargeInSettings", "EndpointerSettings", "SileroBargeIn", "SileroEndpointer"]

WINDOW_SECONDS = 0.032
"""What one probability of the model covers."""
ROUNDING = 1e-6


@attrs.frozen
class EndpointerSettings:
    """How long a silence ends a turn."""

    silence: float = setting(
        default=0.5, unit="s", above=0, at_most=10, help="silence that ends the caller's turn"
    )
    interim: float = setting(
        default=0.2,
        unit="s",
        at_least=0,
        at_most=10,
        help="added while the recogniser has not settled the last words",
    )


@attrs.frozen
class SileroEndpointer:
    """Silence alone decides; words only say whether they are still coming."""

    settings: EndpointerSettings = attrs.field(factory=EndpointerSettings)

    def judge(self, pause: Pause) -> Wait:
        extra = 0.0 if pause.settled else self.settings.interim
        return Wait(self.settings.silence + extra)

    async def ask(self, pause: Pause) -> Wait:
        return self.judge(pause)


@attrs.frozen
class BargeInSettings:
    """What counts as an interruption."""

    threshold: float = setting(
        default=0.85,
        unit="0..1",
        above=0,
        at_most=1,
        help="speech probability at the start of a sound that may interrupt",
    )
    frames: int = setting(
        default=3,
        at_least=1,
        at_most=100,
        help="voiced windows of 32 ms in a row that interrupt",
    )
    words: int = setting(
        default=2,
        at_least=0,
        help="recognised words that interrupt whatever the probability was; 0 for never",
    )


@attrs.frozen
class SileroBargeIn:
    """A sure and lasting voice interrupts at once; an unsure one has to say words."""

    settings: BargeInSettings = attrs.field(factory=BargeInSettings)

    def judge(self, overlap: Overlap) -> Continue | Cut:
        words = self.settings.words
        if words and len(overlap.text.split()) >= words:
            return Cut()
        if overlap.probability < self.settings.threshold:
            return Continue()
        needed = self.settings.frames * WINDOW_SECONDS
        if overlap.voiced >= needed - ROUNDING:
            # also when it is over by now: in a vote, the words of a short "wait" come after it
            return Cut()
        return Continue(again=needed if overlap.sounding else None)
