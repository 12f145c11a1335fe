"""Which segment does this audio belong to?

The vendor sends one stream of audio for a context, and boundaries of several kinds; segments must come out of it one
after the other, each with exactly one last piece. The rules:

- Audio belongs to the oldest segment that is open. A segment is closed once, and segments close in order.
- Every segment is one submission with a flush, so the n-th `flush_done` closes the n-th segment. One before which no
  new audio came is informational: some servers send a second after each submission. Ids are not compared, since
  sources differ on whether they count from the audio before or behind the mark; order is promised.
- Until the first `flush_done`, word times close a segment when the first word of the next is seen in its place.
- `done` closes all. Text after which no audio came is an error, which the caller raises.
- After a lost context the oldest open segment is said again, and as much of it as was handed on is skipped.

::

    submitted   [ segment 0 ][ segment 1 ]            [ segment 1 ]        second take, after a loss
    audio       ~~~~~~~~~~~~~|~~~~~~~ X               ------~~~~~~~|
                   flush_done^       ^socket lost     skip^        ^flush_done

Pure: no clock, no socket.
"""

from __future__ import annotations

import attrs

from dialog_cartesia.protocol import WordTimes
from dialog_core.audio import AudioFormat, AudioOut
from dialog_core.messages import PLAIN, Manner, Word

__all__ = ["Attribution"]

EPSILON = 1e-3
WORD_SLACK = 0.25
"""Seconds by which a word's time may reach beyond all audio."""
FASTEST_CHARACTER = 0.025
"""Seconds: forty characters a second are more than anybody says."""


@attrs.define(eq=False)
class Part:
    """A segment: what is submitted (empty if there is nothing to pronounce), and the audio handed on so far."""

    index: int
    text: str
    manner: Manner = PLAIN
    nbytes: int = 0


@attrs.define(eq=False)
class Guess:
    """Segment boundaries by word times, for servers that do not answer flushes."""

    segment: int = 0
    """Position among the submitted segments."""
    words: int = 0
    """Words seen of it."""
    bounds: list[int] = attrs.field(factory=list)
    """Bytes of the context's audio at which a segment ends; not yet reached."""

    def word(self, word: str, at: int, submitted: list[Part]) -> None:
        """Take note of a word that sounds `at` this many bytes into the context."""
        if self.segment + 1 < len(submitted):
            here, upcoming = submitted[self.segment : self.segment + 2]
            if self.words >= len(here.text.split()) and bare(word) == bare(
                upcoming.text.split()[0]
            ):
                self.segment += 1
                self.words = 0
                self.bounds.append(at)
        self.words += 1


@attrs.define(eq=False)
class Take:
    """What one context was given, and what came of it."""

    upcoming: int = 0
    """Position of the next part to submit."""
    base: int = 0
    """Bytes of the reply before the context's first."""
    skip: int = 0
    """Bytes still to be skipped, because they were handed on before."""
    words_from: float = 0.0
    """Seconds of the reply before which no word begins that is news."""
    submitted: list[Part] = attrs.field(factory=list)
    received: int = 0
    """Bytes."""
    flushes: int = 0
    flushed: int = 0
    """`received` at the last flush."""
    rest: bytes = b""
    """Half a sample, waiting for its other half."""
    guess: Guess = attrs.field(factory=Guess)


