"""How the fake of the Realtime API turns audio into messages (pure)."""

from __future__ import annotations

from typing import Any

import attrs

from dialog_core.testing.hearing import Ear
from dialog_openai.testing.realtime_checks import Configuration

__all__ = ["Recogniser", "Said"]

IMPOSSIBLE_MS = 9_000_000
DELTA = "conversation.item.input_audio_transcription.delta"


@attrs.frozen
class Said:
    """A message to send; or, with a transcript, an utterance whose transcription is to follow."""

    kind: str
    fields: dict[str, Any]
    transcript: str | None = None
    is_told: bool = False
    """Its deltas were sent while it was spoken."""


@attrs.define(eq=False)
class Recogniser:
    """One connection's ear: hears words, cuts utterances where silence or the client says."""

    configuration: Configuration
    ear: Ear
    lying: bool = False
    _cut: float = 0.0
    """Seconds of audio up to the latest cut."""
    _number: int = 0
    _speaking: bool = False
    _told: list[str] = attrs.field(factory=list)
    """Words of the utterance under way that were sent."""

    @property
    def uncommitted(self) -> float:
        """Seconds of audio since the latest cut."""
        return self.ear.position - self._cut

    @property
    def item(self) -> str:
        """The id that the next utterance will have."""
        return f"item_{self._number + 1}"

    def hear(self, audio: bytes) -> tuple[Said, ...]:
        """Listen, and say what there is to say."""
        said: list[Said] = []
        for voiced in self.ear.hear(audio):
            if self.configuration.detects:
                said += self._detect(voiced=voiced)
        if self.configuration.is_live:
            said += self._words()
        return tuple(said)

    def commit(self) -> tuple[Said, ...]:
        """Cut an utterance here."""
        self._number += 1
        number, self._speaking, self._cut = self._number, False, self.ear.position
        self.ear.finish_phrase()
        text = " ".join(word.text for word in self.ear.words)
        self.ear.settle()
        told, self._told = self._told, []
        previous = f"item_{number - 1}" if number > 1 else None
        links = {"item_id": f"item_{number}", "previous_item_id": previous}
        content = [{"type": "input_audio", "audio": None, "transcript": None}]
        item = {"id": f"item_{number}", "type": "message", "role": "user", "content": content}
        item |= {"object": "realtime.item", "status": "completed"}
        about = {"previous_item_id": previous, "item": item}
        return (
            Said("input_audio_buffer.committed", links),
            Said("conversation.item.added", about),
            Said("conversation.item.done", about),
            Said("", links, text, is_told=bool(told)),
        )

    def clear(self) -> None:
        """Forget what was not cut."""
        self.ear.finish_phrase()
        self.ear.settle()
        self._cut = self.ear.position

    def _detect(self, *, voiced: bool) -> tuple[Said, ...]:
        """The server's own voice detector."""
        if voiced and not self._speaking:
            self._speaking = True
            start = max(self._cut, self.ear.position - self.configuration.padding)
            return (self._mark("speech_started", "audio_start_ms", start),)
        if self._speaking and self.ear.silent >= self.configuration.silence - 1e-6:
            stopped = self._mark("speech_stopped", "audio_end_ms", self.ear.position)
            return (stopped, *self.commit())
        return ()

    def _mark(self, kind: str, field: str, seconds: float) -> Said:
        moment = IMPOSSIBLE_MS if self.lying else round(seconds * 1000)
        return Said(f"input_audio_buffer.{kind}", {"item_id": self.item, field: moment})

    def _words(self) -> tuple[Said, ...]:
        """Words of the utterance under way that were not told yet."""
        words = [word.text for word in self.ear.words][len(self._told) :]
        said = []
        for word in words:
            delta = f" {word}" if self._told else word
            said.append(Said(DELTA, {"item_id": self.item, "content_index": 0, "delta": delta}))
            self._told.append(word)
        return tuple(said)
