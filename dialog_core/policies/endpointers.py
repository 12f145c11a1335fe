"""Endpointers that need no model: silence alone, silence and words, or the recogniser's own verdict."""

from __future__ import annotations

import re

import attrs

from dialog_core.fields import setting
from dialog_core.turns.policy import Done, Pause, Wait

__all__ = [
    "Acoustic",
    "AcousticSettings",
    "Heuristic",
    "HeuristicSettings",
    "Provider",
    "ProviderSettings",
]

FINISHED = re.compile(r"[.!?…。！？][\"'”’)]*\s*$")  # noqa: RUF001 - full-width marks are meant
DIGITS = re.compile(
    r"(?:\d|\b(?:zero|oh|one|two|three|four|five|six|seven|eight|nine|double|triple))[\s,.-]*$",
    re.IGNORECASE,
)
UNFINISHED = frozenset(
    """
    a an the and or but so because if when while that which who to of for from with at in on by about into as my your
    our their his her its this these those is are was were am be been have has had do does did will would can could
    should may might must i we they he she it's i'm i'd i'll you're we're not um uh er erm hmm like well then than just
    maybe also between until till
    """.split()  # noqa: SIM905 - prose is easier to read and to add to
)


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
        return Wait(self.settings.silence)

    async def ask(self, pause: Pause) -> Wait:
        """Never needed: `judge` never asks for time."""
        return self.judge(pause)


@attrs.frozen
class HeuristicSettings:
    """Settings of the `heuristic` endpointer."""

    finished: float = setting(
        default=0.5, unit="s", above=0, help="silence after a sentence that looks complete"
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


@attrs.frozen
class Heuristic:
    """Punctuation and the last words decide how much silence ends the turn."""

    settings: HeuristicSettings

    def judge(self, pause: Pause) -> Wait:
        """Wait by what the words so far look like."""
        text = pause.text.strip()
        last = text.split()[-1].lower() if text else ""
        if text.endswith((",", "-", "–", "—", "…", "...")) or last.strip(".,!?") in UNFINISHED:  # noqa: RUF001 - dashes
            return Wait(self.settings.unfinished)
        if DIGITS.search(text.rstrip(".")):
            return Wait(self.settings.number)
        if FINISHED.search(text):
            return Wait(self.settings.finished)
        return Wait(self.settings.unsure)

    async def ask(self, pause: Pause) -> Wait:
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

    def judge(self, pause: Pause) -> Done | Wait:
        """Believe a sure verdict at once; an eager guess is not one."""
        return Done() if pause.end_of_turn else Wait(self.settings.fallback)

    async def ask(self, pause: Pause) -> Done | Wait:
        """Never needed: `judge` never asks for time."""
        return self.judge(pause)
