"""The playout ledger: what was made, what was sent, what was heard, what is left (pure).

Theory. The line plays what we send in order, from a buffer that we cannot see. A segment's end is followed by a mark
that comes back when playback reaches it, so segments whose mark returned are heard for certain. Between marks the
position is the time that has passed since the playing began: the ledger keeps the call time at which each piece sent
must begin to sound (:class:`Run`), and every mark that returns corrects the rest. Inside a segment the position is
turned into words by the provider's word times where given, else in proportion.

Audio is kept until it is heard, so that a held reply can be sent again from where the caller stopped hearing it.
All times are seconds since the call began; `offset` counts seconds from the segment's first audio.
"""

from __future__ import annotations

from collections import deque

import attrs

from dialog_core.audio import AudioFormat, AudioOut
from dialog_core.messages import SpeakText, Word
from dialog_core.speech.words import spoken_part

__all__ = ["Entry", "Ledger", "Piece"]

Key = tuple[int, int]
"""A segment: number of the reply, number of the segment in it."""

MARK_GRACE = 2.0
"""Seconds after which a mark that has not returned counts as lost, and its audio as heard."""


@attrs.frozen
class Piece:
    """Something to be sent to the line: audio of a segment, or, without data, the mark at its end."""

    key: Key
    data: bytes
    protected: bool = False


@attrs.define
class Entry:
    """One segment's account."""

    segment: SpeakText
    audio: bytearray = attrs.field(factory=bytearray)
    """All of it, until it is heard."""
    made: float | None = None
    """Seconds of audio made so far; None before the first."""
    words: tuple[Word, ...] = ()
    """Times from the segment's first audio."""
    complete: bool = False
    """No more audio of it will come."""
    heard: bool = False
    stopped_at: float | None = None
    """Seconds of it that were heard when it was cut; None while it may go on."""
    began_in_reply: float = 0.0
    """Seconds of the voice's audio of this reply before it."""
    aside: bool = False
    """Not of the reply's voice, whose word times do not count it."""


@attrs.frozen
class Run:
    """Audio sent: it sounds from `start` for `seconds`, beginning `offset` into its segment."""

    key: Key
    start: float
    seconds: float
    offset: float


