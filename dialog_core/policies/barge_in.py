"""What the caller's speech during a reply means, judged by how long it lasts and by what is said."""

from __future__ import annotations

import re
from collections.abc import Iterator

import attrs

from dialog_core.fields import setting
from dialog_core.language import primary
from dialog_core.policies.lexicon import lexicon, plain_words
from dialog_core.turns.expectation import ANYTHING
from dialog_core.turns.policy import Continue, Cut, Doubt, Duck, Ignore, Overlap

__all__ = [
    "Backchannel",
    "BackchannelSettings",
    "Disabled",
    "DisabledSettings",
    "HardCut",
    "HardCutSettings",
    "MinWords",
    "MinWordsSettings",
    "SoftFade",
    "SoftFadeSettings",
]

HUM = re.compile(r"[hmaou'-]{1,7}")
"""A hum with the mouth shut or open, whatever a recogniser makes of it: "mama", "huh", "mom", "uh-uh-huh"."""


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
        if overlap.voiced >= self.settings.after:
            return Cut("long enough speech")
        return Continue(self.settings.after, "too short so far")


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
            return Cut("long enough speech")
        if not overlap.sounding:
            return Continue(reason="it was short")
        if overlap.voiced < self.settings.after and not overlap.ducked:
            return Continue(self.settings.after, "too short so far")
        return Duck(self.settings.cut, self.settings.fade, "it may become an interruption")


@attrs.frozen
class DisabledSettings:
    """The `disabled` barge-in has none."""


@attrs.frozen
class Disabled:
    """Nothing interrupts; what the caller says is kept and answered afterwards."""

    settings: DisabledSettings

    def judge(self, _overlap: Overlap) -> Continue:
        """Go on."""
        return Continue(reason="nothing interrupts")


@attrs.frozen
class MinWordsSettings:
    """Settings of the `min-words` barge-in."""

    words: int = setting(default=2, at_least=1, help="recognised words that interrupt")


@attrs.frozen
class MinWords:
    """Enough words interrupt, however long they take; noise and coughs have none."""

    settings: MinWordsSettings

    def judge(self, overlap: Overlap) -> Continue | Cut:
        """Cut when the recogniser has understood enough."""
        if len(plain_words(overlap.text)) >= self.settings.words:
            return Cut("enough words")
        return Continue(reason="too few words")


@attrs.frozen
class BackchannelSettings:
    """Settings of the `backchannel` barge-in."""

    longest: float = setting(
        default=1.5,
        unit="s",
        above=0,
        help="sound beyond which even one without words is no backchannel; coughs and laughs are shorter",
    )
    phrases: tuple[str, ...] = setting(
        default=(), help="phrases that mean 'go on', besides those of the language"
    )
    language: str | None = setting(
        default=None, spoken=primary, help="ISO 639-1 code of the language whose phrases it knows"
    )


@attrs.frozen
class Backchannel:
    """Tells "mhm" from an interruption: it is none, unless it answers a question; other words are one."""

    settings: BackchannelSettings

    def judge(self, overlap: Overlap) -> Cut | Doubt | Ignore:
        """Wait for words, or for it to last too long for a backchannel."""
        longest, words = self.settings.longest, plain_words(overlap.text)
        is_long = overlap.voiced >= longest
        if not words:
            return Cut("too long for a backchannel") if is_long else Doubt(longest, "no words yet")
        if not self._tells_to_go_on(words):
            return Cut("words that are no backchannel")
        if overlap.expecting != ANYTHING or overlap.heard.rstrip().endswith(("?", "？")):  # noqa: RUF001 - full width
            return Cut("it answers a question")
        if overlap.sounding and not is_long:
            return Doubt(longest, "a backchannel, or the beginning of more")
        return Ignore("a backchannel")

    def _tells_to_go_on(self, words: list[str]) -> bool:
        known = lexicon(self.settings.language).backchannels
        own = {" ".join(plain_words(phrase)) for phrase in self.settings.phrases}
        if " ".join(words) in known | own:
            return True
        return all(word in known | own or HUM.fullmatch(word) for word in words)
