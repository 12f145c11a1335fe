"""One reply on its way from a responder to the line."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextvars import ContextVar
from typing import Protocol

import anyio
import attrs

from dialog_core.audio import AudioOut
from dialog_core.call.draft import Draft
from dialog_core.call.outbox import Outbox
from dialog_core.errors import ProviderProtocolError
from dialog_core.messages import PLAIN, Manner, SpeakText
from dialog_core.speech.ledger import Ledger, Piece
from dialog_core.speech.written import Written
from dialog_core.turns.effects import Cause
from dialog_core.turns.events import Event, Shielded

__all__ = ["LIVE_REPLY", "Playout", "ReplyPlan", "ReplyTimes", "Responder", "Speaker", "Watched"]


ROUNDING = 1e-3
"""Seconds; what rounding leaves of a wait may be too little to move the clock."""
LOOK_AGAIN_SECONDS = 0.25
"""How often a silence is looked at while something is on its way."""


@attrs.frozen
class ReplyPlan:
    """What a responder is asked to answer."""

    reply: int
    cause: Cause


@attrs.define(eq=False)
class Watched:
    """A segment that somebody waits for."""

    over: anyio.Event = attrs.field(factory=anyio.Event)
    heard: bool = False
    """Once `over` is set: whether it was heard to its end."""


@attrs.define
class ReplyTimes:
    """When things happened to a reply, in seconds since the call began; None for what has not."""

    decided: float
    """The turn was complete."""
    began: float | None = None
    """The reply was begun, if that was earlier."""
    first_text: float | None = None
    first_segment: float | None = None
    first_audio: float | None = None
    audible: float | None = None
    """The first audio was handed to the line."""


@attrs.define
class Playout:
    """Where a responder puts one reply's segments and audio. Used by the reply's own tasks."""

    reply: int
    times: ReplyTimes
    ledger: Ledger
    outbox: Outbox
    now: Callable[[], float]
    post: Callable[[Event], None]
    began: float = attrs.field(
        default=attrs.Factory(lambda self: self.times.decided, takes_self=True)
    )
    """When the silence began that the reply is to end, in seconds since the call began."""
    held: bool = False
    """While the reply is ducked, held or not confirmed, audio is entered into the ledger but not sent."""
    draft: Draft | None = None
    """What the reply keeps to itself while it is not certain that its turn is complete; None once it is."""
    _segments: int = 0

    def count_from(self, ended: float) -> None:
        """The caller's words ended then: the silence is ours from there on, unless something has sounded since."""
        self.began = min(max(ended, self.ledger.ends), self.times.decided)

    def text_came(self) -> None:
        """The responder has its first text."""
        if self.times.first_text is None:
            self.times.first_text = self.now()

    def segment(
        self,
        text: str,
        *,
        protected: bool = False,
        manner: Manner = PLAIN,
        written: Written | None = None,
    ) -> SpeakText:
        """Open the account of the reply's next segment."""
        segment = SpeakText(self.reply, self._segments, text, protected, manner, written)
        self._segments += 1
        self.ledger.add(segment)
        if self.times.first_segment is None:
            self.times.first_segment = self.now()
        if protected:
            self.post(Shielded(self.now(), self.reply, on=True))
        return segment

    async def aside(self, text: str, audio: bytes) -> None:
        """Say something ready-made between what the voice says."""
        segment = SpeakText(self.reply, self._segments, f"{text.strip()} ")
        self._segments += 1
        self.ledger.add(segment, aside=True)
        await self.push(AudioOut(segment.reply, segment.index, audio, last=True))

    async def silence(self, seconds: float, *, latest: float = math.inf) -> None:
        """Wait until nothing has sounded for so long, and nothing is on its way.

        latest: seconds of silence after which a reply that was decided on late is waited for no longer.
        """
        while True:
            quiet = max(self.ledger.ends, self.began)
            due = max(quiet + seconds, self.times.decided + seconds / 2)
            wait = min(due, quiet + max(seconds, latest)) - self.now()
            if self.held or self.ledger.owes(self.reply):
                wait = max(wait, LOOK_AGAIN_SECONDS)
            if wait <= ROUNDING:
                return
            await anyio.sleep(wait)

    async def push(self, audio: AudioOut) -> None:
        """Enter synthesised audio and queue it for the line; waits when far enough ahead.

        Raises: ProviderProtocolError if a segment with words ends without any, since it would count as heard.
        """
        pieces = self._entered(audio)
        if self.ledger.is_mute((audio.reply, audio.index)):
            raise ProviderProtocolError("voice", "ended words without a sound", stage="tts")
        if not self.held:
            await self.outbox.put(pieces)

    def push_now(self, audio: AudioOut) -> bool:
        """As :meth:`push`, without waiting. False, and nothing is done, where that may wait or raise."""
        if audio.last or self.outbox.is_full:
            return False
        pieces = self._entered(audio)
        if not self.held:
            self.outbox.put_now(pieces)
        return True

    def _entered(self, audio: AudioOut) -> tuple[Piece, ...]:
        if self.times.first_audio is None and audio.data:
            self.times.first_audio = self.now()
        return self.ledger.take(audio)


class Responder(Protocol):
    """A plan in, speech out."""

    async def respond(self, plan: ReplyPlan, playout: Playout) -> None:
        """Make one reply; returns when all of it was put into the playout. Cancelling it stops it everywhere.

        Raises: ProviderError.
        """
        ...


class Speaker(Protocol):
    """The reply that is being made, for who wants to say something within it."""

    @property
    def reply(self) -> int:
        """The reply's number."""
        ...

    @property
    def is_silent(self) -> bool:
        """Whether it has said nothing so far."""
        ...

    @property
    def draft(self) -> Draft | None:
        """What it keeps to itself until its turn is complete; None once that is certain."""
        ...

    async def say(self, text: str, *, interruptible: bool) -> bool:
        """Speak a message after what the reply has said so far; True if it was heard to its end."""
        ...

    def speak_with(self, manner: Manner) -> None:
        """Speak what follows in this manner, to the end of the reply."""
        ...


def no_reply() -> None:
    """Outside of replies."""


LIVE_REPLY: ContextVar[Callable[[], Speaker | None]] = ContextVar("LIVE_REPLY", default=no_reply)
"""Answers with the speaker in the task that makes a reply, and so in what the agent does there.

A weak reference: a connection that is opened meanwhile keeps its context as long as it is pooled, and would keep the
call with it.
"""
