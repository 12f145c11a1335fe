"""Tells the agent's own voice from the caller's.

A guard is asked only when somebody sounds while the agent may be heard, and answers from two stretches of audio: what
was played and what is heard. The way between them is looked for (0.5 ms; 0.3 ms if there is none); when it is known,
whether it explains the last 64 ms takes a sixth of that. It is looked for again whenever it explains too little, since
carriers move their buffers, and only when that fails too is somebody else speaking.
"""

from __future__ import annotations

import enum
import math
from collections import deque
from collections.abc import Callable

import attrs
import numpy as np

from dialog_core.audio import AudioFormat
from dialog_core.echo.path import TAPS, EchoPath, find, ringing, share
from dialog_core.echo.sounds import F32, RATE, Heard, Played

__all__ = ["EchoGuard", "Verdict"]

COMPARED = 1024
"""Samples heard that are compared: 128 ms."""
LAST = 512
"""Of these, those that must be an echo: 64 ms, the voice that a gate needs."""
LAGS = 8192 - COMPARED
"""Samples by which an echo may be late: 0.9 s."""
EARLY = 400
"""Samples by which what is played may sound before we reckon."""
LATEST = (LAGS - EARLY) / RATE
"""Seconds after its playing for which audio may be heard again."""
SHARE = 0.5
"""Part of the power heard that the path must explain in an echo: with half, the caller is as loud as the echo."""
ALIKE = 0.4
"""Correlation that one of 1,200 beginnings of other human voices reached."""
DOUBTFUL = 0.2
"""Correlation that line noise leaves of a faint echo; 3 in 100 voices have it too."""
SOFT = 0.03
"""Power of a faint echo in terms of what was played (-15 dB): of a louder one, noise leaves more."""
SAME = 0.1
"""Correlation that is enough at a lag that was seen before."""
LEARNT = 2
"""How often the path must have explained what was heard before its loudness is believed."""
SMOOTH = 10
ABOVE = 2.0
"""Power above the echo's own, in a room that rings, from which it is a voice."""
INAUDIBLE = 10**-5.5
"""Power of noise on the quietest line, -55 dBFS: what is softer sounds only to a detector that lags behind."""
RISE = 1.05
"""By how much the noise is taken to grow between two comparisons without a pause."""
NEAR = 16
"""Samples between two lags that count as one."""
INTERVAL = 0.06
"""Seconds for which a verdict holds."""
LONGEST = 0.48
"""Seconds for which it holds at most that a voice goes on, where the line has returned nothing yet."""
REMEMBERED = 512
"""Verdicts kept for those who judge words."""


class Verdict(enum.Enum):
    """Who sounds."""

    VOICE = "voice"
    """Somebody besides the agent."""
    ECHO = "echo"
    """The agent alone."""
    DOUBT = "doubt"
    """It may be the agent: ask again a little later."""
    SILENCE = "silence"
    """Nobody yet, and no echo is known on this line: ask again a little later."""


@attrs.frozen
class Finding:
    """Who sounded in a window."""

    at: float
    seconds: float
    echo: bool


def ignore(_path: EchoPath, _delay: float) -> None:
    """Nobody wants to know."""


@attrs.define(eq=False)
class EchoGuard:
    """One call's."""

    played: Played
    heard: Heard
    on_path: Callable[[EchoPath, float], None] = ignore
    """Told the path that an echo takes, and its delay in seconds, when it is first known."""
    path: EchoPath | None = None
    """The way the last echo came; None before the first."""
    findings: deque[Finding] = attrs.field(factory=lambda: deque[Finding](maxlen=REMEMBERED))
    """Who sounded, of late, while the agent could be heard."""
    _doubted: int | None = None
    _judged: float = -math.inf
    _learnt: int = 0
    _level: float = 0.0
    _floor: float = 1.0
    _verdict: Verdict = Verdict.VOICE
    _holds: float = INTERVAL

    def tell_nobody(self) -> None:
        """A path that is found from now on is nobody's business: the call is over."""
        self.on_path = ignore

    @classmethod
    def on(cls, fmt: AudioFormat) -> EchoGuard:
        """For a line of this format."""
        return cls(Played(fmt, LATEST + COMPARED / RATE), Heard(fmt))

    def may_sound(self, at: float) -> bool:
        """Whether the agent may be heard at a time, as itself or as its echo."""
        return at < self.played.ends + LATEST

    def judge(self, end: float, *, goes_on: bool = False) -> Verdict:
        """Who sounds, judged by the audio up to a time; soon after the last answer it is the same.

        goes_on: it is the sound of the last answer; a voice that no echo has been taken for is judged ever less often.
        """
        if not 0 <= end - self._judged < (self._holds if goes_on else INTERVAL):
            self._judged = end
            self._verdict = self.compare(end)
            plain = goes_on and self.path is None and self._verdict is Verdict.VOICE
            self._holds = min(2 * self._holds, LONGEST) if plain else INTERVAL
        return self._verdict

    def compare(self, end: float) -> Verdict:
        """Who sounds, judged anew."""
        heard = self.heard.samples(end, COMPARED)
        if heard is None:
            return Verdict.VOICE
        start = end - (LAGS - EARLY + COMPARED) / RATE
        played = self.played.samples(start, LAGS + COMPARED)
        path, power = self.path, self._power(heard)
        if power < INAUDIBLE:
            return Verdict.SILENCE if path is None else Verdict.ECHO
        if path is not None:
            rings = ringing(played, path, COMPARED)
            if share(heard, played, path, LAST) >= SHARE:
                self._learn(power, rings)
                return Verdict.ECHO
            if self._learnt >= LEARNT and power <= ABOVE * (self._level * rings + self._floor):
                return Verdict.ECHO
        unseen = path is None and self._doubted is None
        sounds = min(max(round((self.played.ends - start) * RATE), 0), LAGS) + TAPS
        found = find(heard, played[: sounds + COMPARED], DOUBTFUL if unseen else SAME)
        if found is None or share(heard, played, found, LAST) < SHARE:
            return Verdict.VOICE
        return self._heed(found)

    def _power(self, heard: F32) -> float:
        """Mean power of the latest that is heard; what is softest in it tells of the line's own noise."""
        blocks = heard.reshape(-1, LAST // 2)
        powers = np.einsum("ij,ij->i", blocks, blocks) / np.float32(LAST // 2)
        self._floor = max(INAUDIBLE, min(float(powers.min()), self._floor * RISE))
        return float(powers[-2:].mean())

    def _learn(self, power: float, rings: float) -> None:
        """The path explained what was heard: how loud is what comes back, with all that it does not explain?"""
        if rings > 0:
            self._learnt += 1
            self._level += (power / rings - self._level) / min(self._learnt, SMOOTH)

    def _heed(self, found: EchoPath) -> Verdict:
        seen = {self._doubted, None if self.path is None else self.path.at} - {None}
        again = any(abs(found.at - at) <= NEAR for at in seen if at is not None)
        least = SAME if again else DOUBTFUL if found.power < SOFT else ALIKE
        if found.alike < least:
            return Verdict.VOICE
        if not again and found.alike < ALIKE:
            self._doubted = found.at
            return Verdict.DOUBT
        first, self.path, self._doubted = self.path is None, found, None
        if first:
            self.on_path(found, (LAGS - EARLY - found.at) / RATE)
        return Verdict.ECHO
