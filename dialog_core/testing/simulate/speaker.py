"""A reply on its way to a carrier without a network, for the playout ledger alone: made, sent, played, marked.

The carrier here knows what it has played, word by word; the ledger must find out.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator

import attrs

from dialog_core.audio import AudioFormat, AudioOut, Encoding
from dialog_core.messages import SpeakText, Word
from dialog_core.speech.ledger import Ledger, Piece

__all__ = ["FORMAT", "SimulatedSpeaker"]

FORMAT = AudioFormat(Encoding.MULAW, 100)
"""A byte is ten milliseconds: the ledger only counts them."""
SECONDS_A_LETTER = 0.05
TEXTS = ("Yes. ", "The shop opens at nine. ", "Please tell me your name, ", "one moment. ")
Key = tuple[int, int]


@attrs.define
class Playing:
    """A piece that the carrier has: of which segment, and from which of its seconds on."""

    key: Key
    start: float
    seconds: float
    offset: float


@attrs.define(eq=False)
class SimulatedSpeaker:
    """One call's voice and carrier."""

    dice: random.Random
    new_ledger: Callable[[AudioFormat], Ledger] = Ledger
    ledger: Ledger = attrs.field(init=False)
    said: dict[int, list[SpeakText]] = attrs.field(factory=dict)
    """Segments of each reply."""
    marks: deque[tuple[float, Key]] = attrs.field(factory=deque)
    """Marks on their way: when they are due, and whose."""
    cleared: list[Key] = attrs.field(factory=list)
    """Marks that were thrown away; a carrier that lies returns them all the same."""
    _playing: list[Playing] = attrs.field(factory=list)
    _times: dict[Key, tuple[float, ...]] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.ledger = self.new_ledger(FORMAT)

    # --- making and sending

    def make(self, reply: int, *, last: bool = True) -> tuple[Piece, ...]:
        """Speak the next segment of a reply. last: False leaves it unfinished. Returns what is to be sent."""
        segments = self.said.setdefault(reply, [])
        segment = SpeakText(reply, len(segments), self.dice.choice(TEXTS))
        begun = sum(self._length(each) for each in segments)
        segments.append(segment)
        self.ledger.add(segment)
        words, times, at = [], [], 0.0
        for text in segment.text.split():
            seconds = round((len(text) + 1) * SECONDS_A_LETTER, 2)
            words.append(Word(text, begun + at, begun + at + seconds))
            at += seconds
            times.append(at)
        self._times[reply, segment.index] = tuple(times)
        audio = AudioOut(reply, segment.index, b"-" * FORMAT.nbytes(at), tuple(words), last)
        return self.ledger.take(audio)

    def _length(self, segment: SpeakText) -> float:
        return self._times[segment.reply, segment.index][-1]

    def send(self, pieces: tuple[Piece, ...], now: float) -> bool:
        """Hand pieces to the carrier; True if audio was among them."""
        sounded = False
        for piece in pieces:
            self.ledger.sent(piece, now)
            ends = self._playing[-1].start + self._playing[-1].seconds if self._playing else 0.0
            if not piece.data:
                self.marks.append((max(now, ends), piece.key))
                continue
            sounded = True
            before = [each for each in self._playing if each.key == piece.key]
            offset = before[-1].offset + before[-1].seconds if before else 0.0
            start = max(now, ends)
            self._playing.append(Playing(piece.key, start, FORMAT.seconds(len(piece.data)), offset))
        return sounded

    # --- stopping

    def clear(self, now: float) -> None:
        """The carrier throws away what it has not played."""
        kept = []
        for piece in self._playing:
            if piece.start < now:
                piece.seconds = min(piece.seconds, now - piece.start)
                kept.append(piece)
        self._playing = kept
        self.cleared = [key for due, key in self.marks if due > now]
        self.marks = deque(mark for mark in self.marks if mark[0] <= now)

    # --- what was heard

    def due(self, now: float) -> Iterator[Key]:
        """Marks that come back by now."""
        while self.marks and self.marks[0][0] <= now:
            yield self.marks.popleft()[1]

    def words_heard(self, reply: int, now: float) -> float:
        """How many words of a reply have sounded; the last may count in part."""
        count = 0.0
        for segment in self.said.get(reply, ()):
            seconds = self._played((reply, segment.index), now)
            begun = 0.0
            for end in self._times[reply, segment.index]:
                count += min(1.0, max(0.0, (seconds - begun) / (end - begun)))
                begun = end
        return count

    def _played(self, key: Key, now: float) -> float:
        furthest = 0.0
        for piece in self._playing:
            if piece.key == key and piece.start < now:
                furthest = max(furthest, piece.offset + min(piece.seconds, now - piece.start))
        return furthest

    def forget(self, reply: int) -> None:
        """The reply is over."""
        self._playing = [piece for piece in self._playing if piece.key[0] != reply][
            -1:
        ] or self._playing[-1:]
        for segment in self.said.get(reply, ()):
            self._times.pop((reply, segment.index), None)
