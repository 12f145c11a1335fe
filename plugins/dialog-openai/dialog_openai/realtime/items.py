"""What OpenAI's messages mean to the framework (pure): items in, events out, in the order in which they were spoken.

An item gathers deltas until it is completed or has failed, and is then freed. Transcripts come out in the order of the
items, whatever order they complete in, and interim ones only of the item whose turn it is, because an interim
transcript replaces the one before it::

    committed a, committed b    delta b "two"    completed b "two."    delta a "one"    completed a "One."
    out                                                                interim "one"    final "One.", final "two."

Where OpenAI is too slow to complete an item, what is known of it is promoted to a final transcript; of its completion,
only words after those are news then.
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Iterable, Iterator

import attrs

from dialog_core.messages import Transcript
from dialog_core.protocols import SttEvent
from dialog_core.resilience.timeline import Timeline
from dialog_core.turns.events import EndOfTurn, SpeechStarted, SpeechStopped
from dialog_openai.realtime import protocol as wire
from dialog_openai.realtime.settings import RealtimeSettings

__all__ = ["Items", "Span", "union"]

SLACK = 1.0
"""Seconds by which a time may lie outside of the audio sent before it counts as a lie."""
UNHEARD = 1.0
"""Seconds of the latest audio in which OpenAI may not have noticed speech yet."""
MOST_ITEMS = 32
"""Items that may be under way; more are a fault of the vendor's."""
MOST_PROMOTED = 8
"""Promoted items whose completion is waited for."""
WORD = re.compile(r"\w+")


@attrs.frozen
class Span:
    """A stretch of the call, in its seconds."""

    started: float
    ended: float


@attrs.define
class Item:
    """An utterance under way."""

    id: str
    started: float | None = None
    ended: float | None = None
    committed_at: float | None = None
    """When OpenAI said that it is cut; the loop's time."""
    pieces: list[str] = attrs.field(factory=list)
    done: bool = False
    """Completed or failed, and waiting for those before it."""
    confidence: float | None = None
    language: str | None = None

    @property
    def text(self) -> str:
        """All of it so far."""
        return "".join(self.pieces).strip()


@attrs.define
class Told:
    """What listeners know."""

    interim: str = ""
    """The transcript that the next one replaces."""
    until: float = 0.0
    """End of the last final one; later transcripts do not lie before it."""


