"""What Deepgram's messages mean to the framework: pure, one reader a call, one timeline a connection.

v1 sends results. A final one settles its span of audio; ``speech_final`` on it says that the caller has fallen silent,
and where noise keeps that from coming, ``UtteranceEnd`` says it by the words' times. Both together make one
:class:`EndOfTurn`. A ``speech_final`` that answers our own ``Finalize`` is an echo of the line's voice detector and
decides nothing.

v2 sends turns. Every message holds the whole turn so far, and the end of the turn, sure or eager, is Deepgram's word.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import attrs

from dialog_core.messages import Transcript, Word
from dialog_core.protocols import SttEvent
from dialog_core.resilience.timeline import Timeline
from dialog_core.turns.events import EndOfTurn, SpeechStarted, SpeechStopped, TurnResumed
from dialog_deepgram import protocol as wire
from dialog_deepgram.pending import Pending

__all__ = ["FluxReader", "LiveReader", "Reader"]

SLACK = 1.0
"""Seconds by which a time may lie outside of the audio sent before it counts as a lie."""
UNSURE = 0.5
"""Seconds at the end of a wordless window in which a word may have begun."""


@attrs.define
class Voice:
    """Deepgram's opinion on when the caller sounds, for lines without a voice detector of their own."""

    wanted: bool
    _sounding: bool = False

    def start(self, at: float) -> Iterator[SttEvent]:
        if self.wanted and not self._sounding:
            self._sounding = True
            yield SpeechStarted(at)

    def stop(self, at: float) -> Iterator[SttEvent]:
        if self.wanted and self._sounding:
            self._sounding = False
            yield SpeechStopped(at)


@attrs.define
class LiveReader:
    """Reads v1."""

    pending: Pending
    voice: Voice
    timeline: Timeline = attrs.field(factory=Timeline)
    _said: bool = False
    """Words were heard since the last end of a turn."""
    _last: float = 0.0
    """The call's time of the end of the last word."""

    def read(self, message: wire.Message) -> Iterator[SttEvent]:
        """The events that a message stands for."""
        match message:
            case wire.Results():
                yield from self._hear(message)
            case wire.SpeechBegan(timestamp=timestamp):
                yield from self.voice.start(self.timeline.when(timestamp))
            case wire.UtteranceEnd(last_word_end=sent):
                yield from self.promote()
                yield from self._end(self.timeline.when(sent) if sent >= 0 else self._last)
            case wire.Metadata() | wire.Failure():
                pass

    def promote(self, before: float = float("inf")) -> Iterator[SttEvent]:
        """Settle what is pending; see :meth:`Pending.promote`."""
        promoted = self.pending.promote(before)
        if promoted is not None:
            yield promoted

    def reconnect(self, resumed: float | None) -> Iterator[SttEvent]:
        """A new connection will hear audio from `resumed` on; None if there is none to repeat."""
        self.timeline = Timeline()
        yield from self.promote(float("inf") if resumed is None else resumed)

    def _hear(self, result: wire.Results) -> Iterator[SttEvent]:
        best = next(iter(result.channel.alternatives), wire.Alternative())
        start, end = honest(self.timeline, result.start, result.start + result.duration)
        words = live_words(self.timeline, best, start, end)
        transcript = Transcript(
            at=self.timeline.when(end),
            text=best.transcript.strip(),
            final=bool(result.is_final),
            started=self.timeline.when(start),
            confidence=best.confidence,
            words=words,
            language=best.languages[0] if best.languages else None,
        )
        heard = self.pending.hear(transcript)
        if heard is not None:
            if heard.text:
                self._said = True
                self._last = heard.words[-1].end if heard.words else heard.at
                yield from self.voice.start(heard.words[0].start if heard.words else transcript.at)
            yield heard
        if result.speech_final and not result.from_finalize:
            yield from self._end(transcript.at)

    def _end(self, at: float) -> Iterator[SttEvent]:
        yield from self.voice.stop(min(at, self._last) if self._said else at)
        if self._said:
            self._said = False
            yield EndOfTurn(at)


