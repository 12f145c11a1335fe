"""What several voices have made of one reply, as one account (pure).

Each voice counts from its own first audio; the reply's listeners count from the reply's. A segment that one voice began
and another goes on with is cut where the first one's last whole word ended, if its word times are known; else it is
spoken again from its start: words may be heard twice, but none is lost. Words are told when their audio is, not before,
so that a voice which fails has promised none that nobody will hear. A rest whose words have no times gets estimated
ones, so that the count of words stays true to the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import attrs

from dialog_core.audio import AudioFormat, AudioOut
from dialog_core.messages import SpeakText, Word
from dialog_core.speech.words import is_pronounceable

__all__ = ["Account", "Told"]

TOKEN = re.compile(r"\S+\s*")
ROUNDING = 1e-3
CHARACTERS_PER_SECOND = 15.0
LIKELY_OVER = 0.5
"""Share of a segment's expected audio above which a silent voice is taken to be about to finish it."""


@attrs.define
class Told:
    """One segment of the reply, and what came of it."""

    segment: SpeakText
    words: int = 0
    """Words told, of its text."""
    seconds: float = 0.0
    """Audio told, by the present voice."""
    has_times: bool = False
    """The present voice has told words of it."""
    complete: bool = False
    resumed: bool = False
    """Another voice began it."""

    @property
    def tokens(self) -> list[str]:
        """Its text, word by word."""
        return TOKEN.findall(self.segment.text)

    @property
    def left(self) -> str:
        """What is still to be spoken."""
        return "".join(self.tokens[self.words :])

    @property
    def is_due(self) -> bool:
        """Whether there is something left to be heard."""
        return not self.complete and is_pronounceable(self.left)

    @property
    def seems_said(self) -> bool:
        """Whether its audio may be all there although nobody said so."""
        if self.has_times:
            return not is_pronounceable(self.left)
        return self.seconds >= LIKELY_OVER * len(self.left) / CHARACTERS_PER_SECOND


@attrs.define
class Account:
    """One reply's segments, on the reply's own clock."""

    reply: int
    fmt: AudioFormat
    segments: list[Told] = attrs.field(factory=list)
    _made: float = 0.0
    """Seconds of audio told."""
    _began: float = 0.0
    """The same, when the present voice began."""
    _waiting: list[Word] = attrs.field(factory=list)
    """Words whose audio has not been told, on the reply's clock."""

    def add(self, segment: SpeakText) -> None:
        """A segment to be spoken."""
        self.segments.append(Told(segment))

    def plan(self, taken: int) -> SpeakText | None:
        """What a voice that has taken so many segments is to speak next; None if it has all."""
        for number in range(taken, len(self.segments)):
            told = self.segments[number]
            if not told.complete:
                return attrs.evolve(told.segment, text=told.left)
        return None

    @property
    def is_complete(self) -> bool:
        """Whether all segments were spoken."""
        return all(told.complete for told in self.segments)

    def owed(self, taken: int) -> bool:
        """Whether a voice that has taken so many segments owes audio."""
        pending = [told for told in self.segments[:taken] if told.is_due]
        return bool(pending) and not (len(pending) == 1 and pending[0].seems_said)

    def change_voice(self) -> tuple[AudioOut, ...]:
        """The next voice begins: the broken segment is cut at a word; returns the ends of those that are all told."""
        self._began, self._waiting = self._made, []
        over: list[AudioOut] = []
        for told in self.segments:
            begun = told.seconds > 0
            told.resumed = told.resumed or begun
            told.seconds, told.has_times = 0.0, False
            if begun and not told.complete and not is_pronounceable(told.left):
                told.complete = True
                over.append(self._piece(told, b"", (), last=True))
        return tuple(over)

    def take(self, audio: AudioOut) -> AudioOut | None:
        """A piece of the present voice, on the reply's clock; None for one of a segment that is complete."""
        told = self._told(audio.index)
        if told is None or told.complete:
            return None
        self._waiting += [self._shifted(word) for word in audio.words]
        seconds = self.fmt.seconds(len(audio.data))
        self._made += seconds
        told.seconds += seconds
        words = tuple(self._due_words(told, last=audio.last))
        if audio.last:
            words = (*words, *self._estimated(told))
            told.words, told.complete = len(told.tokens), True
        return self._piece(told, audio.data, words, last=audio.last)

    def _piece(self, told: Told, data: bytes, words: Sequence[Word], *, last: bool) -> AudioOut:
        return AudioOut(self.reply, told.segment.index, data, tuple(words), last)

    def _told(self, index: int) -> Told | None:
        return next((each for each in self.segments if each.segment.index == index), None)

    def _shifted(self, word: Word) -> Word:
        return attrs.evolve(word, start=word.start + self._began, end=word.end + self._began)

    def _due_words(self, told: Told, *, last: bool) -> Iterator[Word]:
        """Words whose audio is told now."""
        waiting, self._waiting = self._waiting, []
        for word in waiting:
            heard = (
                word.start < self._made - ROUNDING if last else word.end <= self._made + ROUNDING
            )
            if not heard:
                self._waiting.append(word)
                continue
            told.has_times = True
            told.words = min(told.words + 1, len(told.tokens))
            yield word

    def _estimated(self, told: Told) -> Iterator[Word]:
        """Times for the words of a resumed segment that its last voice gave none for."""
        rest = told.tokens[told.words :]
        if not told.resumed or told.has_times or not rest:
            return
        start, each = self._made - told.seconds, told.seconds / sum(map(len, rest))
        for token in rest:
            end = start + each * len(token)
            yield Word(token.strip(), start, end)
            start = end
