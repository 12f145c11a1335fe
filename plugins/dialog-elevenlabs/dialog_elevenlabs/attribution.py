"""Which segment does this audio belong to?

The vendor sends one stream of audio for a context and marks no boundaries in it, but says when each character sounds.
So characters are counted: the first letter that is too many for a segment begins the next one, and its time is where
the audio is cut. Blanks are not counted, since they come and go on the way.

::

    submitted   [One two. ][Three. ]           [Three. ]              second take, after a loss
    letters      O n e t w o . T h             T h r e e .
    audio       ~~~~~~~~~~~~~~|~~~~ X          ----~~~~~~~~|
                       cut ---^   lost         skip   Final^

- Segments close in order, each once: at a cut, when the context is final, or when all letters have come and the
  vendor has been silent for a while.
- Times may reach beyond the audio they came with; a cut waits until the audio is there.
- Without any alignment the oldest open segment gets all audio, and all segments close together.
- Text after which no audio came is an error, which the caller raises.
- After a lost context the oldest open segment is said again, and as much of it as was handed on is skipped.

Pure: no clock, no socket.
"""

from __future__ import annotations

from collections import deque
from itertools import takewhile

import attrs

from dialog_core.audio import AudioFormat, AudioOut
from dialog_core.messages import PLAIN, Manner, Word
from dialog_elevenlabs.protocol import Alignment

__all__ = ["Attribution", "Part"]

EPSILON = 1e-3
WORD_SLACK = 0.25
"""Seconds by which a word's time may reach beyond all audio."""
FASTEST_CHARACTER = 0.025
"""Seconds: forty characters a second are more than anybody says."""
LOST_LETTERS = 2
"""Letters at a segment's end whose times may fail to come."""


@attrs.define(eq=False)
class Part:
    """A segment: what is submitted (empty if there is nothing to pronounce), and what came of it."""

    index: int
    text: str
    manner: Manner = PLAIN
    nbytes: int = 0
    """Bytes of audio handed on."""
    words: list[Word] = attrs.field(factory=list)
    """Words that go out with its next piece."""
    is_closed: bool = False

    @property
    def letters(self) -> int:
        """Characters without blanks."""
        return len("".join(self.text.split()))


@attrs.define(eq=False)
class Letters:
    """How far the times of characters have come in a context."""

    part: int = 0
    """Which of the submitted parts the next letter belongs to."""
    left: int = 0
    """Letters of it that are still to come."""
    heard: bool = False
    """Any came."""
    cuts: deque[int] = attrs.field(factory=deque)
    """Where the next parts begin, in bytes of the context's audio."""
    word: list[tuple[str, float, float]] = attrs.field(factory=list)
    """Characters of a word that is not whole yet."""
    words_from: float = 0.0
    """Seconds of the reply before which no word begins that is news."""


@attrs.define(eq=False)
class Take:
    """What one context was given, and what came of it. Positions are bytes of the context's audio."""

    letters: Letters
    upcoming: int = 0
    """Number of the next part to submit."""
    base: int = 0
    """Bytes of the reply before the context's first."""
    skip: int = 0
    """Bytes still to be skipped, because they were handed on before."""
    submitted: list[Part] = attrs.field(factory=list)
    received: int = 0
    cut_at: int = 0
    """Where the latest closed part ended."""
    rest: bytes = b""
    """Half a sample, waiting for its other half."""


