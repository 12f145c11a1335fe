"""Cuts the caller's audio into phrases where the voice detector says that speech began and ended.

::

    audio    ----------[ pre-roll | speech .......... | hang-over ]-----------
    detector             noticed late ^     noticed later still ^

The detector speaks of the past, so recent audio is kept. No audio belongs to two phrases: what one has taken the next
does not get, however close they are. Speech that lasts too long is cut at the quietest point of its last third.
"""

from __future__ import annotations

from collections import deque

import attrs

from dialog_core import g711
from dialog_core.audio import AudioFormat, AudioFrame

__all__ = ["Phrase", "Phrases"]

KEPT_SECONDS = 2.0
"""How much audio is kept while nobody speaks: the detector's delay and the longest pre-roll fit in."""
QUIET_SECONDS = 0.12


@attrs.frozen
class Phrase:
    """A stretch of speech. Times are seconds since the call began."""

    number: int
    started: float
    """When the speech began; the audio may reach further back, and beyond its end."""
    ended: float
    audio: bytes = attrs.field(repr=False)
    audio_at: float = attrs.field(default=0.0, eq=False)
    """When its audio begins, the pre-roll included."""


@attrs.define
class Phrases:
    """One call's audio, cut."""

    fmt: AudioFormat
    pre_roll: float
    hang_over: float
    longest: float
    _frames: deque[AudioFrame] = attrs.field(factory=deque)
    _settled: float = 0.0
    """Audio before this belongs to an earlier phrase."""
    _began: float | None = None
    """Start of the phrase being spoken."""
    _number: int = 0

    @property
    def heard(self) -> float:
        """Call time up to which audio has come."""
        return self._end(self._frames[-1]) if self._frames else 0.0

    def feed(self, frame: AudioFrame) -> Phrase | None:
        """Take audio; returns the first part of a phrase that has become too long."""  # per frame
        self._frames.append(frame)
        if self._began is None:
            self._forget(self.heard - KEPT_SECONDS)
        elif self.heard - self._began > self.longest:
            return self._split(self._began)
        return None

    def start(self, at: float) -> bool:
        """Speech began; False if a phrase is being spoken already."""
        if self._began is not None:
            return False
        self._number += 1
        self._began = max(at, self._settled)
        return True

    def stop(self, at: float) -> Phrase | None:
        """Speech ended; returns the phrase, or None if there was none."""
        if self._began is None:
            return None
        end = min(at + self.hang_over, self.heard)
        phrase = self._cut(self._began, at, audio_end=end)
        self._began = None
        self._settled = max(self._settled, end)
        return phrase

    def so_far(self) -> Phrase | None:
        """The phrase being spoken, up to now."""
        return None if self._began is None else self._cut(self._began, self.heard)

    def _split(self, began: float) -> Phrase:
        whole = self._cut(began, self.heard)
        phrase = self._cut(began, self._quietest(whole))
        self._began = self._settled = phrase.ended
        self._number += 1
        self._forget(phrase.ended)
        return phrase

    def _quietest(self, phrase: Phrase) -> float:
        """The quietest moment of the phrase's last third."""
        samples = g711.decode_floats(phrase.audio, self.fmt.encoding)
        first = samples.size * 2 // 3
        size = round(QUIET_SECONDS * self.fmt.rate)
        tail = samples[first : first + (samples.size - first) // size * size].reshape(-1, size)
        quietest = int((tail**2).sum(axis=1).argmin())
        behind = samples.size - (first + quietest * size + size // 2)
        return phrase.ended - behind / self.fmt.rate

    def _cut(self, began: float, ended: float, *, audio_end: float | None = None) -> Phrase:
        """The phrase of this speech, with the audio before it that no other has."""
        start = max(began - self.pre_roll, self._settled)
        end = ended if audio_end is None else audio_end
        pieces: list[bytes] = []
        audio_at = start
        for frame in self._frames:
            if self._end(frame) <= start or frame.at >= end:
                continue
            if not pieces:
                audio_at = max(start, frame.at)
            first = self.fmt.nbytes(max(start - frame.at, 0.0))
            last = self.fmt.nbytes(max(end - frame.at, 0.0))
            pieces.append(frame.data[first:last])
        return Phrase(self._number, began, max(ended, began), b"".join(pieces), audio_at)

    def _forget(self, before: float) -> None:
        while self._frames and self._end(self._frames[0]) <= before:
            self._frames.popleft()

    def _end(self, frame: AudioFrame) -> float:
        return frame.at + self.fmt.seconds(len(frame.data))