@attrs.define(eq=False)
class Attribution:
    """One reply's segments, and how far each has come."""

    reply: int
    fmt: AudioFormat
    parts: list[Part] = attrs.field(factory=list)
    current: int = 0
    """Position of the oldest part that is open."""
    position: int = 0
    """Bytes handed on."""
    words: list[Word] = attrs.field(factory=list)
    """Words that go out with the next piece."""
    words_until: float = 0.0
    """Seconds of the reply at which the last known word ends."""
    take: Take = attrs.field(factory=Take)

    @property
    def is_waiting(self) -> bool:
        """True while a submitted segment is open."""
        return self.current < self.take.upcoming

    @property
    def is_complete(self) -> bool:
        """True if every segment is closed."""
        return self.current == len(self.parts)

    @property
    def is_sounding(self) -> bool:
        """True if audio came since the last boundary."""
        return self.take.received > self.take.flushed

    @property
    def has_flushes(self) -> bool:
        """True if the server was seen to answer flushes in this context."""
        return self.take.flushes > 0

    @property
    def outstanding(self) -> int:
        """Characters of the submitted segments that are open."""
        return sum(len(part.text) for part in self.parts[self.current : self.take.upcoming])

    def add(self, index: int, text: str, manner: Manner = PLAIN) -> tuple[AudioOut, ...]:
        """Add a segment; `text` is empty if there is nothing to pronounce."""
        self.parts.append(Part(index, text, manner))
        return self._settled()

    def begin(self) -> None:
        """A new context begins: what is not closed must be submitted (again)."""
        said = 0 if self.is_complete else self.parts[self.current].nbytes
        self.take = Take(self.current, self.position - said, said, self.words_until)

    @property
    def upcoming(self) -> Part | None:
        """The next part to submit."""
        return next((part for part in self.parts[self.take.upcoming :] if part.text), None)

    def next_text(self, manner: Manner = PLAIN) -> str | None:
        """The next text to submit in a context of this manner, which is now submitted; None if there is none."""
        part = self.upcoming
        if part is None or part.manner != manner:
            return None
        self.take.upcoming = self.parts.index(part) + 1
        self.take.submitted.append(part)
        return part.text

    def audio(self, data: bytes) -> tuple[AudioOut, ...]:
        """Take a chunk; nothing comes out while it is skipped, or if no segment is open."""
        take = self.take
        closed = self._guessed() if take.guess.bounds else ()
        if not self.is_waiting:
            return closed
        take.received += len(data)
        if take.rest or len(data) % self.fmt.width:
            data = self._whole(data)
        if take.skip:
            data, take.skip = data[take.skip :], max(0, take.skip - len(data))
        if not data:
            return closed
        part = self.parts[self.current]
        part.nbytes += len(data)
        self.position += len(data)
        return (*closed, AudioOut(self.reply, part.index, data, self._words()))

    def times(self, times: WordTimes) -> None:
        """Take word times; they go out with the next piece."""
        take = self.take
        offset = self.fmt.seconds(take.base)
        for text, start, end in zip(times.words, times.start, times.end, strict=True):
            if not take.flushes:
                take.guess.word(text, self.fmt.nbytes(start), take.submitted)
            if offset + start >= take.words_from - EPSILON:
                self.words.append(Word(text, offset + start, offset + end))
                take.words_from = offset + start
                self.words_until = offset + end

    def flush(self, *, ended: bool) -> tuple[AudioOut, ...]:
        """Take a `flush_done`. ended: no more text follows, so the newest segment waits for `done`."""
        take = self.take
        if not self.is_sounding or take.flushes == len(take.submitted):
            return ()
        part = take.submitted[take.flushes]
        if ended and part is self.parts[-1]:
            return ()
        take.flushes += 1
        take.flushed = take.received
        pieces: list[AudioOut] = []
        while not self.is_complete and self.parts[self.current].index <= part.index:
            pieces += self._close()
        return tuple(pieces)

    def complete(self) -> tuple[AudioOut, ...]:
        """Close all that is open: the context is over."""
        pieces: list[AudioOut] = []
        while self.is_waiting:
            pieces += self._close()
        return tuple(pieces)

    def is_lacking(self, *, over: bool) -> bool:
        """True if some submitted text surely got no audio. over: the vendor says that all audio is out."""
        if not self.is_waiting:
            return False
        unflushed = len(self.take.submitted) - self.take.flushes
        return not self.is_sounding or (not over and self.has_flushes and unflushed > 1)

    @property
    def is_short(self) -> bool:
        """True if the audio so far cannot be all: known words lie beyond it, or nobody speaks that fast."""
        made = self.fmt.seconds(self.position)
        begun = self.parts[self.current].nbytes if self.is_waiting else 0
        fastest = self.outstanding * FASTEST_CHARACTER
        return self.words_until > made + WORD_SLACK or self.fmt.seconds(begun) < fastest

    @property
    def seems_said(self) -> bool:
        """True if, by its length and its word times, all submitted text was said; for servers that answer no flush."""
        guess, submitted = self.take.guess, self.take.submitted
        if not self.is_sounding or self.has_flushes or self.is_short:
            return False
        is_last = guess.segment == len(submitted) - 1
        return not guess.words or (is_last and guess.words >= len(submitted[-1].text.split()))

    def _guessed(self) -> tuple[AudioOut, ...]:
        """Close what word times say has been spoken."""
        bounds = self.take.guess.bounds
        if self.has_flushes:
            bounds.clear()
        pieces: list[AudioOut] = []
        while bounds and self.take.received >= bounds[0] and self.is_waiting:
            del bounds[0]
            pieces += self._close()
        return tuple(pieces)

    def _whole(self, data: bytes) -> bytes:
        """Whole samples of what came; half a sample is kept for the next chunk."""
        data = self.take.rest + data
        cut = len(data) - len(data) % self.fmt.width
        self.take.rest = data[cut:]
        return data[:cut]

    def _close(self) -> tuple[AudioOut, ...]:
        part = self.parts[self.current]
        self.current += 1
        self.take.rest = b""
        self.take.skip = 0
        # A segment said again may come out shorter: times count from where the line really is.
        self.take.base = self.position - self.take.received
        return (AudioOut(self.reply, part.index, b"", self._words(), last=True), *self._settled())

    def _settled(self) -> tuple[AudioOut, ...]:
        """Last pieces of the segments without anything to pronounce that are now first in line."""
        pieces: list[AudioOut] = []
        while not self.is_complete and not self.parts[self.current].text:
            pieces.append(AudioOut(self.reply, self.parts[self.current].index, b"", last=True))
            self.current += 1
        return tuple(pieces)

    def _words(self) -> tuple[Word, ...]:
        words = tuple(self.words)
        self.words.clear()
        return words


def bare(word: str) -> str:
    """A word without its punctuation and case."""
    return "".join(letter for letter in word.casefold() if letter.isalnum())