@attrs.define
class FluxReader:
    """Reads v2."""

    pending: Pending
    voice: Voice
    timeline: Timeline = attrs.field(factory=Timeline)
    talking: bool = False
    """A turn is open: without more audio it would never end."""
    _eager: bool = False
    """An eager end of turn stands and may have to be taken back."""

    def read(self, message: wire.FluxMessage) -> Iterator[SttEvent]:
        """The events that a message stands for."""
        if not isinstance(message, wire.TurnInfo):
            return
        start, end = honest(self.timeline, message.audio_window_start, message.audio_window_end)
        transcript = self._transcript(message, start, end)
        ended = message.event == wire.Event.END
        if message.event == wire.Event.RESUMED:
            yield from self._resume(transcript.at)
        if message.event == wire.Event.START or (transcript.text and not ended):
            self.talking = True
            yield from self.voice.start(
                transcript.words[0].start if transcript.words else transcript.at
            )
        yield from self._hear(transcript)
        if message.event == wire.Event.EAGER_END and not self._eager:
            self._eager = True
            yield EndOfTurn(transcript.at, sure=False)
        if ended:
            self.talking = self._eager = False
            yield from self.voice.stop(
                transcript.words[-1].end if transcript.words else transcript.at
            )
            if transcript.text:
                yield EndOfTurn(transcript.at)

    def promote(self, before: float = float("inf")) -> Iterator[SttEvent]:
        """Settle what is pending; see :meth:`Pending.promote`."""
        promoted = self.pending.promote(before)
        if promoted is not None:
            yield promoted

    def reconnect(self, resumed: float | None) -> Iterator[SttEvent]:
        """A new connection will hear audio from `resumed` on; None if there is none to repeat."""
        yield from self._resume(self.timeline.end)
        self.talking = False
        self.timeline = Timeline()
        yield from self.promote(float("inf") if resumed is None else resumed)

    def _resume(self, at: float) -> Iterator[SttEvent]:
        if self._eager:
            self._eager = False
            yield TurnResumed(at)

    def _hear(self, transcript: Transcript) -> Iterator[SttEvent]:
        if not transcript.text and not self.talking and not transcript.final:
            self.pending.settled = max(self.pending.settled, transcript.at - UNSURE)
        heard = self.pending.hear(transcript)
        if heard is not None:
            yield heard

    def _transcript(self, turn: wire.TurnInfo, start: float, end: float) -> Transcript:
        words = flux_words(self.timeline, turn)
        return Transcript(
            at=self.timeline.when(end),
            text=turn.transcript.strip(),
            final=turn.event == wire.Event.END,
            started=words[0].start if words else self.timeline.when(start),
            words=words,
            language=turn.languages[0] if turn.languages else None,
        )


Reader = LiveReader | FluxReader


def honest(timeline: Timeline, start: float, end: float) -> tuple[float, float]:
    """A span as the vendor gave it, or the end of what was sent if it cannot be true."""
    if -SLACK <= start <= end <= timeline.sent + SLACK:
        return start, end
    return timeline.sent, timeline.sent


def live_words(
    timeline: Timeline, best: wire.Alternative, start: float, end: float
) -> tuple[Word, ...]:
    """Words on the call's clock; none if their times cannot be true."""
    moments = [moment for word in best.words for moment in (word.start, word.end)]
    if not ordered(moments, start - SLACK, end + SLACK):
        return ()
    return tuple(
        Word(
            word.punctuated_word or word.word,
            timeline.when(word.start),
            timeline.when(word.end),
            word.confidence,
            word.speaker,
        )
        for word in best.words
    )


def flux_words(timeline: Timeline, turn: wire.TurnInfo) -> tuple[Word, ...]:
    """Words on the call's clock; none if some have no time or one that cannot be true."""
    words = []
    moments: list[float] = []
    for word in turn.words:
        if word.start is None or word.end is None:
            return ()
        moments += (word.start, word.end)
        words.append(
            Word(word.word, timeline.when(word.start), timeline.when(word.end), word.confidence)
        )
    return tuple(words) if ordered(moments, -SLACK, timeline.sent + SLACK) else ()


def ordered(moments: list[float], low: float, high: float) -> bool:
    """True if times never go back by much and lie between the limits."""
    backwards = any(later < earlier - SLACK for earlier, later in pairwise(moments))
    return not backwards and (not moments or low <= min(moments) <= max(moments) <= high)