@attrs.define(eq=False)
class Attribution:
    """One reply's segments, and how far each has come."""

    reply: int
    fmt: AudioFormat
    parts: list[Part] = attrs.field(factory=list)
    current: int = 0
    """Number of the oldest part that is open."""
    position: int = 0
    """Bytes handed on."""
    words_until: float = 0.0
    """Seconds of the reply at which the last known word ends."""
    take: Take = attrs.field(factory=lambda: Take(Letters()))

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
        """True if audio came since the last segment was closed."""
        return self.take.received > self.take.cut_at

    @property
    def is_aligned(self) -> bool:
        """True if all that was submitted has its times and its audio."""
        take = self.take
        last = take.letters.part == len(take.submitted) - 1
        known = take.letters.heard and last and take.letters.left <= LOST_LETTERS
        return known and self.words_until <= self._made + WORD_SLACK

    @property
    def is_lacking(self) -> bool:
        """True if some submitted text surely got no audio, once the vendor says that all audio is out."""
        if not self.is_waiting:
            return False
        take = self.take
        return not self.is_sounding or (
            take.letters.heard and take.letters.part < len(take.submitted) - 1
        )

    @property
    def is_short(self) -> bool:
        """True if the audio so far cannot be all: known words lie beyond it, or nobody speaks that fast."""
        begun = self.parts[self.current].nbytes if self.is_waiting else 0
        fastest = self.outstanding * FASTEST_CHARACTER
        return self.words_until > self._made + WORD_SLACK or self.fmt.seconds(begun) < fastest

    @property
    def outstanding(self) -> int:
        """Characters of the submitted segments that are open."""
        return sum(len(part.text) for part in self.parts[self.current : self.take.upcoming])

    @property
    def _made(self) -> float:
        return self.fmt.seconds(self.position)

    def add(self, index: int, text: str, manner: Manner = PLAIN) -> tuple[AudioOut, ...]:
        """Add a segment; `text` is empty if there is nothing to pronounce."""
        self.parts.append(Part(index, text, manner))
        return self._settled()

    def begin(self) -> None:
        """A new context begins: what is not closed must be submitted (again)."""
        said = 0 if self.is_complete else self.parts[self.current].nbytes
        letters = Letters(words_from=self.words_until)
        self.take = Take(letters, self.current, self.position - said, said)

    def following(self) -> Part | None:
        """The next part to submit in this context; it is not taken yet."""
        take = self.take
        while take.upcoming < len(self.parts) and not self.parts[take.upcoming].text:
            take.upcoming += 1
        return self.parts[take.upcoming] if take.upcoming < len(self.parts) else None

    def submit(self, part: Part) -> None:
        """The part was submitted."""
        take = self.take
        take.upcoming += 1
        take.submitted.append(part)
        if len(take.submitted) == 1:
            take.letters.left = part.letters

    def audio(self, data: bytes, alignment: Alignment | None) -> tuple[AudioOut, ...]:
        """Take a chunk and the times of what sounds in it; nothing comes out if no segment is open."""
        take = self.take
        if not self.is_waiting:
            return ()
        if alignment is not None:
            self._align(alignment)
        if take.rest or len(data) % self.fmt.width:
            data = self._whole(data)
        pieces: list[AudioOut] = []
        while take.letters.cuts and take.letters.cuts[0] <= take.received + len(data):
            size = max(0, take.letters.cuts.popleft() - take.received)
            pieces += (*self._hand_on(data[:size]), *self._close())
            data = data[size:]
        return (*pieces, *self._hand_on(data))

    def complete(self) -> tuple[AudioOut, ...]:
        """Close all that is open: nothing more is to come of what was submitted."""
        take = self.take
        self._end_word()
        take.letters.cuts.clear()
        pieces: list[AudioOut] = []
        while self.is_waiting:
            pieces += self._close()
        letters = take.letters
        letters.part, letters.left, letters.heard = max(0, len(take.submitted) - 1), 0, False
        return tuple(pieces)

    def _align(self, alignment: Alignment) -> None:
        """Count letters, note where segments begin, and gather words."""
        take, letters = self.take, self.take.letters
        here = self.fmt.seconds(take.base + take.received)
        times = zip(alignment.chars, alignment.starts, alignment.ends, strict=True)
        for character, start, end in times:
            if not character.strip():
                self._end_word()
                continue
            if not letters.left and letters.part + 1 < len(take.submitted):
                self._end_word()
                if not take.submitted[letters.part].is_closed:
                    letters.cuts.append(take.received + self.fmt.nbytes(max(start, 0.0)))
                letters.part += 1
                letters.left = take.submitted[letters.part].letters
            letters.heard = True
            letters.left = max(0, letters.left - len(character))
            letters.word.append((character, here + start, here + end))

    def _end_word(self) -> None:
        """The characters so far are a word; it is passed on unless it was before."""
        take, letters = self.take, self.take.letters
        if not letters.word:
            return
        text = "".join(character for character, _, _ in letters.word)
        start, end = letters.word[0][1], letters.word[-1][2]
        letters.word.clear()
        if start >= letters.words_from - EPSILON:
            start = max(start, self.words_until)
            end = max(start, end)
            take.submitted[letters.part].words.append(Word(text, start, end))
            letters.words_from = start
            self.words_until = end

    def _hand_on(self, data: bytes) -> tuple[AudioOut, ...]:
        """Audio of the oldest open segment, without what was handed on before."""
        take = self.take
        if not data or not self.is_waiting:
            return ()
        take.received += len(data)
        if take.skip:
            data, take.skip = data[take.skip :], max(0, take.skip - len(data))
            if not data:
                return ()
        part = self.parts[self.current]
        part.nbytes += len(data)
        self.position += len(data)
        return (AudioOut(self.reply, part.index, data, words_of(part)),)

    def _whole(self, data: bytes) -> bytes:
        """Whole samples of what came; half a sample is kept for the next chunk."""
        data = self.take.rest + data
        cut = len(data) - len(data) % self.fmt.width
        self.take.rest = data[cut:]
        return data[:cut]

    def _close(self) -> tuple[AudioOut, ...]:
        take, part = self.take, self.parts[self.current]
        self.current += 1
        part.is_closed = True
        take.skip = 0
        take.cut_at = take.received
        # A segment said again may come out shorter: times count from where the line really is.
        take.base = self.position - take.received
        return (
            AudioOut(self.reply, part.index, b"", words_of(part), last=True),
            *self._settled(),
        )

    def _settled(self) -> tuple[AudioOut, ...]:
        """Last pieces of the segments without anything to pronounce that are now first in line."""
        empty = tuple(takewhile(lambda part: not part.text, self.parts[self.current :]))
        self.current += len(empty)
        return tuple(AudioOut(self.reply, part.index, b"", last=True) for part in empty)


def words_of(part: Part) -> tuple[Word, ...]:
    """The words that wait to go out."""
    words = tuple(part.words)
    part.words.clear()
    return words
