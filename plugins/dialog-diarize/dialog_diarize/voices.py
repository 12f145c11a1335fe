"""Which voice of a call a new one is: online clustering, with a bound on the voices and an answer for doubt (pure).

::

    likeness to the nearest known voice
    0 ......... different ............ same ......... 1
      a new voice   |     cannot tell     |  that voice

A voice is the sum of the prints that were found to be its own, each as long as its stretch of speech, up to a limit; so
it grows surer, and follows a voice that changes. What cannot be told changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F32 = NDArray[np.float32]

__all__ = ["Likeness", "Voices"]

REMEMBERED_SECONDS = 30.0
"""Speech that makes up a voice; beyond, what is older fades."""


@attrs.frozen
class Likeness:
    """When two prints are of one voice, by the cosine of their angle, -1..1."""

    same: float
    different: float


@attrs.define(eq=False)
class Voices:
    """The voices of one call, numbered in the order in which they were first heard."""

    likeness: Likeness
    most: int
    """Voices that are told apart; a further one cannot be told."""
    enough: float
    """Seconds of speech that a new voice must have."""
    _sums: list[F32] = attrs.field(factory=list)
    _seconds: list[float] = attrs.field(factory=list)

    def number(self, voiceprint: F32, seconds: float) -> int | None:
        """Whose print it is, None if it cannot be told. seconds: of speech that it was made from."""
        alike = [float(voiceprint @ known / np.linalg.norm(known)) for known in self._sums]
        best = max(alike, default=-1.0)
        if best >= self.likeness.same:
            nearest = alike.index(best)
            self._learn(nearest, voiceprint, seconds)
            return nearest
        if best > self.likeness.different or seconds < self.enough or len(alike) >= self.most:
            return None
        self._sums.append(voiceprint * np.float32(seconds))
        self._seconds.append(seconds)
        return len(alike)

    def _learn(self, number: int, voiceprint: F32, seconds: float) -> None:
        total = self._seconds[number] + seconds
        kept = min(1.0, REMEMBERED_SECONDS / total)
        self._sums[number] = (self._sums[number] + voiceprint * np.float32(seconds)) * np.float32(
            kept
        )
        self._seconds[number] = total * kept
