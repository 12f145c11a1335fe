"""One call's guard against its own voice: keeps what is played and heard, and sifts what others tell of the caller.

::

    outbox --> line          its audio is noted on the way
    frames --> recogniser    the latest are kept
    gate   <-- voice         asks the guard before it opens, and while it is open
    events <-- recogniser    an echo's words and sounds are left out

Whoever goes by events never learns of an echo: no policy, no endpointer, no history.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import attrs

from dialog_core.audio import AudioFormat, AudioFrame
from dialog_core.call.context import CallContext
from dialog_core.echo.gate import EchoGate
from dialog_core.echo.guard import LATEST, EchoGuard, Verdict
from dialog_core.echo.path import EchoPath
from dialog_core.echo.sounds import RATE
from dialog_core.echo.words import Said, is_run, runs_at_ends
from dialog_core.messages import Transcript
from dialog_core.observe.observations import Counted, Judged, Trouble
from dialog_core.policies.lexicon import plain_words
from dialog_core.protocols import SttEvent
from dialog_core.speech.ledger import Ledger, Piece
from dialog_core.turns.events import EndOfTurn, SpeechStarted, SpeechStopped, TurnResumed
from dialog_core.turns.gate import Gate
from dialog_core.turns.words import beginning

__all__ = ["CallEcho", "NotedLine", "Speaker"]

EPISODE = 1.0
"""Seconds without an echo after which the next one is told of again."""
MARGIN = 0.05
"""Seconds by which a recogniser's span may be shorter than the sound."""
BLIP = 0.1
"""Seconds of voice in a span of words that prove nothing."""
CERTAIN = 4
"""Words in a row that are an echo's although the guard heard a voice, if it has found no way for an echo yet."""
WORD_SECONDS = 0.3
"""Length of a word whose time the recogniser does not tell."""


class Speaker(Protocol):
    """What of a line is used to speak."""

    @property
    def fmt(self) -> AudioFormat: ...

    async def play(self, audio: bytes) -> None: ...

    async def mark(self, name: str) -> None: ...

    async def clear(self) -> None: ...