@attrs.define
class Ledger:
    """One call's account of all that was said. Mutable; owned by the call's turn loop."""

    fmt: AudioFormat
    entries: dict[Key, Entry] = attrs.field(factory=dict)
    _runs: deque[Run] = attrs.field(factory=deque)
    _ends: float = 0.0
    _sent: dict[Key, float] = attrs.field(factory=dict)
    _awaited: dict[Key, float] = attrs.field(factory=dict)

    # --- what is made

    def add(self, segment: SpeakText, *, aside: bool = False) -> None:
        """Open a segment's account, before its audio comes. aside: it is ready-made, not of the reply's voice."""
        self.entries[segment.reply, segment.index] = Entry(segment, aside=aside)

    def take(self, audio: AudioOut) -> tuple[Piece, ...]:
        """Enter synthesised audio; returns what is to be sent for it (nothing if the segment was cut)."""
        key = (audio.reply, audio.index)
        entry = self.entries.get(key)
        if entry is None or entry.stopped_at is not None or entry.complete:
            return ()
        if entry.made is None:
            entry.made, entry.began_in_reply = 0.0, self._made_before(key)
        entry.audio += audio.data
        entry.made += self.fmt.seconds(len(audio.data))
        for word in audio.words:
            self._enter_word(audio.reply, word)
        protected = entry.segment.protected
        pieces = (Piece(key, audio.data, protected),) if audio.data else ()
        if audio.last:
            entry.complete = True
            pieces = (*pieces, Piece(key, b"", protected))
        return pieces

    def _made_before(self, key: Key) -> float:
        """Seconds of audio made for the reply's earlier segments."""
        earlier = (
            entry
            for other, entry in self.entries.items()
            if other[0] == key[0] and other < key and not entry.aside
        )
        last = max(earlier, key=lambda entry: entry.segment.index, default=None)
        return last.began_in_reply + (last.made or 0.0) if last else 0.0

    def _enter_word(self, reply: int, word: Word) -> None:
        """Give a word, timed from the reply's first audio, to the segment that was speaking then."""
        owner = None
        for key, entry in self.entries.items():
            if (
                key[0] == reply
                and not entry.aside
                and entry.made is not None
                and entry.began_in_reply <= word.start + 1e-3
            ):
                owner = entry
        if owner is not None:
            shift = owner.began_in_reply
            owner.words = (
                *owner.words,
                Word(word.text, word.start - shift, word.end - shift),
            )

    # --- what is sent

    def sent(self, piece: Piece, now: float) -> None:
        """A piece was handed to the line."""
        if not piece.data:
            self._awaited[piece.key] = max(now, self._ends)
            return
        start, seconds = max(now, self._ends), self.fmt.seconds(len(piece.data))
        offset = self._sent.get(piece.key, 0.0)
        self._runs.append(Run(piece.key, start, seconds, offset))
        self._sent[piece.key] = offset + seconds
        self._ends = start + seconds

    def ahead(self, now: float) -> float:
        """Seconds of audio sent that should not have sounded yet."""
        return max(0.0, self._ends - now)

    @property
    def ends(self) -> float:
        """When all that was sent will have sounded, or has."""
        return self._ends

    def characters(self, reply: int) -> int:
        """Length of the text that was to be spoken of the reply so far."""
        return sum(
            len(entry.segment.text) for key, entry in self.entries.items() if key[0] == reply
        )

    def made(self, reply: int) -> float:
        """Seconds of audio that were made of the reply."""
        return sum(entry.made or 0.0 for key, entry in self.entries.items() if key[0] == reply)

    def owes(self, reply: int) -> bool:
        """True while a segment of the reply is not made and sent to its end."""
        return any(
            key[0] == reply
            and not entry.heard
            and not (entry.complete and self._sent.get(key, 0.0) >= (entry.made or 0.0) - 1e-6)
            for key, entry in self.entries.items()
        )

    def was_sent(self, reply: int) -> bool:
        """True if the line was given any audio of the reply."""
        return any(key[0] == reply for key in self._sent)

    # --- what is heard

    def reached(self, key: Key, now: float) -> tuple[SpeakText, ...]:
        """The mark at this segment's end came back: it and all sent before it are heard, and the rest is corrected."""
        if key not in self._awaited:
            return ()
        drift = now - self._awaited[key]
        while self._runs and self._runs[0].start < self._awaited[key] - 1e-6:
            self._runs.popleft()
        newly = []
        for other in list(self._awaited):
            del self._awaited[other]
            newly.append(self._settle(other))
            if other == key:
                break
        self._runs = deque(
            Run(run.key, run.start + drift, run.seconds, run.offset) for run in self._runs
        )
        self._awaited = {other: due + drift for other, due in self._awaited.items()}
        self._ends = self._ends + drift if self._runs else min(self._ends, now)
        return tuple(newly)

    def lost(self, key: Key) -> tuple[SpeakText, ...]:
        """The mark will not come back: it counts as reached when it was due, so nothing after it is put off."""
        return self.reached(key, self._awaited.get(key, 0.0))

    def _settle(self, key: Key) -> SpeakText:
        entry = self.entries[key]
        entry.heard, entry.stopped_at = True, None
        entry.audio.clear()
        return entry.segment

    def overdue(self) -> tuple[float, Key] | None:
        """When the oldest mark counts as lost, and whose it is."""
        if not self._awaited:
            return None
        key = next(iter(self._awaited))
        return self._awaited[key] + MARK_GRACE, key

    def position(self, key: Key, now: float) -> float:
        """Seconds of the segment that have sounded."""
        entry = self.entries[key]
        if entry.stopped_at is not None:
            return entry.stopped_at
        pending = [run for run in self._runs if run.key == key]
        for run in pending:
            if now < run.start + run.seconds:
                return run.offset + max(0.0, now - run.start)
        return self._sent.get(key, 0.0)

    def heard(self, reply: int, now: float) -> str:
        """What the caller got of a reply: a prefix, by whole words, of what the agent wrote."""
        pieces = []
        for key, entry in self.entries.items():
            if key[0] != reply:
                continue
            if entry.heard:
                pieces.append(entry.segment.as_written)
                continue
            part = self._part(key, entry, now)
            pieces.append(part)
            if part.strip() != entry.segment.as_written.strip():
                break
        return "".join(pieces).strip()

    def _part(self, key: Key, entry: Entry, now: float) -> str:
        total, segment = entry.made if entry.complete else None, entry.segment
        spoken = spoken_part(segment.text, self.position(key, now), total, entry.words)
        return spoken if segment.written is None else segment.written.upto(len(spoken.split()))

    def is_mute(self, key: Key) -> bool:
        """True when all of a segment was made, it has words, and nothing of it sounds."""
        entry = self.entries.get(key)
        if entry is None or not entry.complete or entry.made:
            return False
        return any(letter.isalnum() for letter in entry.segment.text)

    def is_shielded(self, reply: int) -> bool:
        """True while a protected segment of the reply is not heard to its end."""
        return any(
            key[0] == reply and entry.segment.protected and not entry.heard
            for key, entry in self.entries.items()
        )

    def is_played(self, reply: int) -> bool:
        """True when every segment of the reply is heard."""
        return all(entry.heard for key, entry in self.entries.items() if key[0] == reply)

    # --- what is stopped

    def stop(self, now: float) -> None:
        """All that the line still has is thrown away: what has not sounded by now never will."""
        for key, entry in self.entries.items():
            if (
                not entry.heard
                and entry.stopped_at is None
                and (key in self._sent or key in self._awaited)
            ):
                entry.stopped_at = self.position(key, now)
        self._runs.clear()
        self._awaited.clear()
        self._ends = min(self._ends, now)

    def hold(self, reply: int, now: float) -> tuple[Key, float] | None:
        """The line's buffer is thrown away but the reply is kept: returns where the caller stopped hearing it."""
        held = None
        for key, entry in self.entries.items():
            if key[0] != reply or entry.heard or entry.stopped_at is not None:
                continue
            # whole samples, or what is sent from here on would fall short of the end by a part of one
            position = self.fmt.seconds(self.fmt.nbytes(self.position(key, now)))
            if held is None:
                held = (key, position)
            self._sent[key] = position
        self._runs.clear()
        self._awaited.clear()
        self._ends = min(self._ends, now)
        return held

    def rest(self, reply: int) -> tuple[Piece, ...]:
        """All audio and marks of the reply that the line does not have: to be sent when a held reply goes on."""
        pieces: list[Piece] = []
        for key, entry in self.entries.items():
            if key[0] != reply or entry.heard or entry.stopped_at is not None:
                continue
            left = bytes(entry.audio[self.fmt.nbytes(self._sent.get(key, 0.0)) :])
            if left:
                pieces.append(Piece(key, left, entry.segment.protected))
            if entry.complete:
                pieces.append(Piece(key, b"", entry.segment.protected))
        return tuple(pieces)

    def retire(self, reply: int) -> None:
        """The reply is over and its text is in the history: close its accounts."""
        for key in [key for key in self.entries if key[0] == reply]:
            del self.entries[key]
            self._sent.pop(key, None)
