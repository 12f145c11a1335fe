"""What a call does with audio that has passed: an endpointer that hears looks back at it, and a diarizer labels it.

::

    line -> listener
        '-> recent audio --(a pause)--> endpointer's `ask`
                 '--------(a complete turn)--> 8 turns --> diarizer --> history, SpeakerLabelled

A call in which nobody wants audio keeps none, and its frames take no other way than before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import anyio
import attrs

from dialog_core.audio import AudioFormat, AudioFrame, Sound
from dialog_core.call.context import CallContext
from dialog_core.call.guard import guarded
from dialog_core.call.recent import RecentAudio, hearing, seconds_wanted
from dialog_core.messages import Utterance
from dialog_core.observe.observations import Counted, SpeakerLabelled
from dialog_core.speech.speakers import Diarizer, Span, labelled, spans_of
from dialog_core.turns.policy import Endpointer
from dialog_core.turns.state import TurnPolicy

__all__ = ["Hindsight"]

TURNS = 8
"""Turns that may wait for their labels; of more, the newest go without and are counted."""
LONGEST_TURN = 30.0
"""Seconds of a turn, up to its end, that a diarizer can look back at."""
LATE_SECONDS = 3.0
"""By how much a question may come after the pause that it is about."""
LABEL_SECONDS = 10.0
"""How long a diarizer may take for a label before the next stretch is its turn."""
LAST_LABELS_SECONDS = 2.0
"""How long a call that is over waits for the labels of its last turns."""

Feed = Callable[[AudioFrame], None]
Label = Callable[[Utterance, Utterance], None]
Turn = tuple[Utterance, dict[Span, Sound]]


@attrs.define(eq=False)
class Hindsight:
    """One call's."""

    context: CallContext
    recent: RecentAudio | None
    diarizer: Diarizer | None
    fill_in: Label
    _turns: deque[Turn] = attrs.field(factory=deque)
    _known: dict[Span, int] = attrs.field(factory=dict)
    _news: anyio.Event = attrs.field(factory=anyio.Event)
    _idle: anyio.Event = attrs.field(factory=anyio.Event)

    @classmethod
    def of(
        cls,
        fmt: AudioFormat,
        context: CallContext,
        endpointer: Endpointer,
        diarizer: Diarizer | None,
        fill_in: Label,
    ) -> Hindsight:
        """What this endpointer and this diarizer need. fill_in: replaces a turn in the history by its labelled form."""
        heard = seconds_wanted(endpointer)
        seconds = max(heard + LATE_SECONDS if heard else 0.0, LONGEST_TURN if diarizer else 0.0)
        recent = RecentAudio(fmt, seconds) if seconds else None
        return cls(context, recent, diarizer, fill_in)

    def fed_by(self, feed: Feed) -> Feed:
        """What to feed a frame to, so that `feed` gets it, and the recent audio if there is any."""
        if self.recent is None:
            return feed
        keep = self.recent.feed

        def both(frame: AudioFrame) -> None:  # per frame
            feed(frame)
            keep(frame)

        return both

    def hearing(self, policy: TurnPolicy) -> TurnPolicy:
        """The policy, its endpointer able to look back if it wants to."""
        return attrs.evolve(policy, endpointer=hearing(policy.endpointer, self.recent))

    # --- speakers

    def label(self, utterance: Utterance) -> None:
        """A turn is complete: find out who spoke, in your own time; never waits."""
        if self.diarizer is None or self.recent is None:
            return
        seconds = seconds_wanted(self.diarizer)
        sounds = {
            span: self.recent.between(max(span[0], span[1] - seconds), span[1])
            for span in spans_of(utterance)
        }
        if len(self._turns) < TURNS:
            self._turns.append((utterance, sounds))
            self._news.set()
        else:
            self.context.observe(Counted(self.context.id, "turns without speaker labels", 1))

    async def run(self) -> None:
        """Label turns until cancelled."""
        if self.diarizer is None:
            return
        while True:
            await self._news.wait()
            self._news = anyio.Event()
            while self._turns:
                await self._label(*self._turns[0])
                self._turns.popleft()
            self._idle.set()

    async def finish(self) -> None:
        """The call is over: let the turns that wait be labelled, if that is soon done."""
        with anyio.move_on_after(LAST_LABELS_SECONDS):
            while self._turns:
                self._idle = anyio.Event()
                await self._idle.wait()

    async def _label(self, utterance: Utterance, sounds: dict[Span, Sound]) -> None:
        found = {}
        for span, sound in sounds.items():
            if (speaker := await self._speaker(span, sound)) is not None:
                found[span] = speaker
        self._known = found
        if found:
            self.fill_in(utterance, labelled(utterance, found))
            self._tell(found)

    async def _speaker(self, span: Span, sound: Sound) -> int | None:
        """Whose voice it is. Words of a turn that was taken back come again, and keep their label."""
        if span in self._known:
            return self._known[span]
        found: list[int | None] = []

        async def ask(diarizer: Diarizer) -> None:
            found.append(await diarizer.label(sound))

        diarizer, context = self.diarizer, self.context
        assert diarizer is not None
        with anyio.move_on_after(LABEL_SECONDS):
            await guarded(
                lambda: ask(diarizer), call=context.id, where="diarizer", observe=context.observe
            )
        return found[0] if found else None

    def _tell(self, found: dict[Span, int]) -> None:
        now = self.context.now()
        for (started, ended), speaker in found.items():
            self.context.observe(SpeakerLabelled(self.context.id, now, started, ended, speaker))
