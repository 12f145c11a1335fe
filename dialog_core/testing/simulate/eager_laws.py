"""The laws of eager replies: nobody notices one that was in vain. Held against each step, by what everybody can see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from dialog_core.messages import Utterance
from dialog_core.turns import effects as ef
from dialog_core.turns import events as ev
from dialog_core.turns.records import BargeIn, BrokenOff, Said, TakenBack, TurnComplete
from dialog_core.turns.state import OPEN, Phase
from dialog_core.turns.words import same_words

__all__ = ["EagerLaws"]

Finding = tuple[str, object]
"""A law that does not hold, and how."""


@attrs.define(eq=False)
class EagerLaws:
    """One call's."""

    reply: int | None = None
    """The eager reply that is neither confirmed nor dropped."""
    text: str = ""
    """The words that it answers."""
    most: int | None = None
    """Eager replies that one turn may have; None where nobody knows."""
    starts: int = 0
    """Eager replies since the last reply was over."""
    _open: bool = True
    """The eager reply may still be confirmed: its turn did not go on, and it did not fail."""

    def take(
        self, event: ev.Event, phase: Phase, effects: Sequence[ef.Effect]
    ) -> Iterator[Finding]:
        """Hold a step against the laws. phase: the one after it."""
        yield from self._note(event)
        completed = [
            effect.record.utterance
            for effect in effects
            if isinstance(effect, ef.Keep) and isinstance(effect.record, TurnComplete)
        ]
        for effect in effects:
            match effect:
                case ef.StartReply(eager=True):
                    yield from self._start(effect)
                case ef.ConfirmReply():
                    yield from self._confirm(effect, completed)
                case ef.DropReply(reply=reply):
                    if reply != self.reply:
                        yield "an eager reply ends once", effect
                    self.reply = None
                case ef.Keep(record=Said() | BargeIn() | BrokenOff()):
                    self.starts = 0
                case ef.Keep(record=TakenBack(reply=reply)) if reply == self.reply:
                    yield "an eager reply leaves no record", effect
        if self.reply is not None and phase not in OPEN:
            yield "an eager reply is confirmed or taken back", phase
        if self.reply is not None and not self._open:
            yield "an eager reply to a turn that goes on is taken back", event
        if phase is Phase.IDLE:
            self.starts = 0

    def _note(self, event: ev.Event) -> Iterator[Finding]:
        match event:
            case ev.ReplyAudible(reply=reply) if reply == self.reply:
                yield "an unconfirmed reply is never audible", event
            case ev.SpeechStarted() | ev.TurnResumed():
                self._open = False
            case ev.ReplyFailed(reply=reply) if reply == self.reply:
                self._open = False

    def _start(self, effect: ef.StartReply) -> Iterator[Finding]:
        if self.reply is not None:
            yield "one eager reply at a time", effect
        if not isinstance(effect.cause, Utterance) or not effect.cause.text:
            yield "an eager reply answers words", effect
            return
        self.starts += 1
        if self.most is not None and self.starts > self.most:
            yield "eager replies of a turn are few", f"{self.starts} of {self.most}"
        self.reply, self.text, self._open = effect.reply, effect.cause.text, True

    def _confirm(
        self, effect: ef.ConfirmReply, completed: Sequence[Utterance]
    ) -> Iterator[Finding]:
        if effect.reply != self.reply:
            yield "an eager reply ends once", effect
        if effect.cause not in completed:
            yield "an eager reply is confirmed by a complete turn", effect
        if not same_words(self.text, effect.cause.text):
            yield "an eager reply answers the words that were said", (self.text, effect.cause.text)
        self.reply = None
