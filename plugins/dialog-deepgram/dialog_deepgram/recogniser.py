"""The fake server's two recognisers: what Deepgram would send for the audio it was sent. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from dialog_core.testing.hearing import Ear
from dialog_deepgram import protocol as wire
from dialog_deepgram.checks import Options

__all__ = ["FluxRecogniser", "LiveRecogniser"]

REQUEST = "4c5a0d5e-0000-4000-8000-000000000000"
CONFIDENCE = 0.98
INTERIM_EVERY = 0.3
"""Seconds of audio between interim results; v2 updates at this rate too."""
LONGEST_SEGMENT = 5.0
"""Seconds after which a segment is settled though the caller goes on."""
EAGER_SILENCE = 0.24
TURN_SILENCE = 0.6
METADATA = wire.ResultsMetadata(
    REQUEST, "9d2e0000", wire.ModelInfo("general-nova-3", "2025-04-17.21547", "nova-3")
)


@attrs.define
class LiveRecogniser:
    """v1: results for spans of audio."""

    options: Options
    ear: Ear
    lying: bool = False
    """Give times that cannot be true."""
    _start: float = 0.0
    """Where the unsettled segment begins."""
    _shown: float = 0.0
    _said: bool = False
    """Words were settled since the last end of an utterance."""
    _last_word: float = -1.0
    _voiced: bool = False

    def hear(self, data: bytes) -> Iterator[wire.Message]:
        """Listen to some audio."""
        for voiced in self.ear.hear(data):
            yield from self._listen(voiced=voiced)

    def obey(self, command: wire.Command) -> Iterator[wire.Message]:
        """Answer a command, but for CloseStream's goodbye."""
        if isinstance(command, wire.Finalize | wire.CloseStream):
            yield self._settle(from_finalize=isinstance(command, wire.Finalize))
        if isinstance(command, wire.CloseStream):
            yield wire.Metadata(REQUEST, self.ear.position, created="2026-01-05T10:00:00.000Z")

    def _listen(self, *, voiced: bool) -> Iterator[wire.Message]:
        ear, options = self.ear, self.options
        if voiced and not self._voiced and options.vad_events:
            yield wire.SpeechBegan(ear.position)
        pause = options.endpointing
        self._voiced = voiced or (self._voiced and pause is not None and ear.silent < pause)
        if pause is not None and ear.silent >= pause and (ear.words or self._said_now()):
            yield self._settle(speech_final=True)
        elif ear.position - self._start >= LONGEST_SEGMENT and not voiced:
            yield self._settle()
        elif options.interim_results and ear.position - self._shown >= INTERIM_EVERY:
            yield self._result()
        gap = options.utterance_end
        if gap is not None and self._said and ear.position - self._last_word >= gap:
            self._said = False
            yield wire.UtteranceEnd(self._last_word)

    def _said_now(self) -> bool:
        """A phrase has not been said to its end, because the voice was too short for it."""
        before = len(self.ear.words)
        self.ear.finish_phrase()
        return len(self.ear.words) > before

    def _settle(self, *, speech_final: bool = False, from_finalize: bool = False) -> wire.Results:
        self.ear.finish_phrase()
        if words := self.ear.words:
            self._said, self._last_word = True, words[-1].end
        final = speech_final or from_finalize
        result = self._result(is_final=True, speech_final=final, from_finalize=from_finalize)
        self.ear.settle()
        self._start = self._shown = self.ear.position
        return result

    def _result(
        self, *, is_final: bool = False, speech_final: bool = False, from_finalize: bool = False
    ) -> wire.Results:
        self._shown = self.ear.position
        lie = 1000.0 if self.lying else 0.0
        words = tuple(
            wire.Word(word.text.lower(), word.start + lie, word.end - lie, CONFIDENCE, word.text)
            for word in self.ear.words
        )
        text = " ".join(word.text for word in self.ear.words)
        best = wire.Alternative(text, CONFIDENCE if text else 0.0, words)
        return wire.Results(
            start=self._start + lie,
            duration=self.ear.position - self._start,
            channel=wire.Channel((best,)),
            is_final=is_final,
            speech_final=speech_final,
            from_finalize=from_finalize,
            metadata=METADATA,
        )


@attrs.define
class FluxRecogniser:
    """v2: turns."""

    options: Options
    ear: Ear
    lying: bool = False
    _sequence: int = 1
    _turn: int = 0
    _start: float = 0.0
    _shown: float = 0.0
    _phase: str = "closed"
    """Of the turn: closed, open, or eager after an eager end of it."""

    def hear(self, data: bytes) -> Iterator[wire.FluxMessage]:
        """Listen to some audio."""
        for voiced in self.ear.hear(data):
            yield from self._listen(voiced=voiced)

    def obey(self, command: wire.FluxCommand) -> Iterator[wire.FluxMessage]:
        """Answer a command. CloseStream does not end the open turn."""
        if isinstance(command, wire.ForceEndTurn) and self._phase != "closed":
            yield self._end("manual")
        if isinstance(command, wire.CloseStream) and self._phase != "closed":
            yield self._info(wire.Event.UPDATE)

    def _listen(self, *, voiced: bool) -> Iterator[wire.FluxMessage]:
        ear = self.ear
        if not voiced and ear.silent >= EAGER_SILENCE:
            ear.finish_phrase()
        phase = self._phase
        if phase == "closed" and ear.words:
            self._phase = "open"
            yield self._info(wire.Event.START)
        elif phase == "eager" and voiced:
            self._phase = "open"
            yield self._info(wire.Event.RESUMED)
        elif phase != "closed" and ear.silent >= TURN_SILENCE:
            yield self._end("model")
        elif phase == "open" and self.options.eager and ear.silent >= EAGER_SILENCE:
            self._phase = "eager"
            yield self._info(wire.Event.EAGER_END)
        elif ear.position - self._shown >= INTERIM_EVERY:
            yield self._info(wire.Event.UPDATE)

    def _end(self, trigger: str) -> wire.TurnInfo:
        ended = self._info(wire.Event.END, trigger)
        self.ear.settle()
        self._turn += 1
        self._start = self.ear.position
        self._phase = "closed"
        return ended

    def _info(self, event: str, trigger: str | None = None) -> wire.TurnInfo:
        self._shown = self.ear.position
        lie = 1000.0 if self.lying else 0.0
        words = tuple(
            wire.FluxWord(word.text, CONFIDENCE, word.start + lie, word.end - lie)
            for word in self.ear.words
        )
        self._sequence += 1
        return wire.TurnInfo(
            event=event,
            turn_index=self._turn,
            audio_window_start=self._start + lie,
            audio_window_end=self.ear.position + lie,
            transcript=" ".join(word.text for word in self.ear.words),
            words=words,
            end_of_turn_confidence=0.9 if event == wire.Event.END else 0.2,
            request_id=REQUEST,
            sequence_id=self._sequence - 1,
            trigger=trigger,
        )
