"""Endpointers that need no model: silence alone, silence and words, the caller's rhythm, the recogniser's verdict."""

from __future__ import annotations

import re

import attrs

from dialog_core.fields import setting
from dialog_core.language import primary
from dialog_core.policies.lexicon import Lexicon, lexicon, plain_words
from dialog_core.policies.progress import Progress, progress
from dialog_core.turns.policy import Abstain, Done, Pause, Wait

__all__ = [
    "Acoustic",
    "AcousticSettings",
    "Adaptive",
    "AdaptiveSettings",
    "Heuristic",
    "HeuristicSettings",
    "Look",
    "Provider",
    "ProviderSettings",
]

FINISHED = re.compile(r"[.!?…。！？][\"'”’)]*\s*$")  # noqa: RUF001 - full-width marks are meant
TRAILING = (",", "-", "–", "—", "…", "...")  # noqa: RUF001 - dashes are meant


@attrs.frozen
class AcousticSettings:
    """Settings of the `acoustic` endpointer."""

    silence: float = setting(
        default=0.7, unit="s", above=0, help="silence that ends a turn, whatever was said"
    )


@attrs.frozen
class Acoustic:
    """Silence of a set length ends the turn."""

    settings: AcousticSettings

    def judge(self, _pause: Pause) -> Wait:
        """The same wait for everything."""
        return Wait(self.settings.silence, "silence")

    async def ask(self, pause: Pause) -> Wait:
        """Never needed: `judge` never asks for time."""
        return self.judge(pause)


@attrs.frozen
class HeuristicSettings:
    """Settings of the `heuristic` endpointer."""

    finished: float = setting(
        default=0.42, unit="s", above=0, help="silence after a sentence that looks complete"
    )
    unsure: float = setting(
        default=0.8, unit="s", above=0, help="silence when nothing tells either way"
    )
    unfinished: float = setting(
        default=1.5,
        unit="s",
        above=0,
        help="silence after a conjunction, article, filler or trailing comma",
    )
    number: float = setting(
        default=1.2, unit="s", above=0, help="silence while a number may be going on"
    )
    answered: float = setting(
        default=0.35,
        unit="s",
        above=0,
        help="silence after a whole answer of the kind that the agent asked for",
    )
    dictating: float = setting(
        default=2.0,
        unit="s",
        above=0,
        help="silence within an answer of that kind: some of the digits, half an address",
    )
    language: str | None = setting(
        default=None, spoken=primary, help="ISO 639-1 code of the language whose words it knows"
    )


@attrs.frozen
class Look:
    """What the words of a pause look like: how long to wait, why, and whether that is beyond doubt."""

    seconds: float
    reason: str
    clear: bool = True


@attrs.frozen
class Heuristic:
    """What was asked for, punctuation and the last words decide how much silence ends the turn."""

    settings: HeuristicSettings

    @property
    def lexicon(self) -> Lexicon:
        """Of its language."""
        return lexicon(self.settings.language)

    def look(self, pause: Pause) -> Look:
        """Wait by what the words so far look like."""
        settings = self.settings
        match progress(pause.expecting, pause.text, self.lexicon):
            case Progress.WHOLE:
                return Look(settings.answered, "a whole answer to what was asked")
            case Progress.PART:
                return Look(settings.dictating, "part of the answer that was asked for")
        text = pause.text.strip()
        last = text.split()[-1].lower().strip(".,!?") if text else ""
        if text.endswith(TRAILING) or last in self.lexicon.unfinished:
            return Look(settings.unfinished, "the sentence trails off")
        if self._is_number(last):
            return Look(settings.number, "a number may go on")
        if self._only_opens(text):
            return Look(settings.unsure, "an opening, after which the matter comes")
        if FINISHED.search(text):
            return Look(settings.finished, "a finished sentence")
        return Look(settings.unsure, "no sign either way", clear=False)

    def _only_opens(self, text: str) -> bool:
        return " ".join(plain_words(text)) in self.lexicon.openings

    def _is_number(self, last: str) -> bool:
        words = self.lexicon
        spoken = words.digits | words.doubles | words.triples
        return last[-1:].isdigit() or last in spoken

    def judge(self, pause: Pause) -> Wait:
        """Wait by what the words so far look like."""
        look = self.look(pause)
        return Wait(look.seconds, look.reason)

    async def ask(self, pause: Pause) -> Wait:
        """Never needed: `judge` never asks for time."""
        return self.judge(pause)


@attrs.frozen
class AdaptiveSettings:
    """Settings of the `adaptive` endpointer."""

    pauses: int = setting(
        default=3, at_least=1, help="pauses of this caller needed before they count"
    )
    spread: float = setting(
        default=4.0, at_least=0, help="mean deviations above the mean pause that are waited for"
    )
    longest: float = setting(
        default=1.5, unit="s", above=0, help="longest wait that a caller's pauses can ask for"
    )
    fallback: float = setting(
        default=1.5, unit="s", above=0, help="silence that ends a turn if no other endpointer says"
    )


@attrs.frozen
class Adaptive:
    """Nobody is answered within a pause of the length that they make anyway. For a stack, before the one it bends."""

    settings: AdaptiveSettings

    def judge(self, pause: Pause) -> Abstain:
        """No sooner than this caller's own pauses last."""
        settings = self.settings
        longest = max(settings.fallback, settings.longest)
        if pause.rhythm.count < settings.pauses:
            return Abstain(longest, reason="too few pauses to know the caller's rhythm")
        least = min(pause.rhythm.longest(settings.spread), settings.longest)
        return Abstain(longest, least, "the caller's own pauses last as long")

    async def ask(self, pause: Pause) -> Abstain:
        """Never needed: `judge` never asks for time."""
        return self.judge(pause)


@attrs.frozen
class ProviderSettings:
    """Settings of the `provider` endpointer."""

    fallback: float = setting(
        default=2.0,
        unit="s",
        above=0,
        help="silence that ends a turn if the recogniser never says so",
    )


@attrs.frozen
class Provider:
    """The recogniser says when the turn is over; silence only stands in for a verdict that never comes."""

    settings: ProviderSettings

    def judge(self, pause: Pause) -> Done | Abstain:
        """Believe a sure verdict at once; an eager guess is not one, and leaves it to the others of a stack."""
        if pause.end_of_turn:
            return Done("the recogniser is sure")
        return Abstain(self.settings.fallback, reason="the recogniser has not said")

    async def ask(self, pause: Pause) -> Done | Abstain:
        """Never needed: `judge` never asks for time."""
        return self.judge(pause)