@attrs.define(eq=False)
class Items:
    """Reads one call's messages, over one connection or several after each other."""

    settings: RealtimeSettings
    timeline: Timeline = attrs.field(factory=Timeline)
    settled: float = -math.inf
    """The call's time up to which no audio need be recognised again."""
    _open: list[Item] = attrs.field(factory=list)
    _spans: deque[Span] = attrs.field(factory=deque)
    """Of commits that are not confirmed yet."""
    _promoted: dict[str, str] = attrs.field(factory=dict)
    """Words of items that were promoted, until they complete."""
    _told: Told = attrs.field(factory=Told)
    _sounding: bool = False
    """OpenAI hears the caller, where it detects voice."""
    _voice: float = 0.0
    """Where audio of the latest voice begins, as the line's detector heard it."""

    # --- the session's side

    @property
    def is_idle(self) -> bool:
        """True when nothing is under way."""
        return not self._open and not self._spans

    @property
    def waiting_since(self) -> float | None:
        """When the oldest item that is still to be completed was cut; the loop's time."""
        times = (item.committed_at for item in self._open if not item.done)
        return next((time for time in times if time is not None), None)

    def voice_began(self, at: float) -> None:
        """The line's detector hears the caller: words without a time of their own are not older than this."""
        self._voice = at - self.settings.lead

    def expect(self, span: Span) -> None:
        """A commit is on its way, for this stretch."""
        self._spans.append(span)

    def refused(self) -> None:
        """The latest commit that is not confirmed was refused: there was no audio."""
        if self._spans:
            self._spans.popleft()
            self._settle()

    def promote(self) -> Iterator[SttEvent]:
        """Settle the words that are known, since the rest does not come. What has none yet is waited for."""
        for item in tuple(self._open):
            if not item.done and not item.text:
                continue
            self._open.remove(item)
            if not item.done:
                self._remember(item)
            yield from self._final(item)
        self._settle()

    def _remember(self, item: Item) -> None:
        """Keep what was promoted, to tell what is new in its completion."""
        if item.committed_at is None and self._spans:
            item.ended = self._spans.popleft().ended
        self._promoted[item.id] = item.text
        if len(self._promoted) > MOST_PROMOTED:
            del self._promoted[next(iter(self._promoted))]

    def reconnect(self, resumed: float | None) -> tuple[tuple[SttEvent, ...], Span | None]:
        """A new connection will hear audio from `resumed` on; None if there is none to repeat.

        Items whose audio is gone are settled as they stand; the others are heard again, and what is left of one that
        has no words yet. Returns the events, and the stretch of the others, which is to be committed again.
        """
        kept = math.inf if resumed is None else resumed - SLACK
        events: list[SttEvent] = []
        again: list[Span] = list(self._spans)
        for item in self._open:
            started = self._started(item)
            ended = self.timeline.end if item.ended is None else item.ended
            if item.done or (item.text and started < kept):
                events += self._final(item)
            elif resumed is not None and ended > resumed:
                again.append(Span(started if started >= kept else resumed, ended))
        if self._sounding and self.settings.voice_events:
            events.append(SpeechStopped(self.timeline.end))
        self._open.clear()
        self._spans.clear()
        self._promoted.clear()
        self._sounding = False
        self.timeline = Timeline()
        stretch = union(again)
        if stretch is not None:
            self._voice = min(self._voice, stretch.started)
        return tuple(events), stretch

    # --- OpenAI's side

    def read(self, message: wire.Message, *, now: float) -> Iterator[SttEvent]:
        """The events that a message stands for. now: seconds on the loop's clock.

        Raises: ProviderProtocolError when utterances pile up that are never transcribed.
        """
        match message:
            case wire.SpeechBegan(item_id=id_, audio_start_ms=start):
                yield from self._begin(id_, self._when(start))
            case wire.SpeechEnded(item_id=id_, audio_end_ms=end):
                yield from self._end(id_, self._when(end))
            case wire.Committed():
                self._commit(message, now)
            case wire.Delta(item_id=id_, delta=delta):
                yield from self._append(id_, delta or "")
            case wire.Completed():
                yield from self._complete(message)
            case wire.Failed(item_id=id_):
                self._promoted.pop(id_, None)
                item = self._find(id_)
                if item is not None:
                    item.done = True
                yield from self._release()
            case _:
                pass
        self._settle()

    def _begin(self, id_: str, at: float) -> Iterator[SttEvent]:
        item = self._item(id_)
        item.started = at
        self._sounding = True
        if self.settings.voice_events:
            yield SpeechStarted(self._voice_of(item))

    def _end(self, id_: str, at: float) -> Iterator[SttEvent]:
        item = self._item(id_)
        item.ended = max(at, self._started(item))
        self._sounding = False
        if self.settings.voice_events:
            voiced = max(item.ended - self.settings.tail, self._voice_of(item))
            yield SpeechStopped(voiced)

    def _voice_of(self, item: Item) -> float:
        """The first voiced sample of an item, which begins with the audio kept before speech."""
        return min(self._started(item) + self.settings.lead, self.timeline.end)

    def _commit(self, message: wire.Committed, now: float) -> None:
        if message.item_id in self._promoted:
            return
        item = self._item(message.item_id)
        if self.settings.manual and self._spans:
            span = self._spans.popleft()
            item.started, item.ended = span.started, span.ended
        item.committed_at = now
        if item.ended is None:
            item.ended = self.timeline.end
        self._put_behind(message.previous_item_id, item)

    def _put_behind(self, previous: str | None, item: Item) -> None:
        """Items come in the order of their chain, should the messages come in another."""
        before = self._find(previous)
        if before is not None and self._open.index(before) > self._open.index(item):
            self._open.remove(item)
            self._open.insert(self._open.index(before) + 1, item)

    def _append(self, id_: str, delta: str) -> Iterator[SttEvent]:
        if id_ in self._promoted or not delta:
            return
        item = self._item(id_)
        item.pieces.append(delta)
        yield from self._interim()

    def _complete(self, message: wire.Completed) -> Iterator[SttEvent]:
        known = self._promoted.pop(message.item_id, None)
        if known is not None:
            rest = remainder(known, message.transcript)
            if rest:
                yield Transcript(self._told.until, rest, final=True, started=self._told.until)
            return
        item = self._item(message.item_id)
        item.pieces[:] = [message.transcript]
        item.done = True
        item.confidence = certainty(message.logprobs or ())
        item.language = next((each.code for each in message.languages or () if each.code), None)
        yield from self._release()

    def _release(self) -> Iterator[SttEvent]:
        """Let out what is next."""
        while self._open and self._open[0].done:
            yield from self._final(self._open.pop(0))
        yield from self._interim()

    def _interim(self) -> Iterator[SttEvent]:
        item = self._open[0] if self._open else None
        if item is None or item.done or not item.text or item.text == self._told.interim:
            return
        self._told.interim = item.text
        at = self.timeline.end if item.ended is None else item.ended
        yield Transcript(
            max(at, self._told.until), item.text, final=False, started=self._started(item)
        )

    def _final(self, item: Item) -> Iterator[SttEvent]:
        """A final transcript; an empty one only takes an interim one back."""
        text, told = item.text, self._told.interim
        self._told.interim = ""
        started = self._started(item)
        ended = self.timeline.end if item.ended is None else item.ended
        self._told.until = at = max(ended, self._told.until)
        self.settled = max(self.settled, at)
        if text or told:
            yield Transcript(
                at,
                text,
                final=True,
                started=min(started, at),
                confidence=item.confidence,
                language=item.language,
            )
        if text and self.settings.semantic:
            yield EndOfTurn(at)

    # --- items and times

    def _find(self, id_: str | None) -> Item | None:
        return next((item for item in self._open if item.id == id_), None)

    def _item(self, id_: str) -> Item:
        """The item of this id, which may be new. Raises: ProviderProtocolError when there are too many."""
        item = self._find(id_)
        if item is None:
            item = Item(id_)
            if self.settings.manual:
                item.started = self._latest()
            self._open.append(item)
            if len(self._open) > MOST_ITEMS:
                raise wire.unreadable(f"more than {MOST_ITEMS} utterances and no transcript")
        return item

    def _latest(self) -> float:
        """Where the utterance under way began: that of the oldest commit not confirmed, else the latest voice."""
        known = self._spans[0].started if self._spans else self._voice
        return max(known, self._told.until, 0.0)

    def _started(self, item: Item) -> float:
        """When an item began, as well as we know."""
        if item.started is not None:
            return item.started
        return max(self.settled, self._told.until, 0.0)

    def _when(self, milliseconds: float) -> float:
        """The call's time of a moment of the connection; of one that cannot be true, the end of what was sent."""
        seconds = milliseconds / 1000
        sent = self.timeline.sent
        if not -SLACK <= seconds <= sent + SLACK:
            return self.timeline.end
        return self.timeline.when(seconds)

    def _settle(self) -> None:
        """Note up to where all audio is understood."""
        if self._open:
            until = self._started(self._open[0])
        elif self._spans:
            until = self._spans[0].started
        elif self.settings.manual:
            until = self._told.until
        else:
            until = self.timeline.end - UNHEARD
        self.settled = max(self.settled, until)


def union(spans: Iterable[Span]) -> Span | None:
    """The stretch that holds all of them."""
    known = list(spans)
    if not known:
        return None
    return Span(min(each.started for each in known), max(each.ended for each in known))


def remainder(known: str, whole: str) -> str:
    """What follows the known words in the whole text; nothing if it does not begin with them."""
    words = [word.casefold() for word in WORD.findall(known)]
    matches = list(WORD.finditer(whole))
    if [match.group().casefold() for match in matches[: len(words)]] != words:
        return ""
    rest = matches[len(words) :]
    return whole[rest[0].start() :].strip() if rest else ""


def certainty(logprobs: Iterable[wire.LogProb]) -> float | None:
    """How sure the model is, 0..1: the geometric mean of its tokens' probabilities."""
    values = [each.logprob for each in logprobs]
    if not values:
        return None
    return min(1.0, math.exp(sum(values) / len(values)))