@attrs.define(eq=False)
class CallEcho:
    """One call's."""

    context: CallContext
    guard: EchoGuard
    _said: Said = attrs.field(factory=Said)
    _vetoed: int = 0
    _until: float = -math.inf
    """When the latest echo ended."""
    _pending: bool = False
    """An interim transcript was let through, and nothing has settled it."""
    _echoing: bool = False
    """The recogniser's latest words were an echo's."""
    _kept_out: bool = False
    """The recogniser's latest sound was an echo."""

    @classmethod
    def of(cls, fmt: AudioFormat, context: CallContext) -> CallEcho | None:
        """For a line of this format; None if its audio cannot be compared."""
        if fmt.rate % RATE:
            return None
        echo = cls(context, EchoGuard.on(fmt))
        echo.guard.on_path = echo._tell_path
        return echo

    # --- what passes

    def keeper(self) -> Callable[[AudioFrame], None]:
        """What takes each frame of the caller; never waits."""
        return self.guard.heard.frames.append

    def gate(self, gate: Gate) -> EchoGate:
        """The gate, closed to echoes."""
        return EchoGate(gate, self.guard, self._note_veto)

    def line(self, line: Speaker) -> Speaker:
        """The line, noted what it is given to play."""
        return NotedLine(line, self, line.fmt)

    def noting(self, note: Callable[[Piece], None], ledger: Ledger) -> Callable[[Piece], None]:
        """What is told of each piece that was handed to the line: `note`, and which words sound in it."""

        def both(piece: Piece) -> None:
            entry, ends = ledger.entries.get(piece.key), self.guard.played.ends
            if entry is not None:
                seconds = ledger.fmt.seconds(len(piece.data))
                self._said.note(piece.key, entry.segment.text, ends - seconds, ends)
            note(piece)

        return both

    # --- what the recogniser tells

    def sift(self, event: SttEvent) -> SttEvent | None:
        """What of an event is the caller's; None if nothing is."""
        match event:
            case Transcript():
                return self._sift_words(event)
            case SpeechStarted(at=at):
                self._kept_out = self.guard.may_sound(at) and self._sounds_like_echo()
                return None if self._kept_out else event
            case SpeechStopped():
                return None if self._kept_out else event
            case EndOfTurn() | TurnResumed():
                return None if self._echoing else event

    def _sounds_like_echo(self) -> bool:
        frames = self.guard.heard.frames
        if not frames:
            return False
        end = frames[-1].at + self.guard.heard.fmt.seconds(len(frames[-1].data))
        return self.guard.judge(end) in {Verdict.ECHO, Verdict.DOUBT}

    def _sift_words(self, event: Transcript) -> Transcript | None:
        left = self._left_of(event)
        self._echoing = left is None
        if left is not None:
            self._pending = not left.final
            return left
        self._note_words(event)
        if self._pending and event.final:
            self._pending = False
            return attrs.evolve(event, text="", words=(), started=None)
        return None

    def _left_of(self, event: Transcript) -> Transcript | None:
        words = plain_words(event.text)
        begun = beginning(event)
        if not math.isfinite(begun):
            begun = event.at - WORD_SECONDS * len(words)
        if not words or not self.guard.may_sound(begun):
            return event
        known = self.guard.path is not None
        if not known and len(words) == 1:
            return event
        said = self._said.between(begun - LATEST, event.at)
        run = is_run(words, said)
        if not run and not known:
            return event
        voice, echo = self._evidence(begun - MARGIN, event.at + MARGIN)
        if run:
            return None if self._is_echo(len(words), voice, echo) else event
        return self._trimmed(event, said) if echo else event

    def _evidence(self, start: float, end: float) -> tuple[float, float]:
        """Seconds of the caller's voice and of echo in a span."""
        found = {True: 0.0, False: 0.0}
        for finding in reversed(self.guard.findings):
            if finding.at + finding.seconds <= start:
                break
            if finding.at < end:
                found[finding.echo] += finding.seconds
        return found[False], found[True]

    def _is_echo(self, count: int, voice: float, echo: float) -> bool:
        """Whether so many words of the agent's own are its echo's. A caller who repeats a word has a voice."""
        known = self.guard.path is not None
        if voice > BLIP:
            return not known and count >= CERTAIN
        return known or echo > 0 or count > 1

    def _trimmed(self, event: Transcript, said: list[str]) -> Transcript:
        """Without the echo's words before and behind the caller's."""
        texts = event.text.split()
        words = ["".join(plain_words(text)) for text in texts]
        first, last = runs_at_ends(words, said)
        if not first and not last:
            return event
        end = len(texts) - last
        timed = event.words[first:end] if len(event.words) == len(texts) else ()
        started = timed[0].start if timed and first else event.started
        return attrs.evolve(event, text=" ".join(texts[first:end]), words=timed, started=started)

    # --- what is told of it

    def _note_veto(self, at: float, seconds: float) -> None:
        self._vetoed += 1
        if at > self._until + EPISODE:
            self._judge(at, "echo", seconds)
        self._until = at + seconds

    def _note_words(self, event: Transcript) -> None:
        if event.final:
            self._judge(event.at, "echo of the agent's words", 0.0)

    def _judge(self, at: float, reason: str, seconds: float) -> None:
        context = self.context
        context.observe(Judged(context.id, at, "echo", "Ignore", reason, seconds, None))

    def _tell_path(self, path: EchoPath, delay: float) -> None:
        what = "the line returns the agent's own voice"
        softer = -10 * math.log10(path.power)
        detail = f"after {delay:.3f} s, {softer:.0f} dB softer"
        self.context.observe(Trouble(self.context.id, "line", what, detail))

    def finish(self) -> None:
        """The call is over: tell how much was kept out."""
        self.guard.tell_nobody()
        if self._vetoed:
            self.context.observe(Counted(self.context.id, "echoes kept out", self._vetoed))


@attrs.frozen(eq=False)
class NotedLine:
    """A line whose audio is noted."""

    speaker: Speaker
    echo: CallEcho
    fmt: AudioFormat
    """The line's."""

    async def play(self, audio: bytes) -> None:
        """See :class:`dialog_core.protocols.Line`."""
        self.echo.guard.played.add(audio, self.echo.context.now())
        await self.speaker.play(audio)

    async def mark(self, name: str) -> None:
        """See :class:`dialog_core.protocols.Line`."""
        await self.speaker.mark(name)

    async def clear(self) -> None:
        """See :class:`dialog_core.protocols.Line`."""
        self.echo.guard.played.cut(self.echo.context.now())
        await self.speaker.clear()
