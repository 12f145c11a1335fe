"""What Together's messages mean to the framework (pure): one hypothesis at a time, on the call's own clock.

The vendor's times skip silence, so a transcript's are ours: it lies between the caller's start and end of voice, as the
line's detector heard them, or reaches to the end of the audio sent where it heard none.

A commit is answered with a `completed`, late or never. If it is late, the last hypothesis is promoted to a final
transcript; of the `completed` that comes for it afterwards, only the words behind those are news::

    delta "I want to"   commit ... 200 ms ...   promoted "I want to"      completed "I want to cancel." -> "cancel."
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Iterator

import attrs

from dialog_core.messages import Transcript
from dialog_core.protocols import SttEvent
from dialog_together.listen_protocol import Completed, Delta

__all__ = ["Commit", "Utterances"]

WORD = re.compile(r"\w+")
SLACK = 0.5
"""Seconds of an utterance's beginning that may be gone from the buffer without counting."""


@attrs.define
class Commit:
    """A stretch of the call that is to be transcribed. Seconds of the call."""

    started: float
    ended: float
    at: float
    """When it was committed, on the loop's clock."""
    promoted: str | None = None
    """Words of it that were settled before the answer came."""
    item: str | None = None
    """The vendor's name of those words."""


@attrs.define
class Hypothesis:
    """What the vendor makes of the audio since the last `completed`."""

    item: str | None
    text: str
    heard: float
    """End of the audio that had been sent when it came."""


@attrs.define(eq=False)
class Utterances:
    """Reads one call's messages, over one connection or several after each other."""

    sent: float = 0.0
    """End of the audio that was sent."""
    settled: float = -math.inf
    """The call's time up to which no audio need be recognised again."""
    hypothesis: Hypothesis | None = None
    commits: deque[Commit] = attrs.field(factory=deque)
    """Those not answered yet."""
    _voice: tuple[float, float | None] | None = None
    """Start and, if it is over, end of the caller's latest voice."""
    _until: float = 0.0
    """End of the last final transcript; later ones do not lie before it."""
    _told: str = ""
    """The interim transcript that listeners know of."""

    @property
    def is_idle(self) -> bool:
        """True when nothing is pending."""
        return self.hypothesis is None and not self.commits

    # --- the line's side

    def voice_began(self, at: float) -> None:
        """The line's detector hears the caller."""
        self._voice = (at, None)

    def voice_ended(self, at: float) -> None:
        """It hears them no more."""
        if self._voice is not None:
            self._voice = (self._voice[0], max(at, self._voice[0]))

    def committed(self, now: float) -> None:
        """A commit was sent for the latest voice. now: seconds on the loop's clock."""
        started, ended = self._latest()
        self.commits.append(Commit(started, ended, now))

    def expire(self, before: float) -> bool:
        """Commits made before this moment of the loop's clock are not going to be answered.

        Returns whether a hypothesis is left that waited for one of them.
        """
        waited = False
        while self.commits and self.commits[0].at < before:
            waited = waited or self.commits[0].promoted is None
            self._answered(self.commits[0])
        return waited and self.hypothesis is not None

    def promote(self) -> Iterator[SttEvent]:
        """Settle the words that are known, since the rest does not come."""
        hypothesis, commit = self.hypothesis, self._open()
        if hypothesis is None:
            return
        yield from self._settle(hypothesis.text)
        if commit is not None:
            commit.promoted, commit.item = hypothesis.text, hypothesis.item

    def reconnect(self, resumed: float | None) -> tuple[tuple[SttEvent, ...], bool]:
        """A new connection will hear audio from `resumed` on; None if there is none to repeat.

        A hypothesis whose audio is all there will be heard again; another is settled as it stands. Returns the events,
        and whether there is something to commit again.
        """
        hypothesis, events = self.hypothesis, list[SttEvent]()
        again = self._open()
        if hypothesis is not None and (resumed is None or resumed > self._span()[0] + SLACK):
            events += self._settle(hypothesis.text)
            self.settled = max(self.settled, hypothesis.heard)
            again = None
        self.hypothesis = None
        self.commits.clear()
        return tuple(events), again is not None

    # --- the vendor's side

    def delta(self, message: Delta) -> Iterator[SttEvent]:
        """A hypothesis that replaces the one before."""
        text = message.text
        if not text or self._promoted(message.item_id, text) is not None:
            return
        self.hypothesis = Hypothesis(message.item_id, text, self.sent)
        if text != self._told:
            self._told = text
            started, ended = self._span()
            yield Transcript(ended, text, final=False, started=started)

    def completed(self, message: Completed) -> Iterator[SttEvent]:
        """An item is settled."""
        commit = self._promoted(message.item_id, message.text)
        if commit is None:
            yield from self._end(message.text)
            return
        self._answered(commit)
        known = (commit.promoted or "").split()
        rest = " ".join(message.text.split()[len(known) :])
        if rest:
            at = max(self._until, commit.ended)
            yield Transcript(at, rest, final=True, started=min(commit.ended, at))

    def failed(self) -> Iterator[SttEvent]:
        """An item could not be transcribed: what is known of it is all there will be."""
        yield from self._end("" if self.hypothesis is None else self.hypothesis.text)

    # --- settling

    def _end(self, text: str) -> Iterator[SttEvent]:
        """The vendor is done with the present words."""
        commit = self._open()
        yield from self._settle(text)
        if commit is not None:
            self._answered(commit)

    def _settle(self, text: str) -> Iterator[SttEvent]:
        """A final transcript; an empty one only takes an interim one back."""
        started, ended = self._span()
        told, self._told, self.hypothesis = self._told, "", None
        self.settled = max(self.settled, ended)
        if text or told:
            self._until = ended
            yield Transcript(ended, text, final=True, started=started)

    def _answered(self, commit: Commit) -> None:
        self.commits.remove(commit)
        self.settled = max(self.settled, commit.ended)

    def _open(self) -> Commit | None:
        """The commit that the present words answer."""
        return next((commit for commit in self.commits if commit.promoted is None), None)

    def _promoted(self, item: str | None, text: str) -> Commit | None:
        """The commit whose words were settled early, if this item is about them; some servers name no items."""
        for commit in self.commits:
            if commit.promoted is None:
                continue
            named = item is not None and commit.item is not None
            if item == commit.item if named else goes_on(commit.promoted, text):
                return commit
        return None

    def _span(self) -> tuple[float, float]:
        """Where the present words lie in the call."""
        commit = self._open()
        started, ended = self._latest() if commit is None else (commit.started, commit.ended)
        ended = max(ended, self._until)
        return min(max(started, self._until), ended), ended

    def _latest(self) -> tuple[float, float]:
        """Where the caller's latest voice lies; to the end of the audio, if it is not over or none was noticed."""
        started, ended = self._voice or (self._until, None)
        return started, self.sent if ended is None else ended


def goes_on(known: str, text: str) -> bool:
    """Whether a text is the known words again, maybe corrected and with more behind them; nothing is too."""
    pairs = zip(WORD.findall(known.casefold()), WORD.findall(text.casefold()), strict=False)
    same = [bool(one == other) for one, other in pairs]
    return 2 * same.count(True) >= len(same)
