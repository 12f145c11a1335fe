"""What the caller's speech during a reply means, judged by how long it lasts."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from dialog_core.fields import setting
from dialog_core.turns.policy import Continue, Cut, Duck, Overlap

__all__ = [
    "Disabled",
    "DisabledSettings",
    "HardCut",
    "HardCutSettings",
    "SoftFade",
    "SoftFadeSettings",
]


@attrs.frozen
class HardCutSettings:
    """Settings of the `hard-cut` barge-in."""

    after: float = setting(
        default=0.3,
        unit="s",
        at_least=0,
        help="speech that interrupts; silence in it does not count",
    )


@attrs.frozen
class HardCut:
    """Enough speech interrupts at once."""

    settings: HardCutSettings

    def judge(self, overlap: Overlap) -> Continue | Cut:
        """Cut when the caller has sounded long enough."""
        enough = overlap.voiced >= self.settings.after
        return Cut() if enough else Continue(again=self.settings.after)


@attrs.frozen
class SoftFadeSettings:
    """Settings of the `soft-fade` barge-in."""

    after: float = setting(default=0.2, unit="s", at_least=0, help="speech before the reply fades")
    fade: float = setting(default=0.2, unit="s", at_least=0, help="length of the fade")
    cut: float = setting(
        default=2.0, unit="s", above=0, help="speech that interrupts; after less the reply resumes"
    )

    def without_effect(self) -> Iterator[tuple[str, str]]:
        """A fade that would begin after the cut."""
        if self.after >= self.cut:
            reason = f"speech of {self.cut} s (cut) interrupts before the reply would fade"
            yield "after", reason


@attrs.frozen
class SoftFade:
    """Fade out first; go on if it was short, give way if it was not."""

    settings: SoftFadeSettings

    def judge(self, overlap: Overlap) -> Continue | Duck | Cut:
        """Duck while it lasts, resume when it stops early, cut when it goes on."""
        if overlap.voiced >= self.settings.cut:
            return Cut()
        if not overlap.sounding:
            return Continue()
        if overlap.voiced < self.settings.after and not overlap.ducked:
            return Continue(again=self.settings.after)
        return Duck(again=self.settings.cut, fade=self.settings.fade)


@attrs.frozen
class DisabledSettings:
    """The `disabled` barge-in has none."""


@attrs.frozen
class Disabled:
    """Nothing interrupts; what the caller says is kept and answered afterwards."""

    settings: DisabledSettings

    def judge(self, _overlap: Overlap) -> Continue:
        """Go on."""
        return Continue()
