"""Words that are not settled yet, and how they become so exactly once.

Words settle in two ways: the recogniser sends them as final, or it does not do so in time and we take its last guess
(:meth:`Pending.promote`). After a promotion the recogniser still sends its own final; of that, only words which sounded
after the promoted ones are news. The words' times decide, not their spelling, which may have changed::

    interim   I want to         promoted at the caller's silence
    final     I want to cancel  -> only "cancel" is passed on
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import takewhile

import attrs

from dialog_core.messages import Transcript, Word

__all__ = ["Pending", "spread"]


@attrs.define
class Pending:
    """The interim transcript that listeners know of, and how far words and audio are settled."""

    interim: Transcript | None = None
    settled: float = -math.inf
    """The call's time up to which no audio need be recognised again."""
    heard: float = -math.inf
    """The call's time up to which audio has had a result of any kind."""
    _taken: float = -math.inf
    """End of the last promoted word: words before it were passed on."""

    def hear(self, transcript: Transcript) -> Transcript | None:
        """What listeners should be told of a transcript; None if it is no news to them.

        A final one may be empty: it takes an interim one back.
        """
        self.heard = max(self.heard, transcript.at)
        fresh = self._trim(transcript)
        known = self.interim
        if fresh.final:
            self.interim = None
            self.settled = max(self.settled, transcript.at)
            return fresh if fresh.text or known is not None else None
        if not fresh.text:
            return None
        self.interim = fresh
        return None if known is not None and known.text == fresh.text else fresh

    def promote(self, before: float = math.inf) -> Transcript | None:
        """Settle the interim words that sounded before a moment, since nobody else will; None if there are none."""
        if self.interim is None:
            return None
        words = tuple(timed(self.interim))
        early = tuple(takewhile(lambda word: middle(word) < before, words))
        if not early:
            return None
        late = words[len(early) :]
        self._taken = max(self._taken, early[-1].end)
        self.settled = max(self.settled, self._taken)
        promoted = attrs.evolve(self.interim, final=True)
        if not late:
            self.interim = None
            return promoted
        self.interim = only(self.interim, late)
        return attrs.evolve(only(promoted, early), at=early[-1].end)

    def _trim(self, transcript: Transcript) -> Transcript:
        """A transcript without the words that were promoted."""
        if not transcript.text or (transcript.started or 0.0) >= self._taken:
            return transcript
        words = tuple(timed(transcript))
        fresh = tuple(word for word in words if middle(word) > self._taken)
        return transcript if len(fresh) == len(words) else only(transcript, fresh)


def only(transcript: Transcript, words: tuple[Word, ...]) -> Transcript:
    """A transcript cut down to some of its words."""
    return attrs.evolve(
        transcript,
        text=" ".join(word.text for word in words),
        started=words[0].start if words else transcript.at,
        words=words if transcript.words else (),
    )


def timed(transcript: Transcript) -> Iterator[Word]:
    """The words of a transcript; where the recogniser gave no times, they are spread over its span."""
    if transcript.words:
        return iter(transcript.words)
    started = transcript.at if transcript.started is None else transcript.started
    return spread(transcript.text.split(), started, transcript.at)


def spread(texts: list[str], start: float, end: float) -> Iterator[Word]:
    """Words as long as each other over a span of time."""
    step = max(end - start, 0.0) / max(len(texts), 1)
    return (
        Word(text, start + index * step, start + (index + 1) * step)
        for index, text in enumerate(texts)
    )


def middle(word: Word) -> float:
    """When the middle of a word sounded."""
    return (word.start + word.end) / 2
