r"""Whether a recogniser owes us words (pure).

Theory. A recogniser that answers errors is easily replaced; one that is silent must be told from a caller who is. The
line's own voice detector decides: speech that goes on without news, or that is over while no words reach its end, is
owed something, and when it is not paid in time a second recogniser listens too. Interim words that reach the end will
do: a recogniser that takes turns itself settles them when it believes the turn to be over.

::

    speech    ______/--------------------------\________
    live        ..i...i....i  (no more news)
                            |-- silence --|  due                  while the caller speaks
                                               |- final -| due    after they fell silent

Whether the second one is right shows in its words. Where it finds none either, the voice detector was wrong, and more
patience is due the next time. Loop times are `now`; call times come with events.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

import attrs

from dialog_core.audio import AudioFormat, AudioFrame
from dialog_core.messages import Transcript
from dialog_core.resilience.failover import FailoverSettings
from dialog_core.turns.events import SpeechStarted, SpeechStopped

__all__ = ["Heard", "Recent", "Watch"]

SLACK = 0.8
"""Seconds of voice at the end of speech that settled words need not reach: breath, noise, a vendor's rounding."""
SHORTEST = 0.25
"""Seconds of voice that may be a word."""
PRE_ROLL = 0.5
"""Seconds of audio before detected speech that belong to its first word."""
MOST_DOUBLINGS = 3

Heard = AudioFrame | SpeechStarted | SpeechStopped
"""What a recogniser is given, in the order of its arrival."""


@attrs.define
class Watch:
    """What the live recogniser owes."""

    settings: FailoverSettings
    sounding: bool = False
    talkative: bool = False
    """It has shown interim words in this call."""
    words: int = 0
    """Interim words that are known and not settled."""
    _news: float = -math.inf
    _started: float | None = None
    """Call time of the first speech whose words are not settled; None if nothing is owed."""
    _stopped: float = -math.inf
    noticed: float = -math.inf
    """When the line's voice detector last spoke."""
    _covered: float = -math.inf
    """Call time up to which words are settled."""
    _seen: float = -math.inf
    """Call time up to which words are known, settled or not."""
    _doubts: int = 0

    def note(self, event: SpeechStarted | SpeechStopped, now: float) -> None:
        """The line's voice detector spoke."""
        self.sounding = isinstance(event, SpeechStarted)
        self.noticed = now
        if self.sounding:
            self._started = event.at if self._started is None else self._started
            self._news = max(self._news, now)
            return
        self._stopped = event.at
        started = event.at if self._started is None else self._started
        if event.at - started < SHORTEST or self._covered >= self._needed():
            self._started = None

    def heard(self, transcript: Transcript, now: float) -> None:
        """The live recogniser has news."""
        self._news = now
        self._seen = max(self._seen, transcript.at)
        if not transcript.final:
            self.talkative = True
            self.words = len(transcript.text.split())
            return
        self.words = 0
        self._covered = max(self._covered, transcript.at)
        if transcript.text:
            self._doubts = 0
        if not self.sounding and self._covered >= self._needed():
            self._started = None

    def lacks(self, transcript: Transcript) -> bool:
        """Whether a final transcript leaves out voice at the end of speech that is over."""
        owed = self._started is not None and not self.sounding and transcript.final
        return owed and transcript.at < self._needed()

    def due(self) -> float:
        """The loop's time at which a second opinion is wanted; infinity while nothing is owed."""
        if self._started is None:
            return math.inf
        more = 2.0 ** min(self._doubts, MOST_DOUBLINGS)
        if self.sounding:
            silence = self.settings.silence * (1.0 if self.talkative else 2.0)
            return self._news + silence * more
        if self._seen >= self._needed():
            return math.inf
        return self.noticed + self.settings.final * more

    def owed_from(self) -> float | None:
        """Call time from which audio must be recognised again; None if all words are settled."""
        return None if self._started is None else max(self._covered, self._started - PRE_ROLL)

    def cleared(self) -> None:
        """Another recogniser heard no words there either."""
        self._started = None
        self._doubts += 1

    def replaced(self) -> None:
        """Another recogniser is live now."""
        self.talkative = False
        self.words = self._doubts = 0

    def _needed(self) -> float:
        """Call time that settled words must reach."""
        started = self._stopped if self._started is None else self._started
        return max(self._stopped - SLACK, (started + self._stopped) / 2)


@attrs.define(eq=False)
class Recent:
    """The latest that a recogniser was given, for one that takes over; at most `seconds` of audio, the oldest goes."""

    fmt: AudioFormat
    seconds: float
    _items: deque[Heard] = attrs.field(factory=deque)
    _nbytes: int = 0
    _most: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._most = self.fmt.nbytes(self.seconds)

    def push(self, item: Heard) -> None:  # per frame
        """Keep it; never waits."""
        self._items.append(item)
        if type(item) is AudioFrame:
            self._nbytes += len(item.data)
            while self._nbytes > self._most and len(self._items) > 1:
                self._drop()

    def settle(self, until: float) -> None:
        """Words before this call time are known."""
        while self._items and self._end(self._items[0]) <= until:
            self._drop()

    def since(self, start: float, *, sounding: bool) -> Iterable[Heard]:
        """All from a call time on. sounding: the caller speaks, so there is a beginning even if it is long ago."""
        kept = [item for item in self._items if self._end(item) > start]
        marked = any(isinstance(item, SpeechStarted) for item in kept)
        if sounding and not marked and kept:
            return (SpeechStarted(kept[0].at), *kept)
        return kept

    @property
    def end(self) -> float:
        """Call time at which the latest audio ends."""
        frames = (item for item in reversed(self._items) if isinstance(item, AudioFrame))
        return self._end(next(frames, AudioFrame(0.0, b"")))

    def _end(self, item: Heard) -> float:
        return item.at + self.fmt.seconds(len(item.data)) if type(item) is AudioFrame else item.at

    def _drop(self) -> None:
        item = self._items.popleft()
        if type(item) is AudioFrame:
            self._nbytes -= len(item.data)
