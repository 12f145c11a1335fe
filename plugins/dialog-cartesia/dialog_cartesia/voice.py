"""The voice of one reply.

A voice owns one context at a time. Segments are submitted as they come; :mod:`dialog_cartesia.attribution` tells
which segment the audio belongs to. All sending goes through one function, :meth:`CartesiaVoice._pump`, which opens a
context if there is none and submits what that context has not been given. So every reason for a new context is the
same code:

- the first segment;
- a segment in another manner, because a context's settings may not change: the old one is ended, and the new one
  begins when its audio is out;
- the old context expired, because the model paused after its audio had run dry;
- the socket was lost: once per reply, what is not closed is submitted again (a second loss is an error).
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial

import anyio

from dialog_cartesia.attribution import Attribution
from dialog_cartesia.parts import Channel, Context, Times
from dialog_cartesia.pool import Link
from dialog_cartesia.protocol import (
    NAME,
    STAGE,
    TOO_MANY,
    Chunk,
    Done,
    Failure,
    FlushDone,
    Message,
    PhonemeTimestamps,
    Timestamps,
    Unknown,
    build_cancel,
    build_end,
    build_text,
    error_for,
    in_manner,
    unheeded,
)
from dialog_core.audio import AudioOut
from dialog_core.errors import (
    LocalProtocolError,
    ProviderError,
    ProviderUnavailable,
    SocketClosed,
    SocketError,
)
from dialog_core.messages import PLAIN, SpeakText
from dialog_core.observe.observations import ProviderTimed, Trouble
from dialog_core.resilience.outlet import Deadline, Outlet, Pieces
from dialog_core.speech.words import is_pronounceable, spaced

__all__ = ["CartesiaVoice"]

EXPIRY_SECONDS = 0.7
"""A context dies 1 s after its last audio was streamed; by our clock a little earlier, for the network between."""
LIFE_SECONDS = 1.0
"""The same by the vendor's clock: after so long a silence nothing more comes of a context that was not ended."""
GOODBYE_SECONDS = 0.5
SECONDS_PER_CHARACTER = 0.08
"""Slow speech, in any language: to tell how much audio the text under way will be."""
RESENDS = 1
BUSY_SECONDS = 0.25
"""Wait before a context that was one too many is asked for again; cancelled ones take a moment to end."""


class CartesiaVoice:
    """Speaks one reply; see :class:`dialog_core.protocols.Voice`.

    Audio waits in an outlet of `settings.buffer` seconds. :meth:`speak` waits while that and the text under way would
    fill more than half of it, so it overflows only if one segment is longer than the other half; then this voice
    fails, since the reader of the shared socket must not wait.
    """

    def __init__(self, channel: Channel, reply: int) -> None:
        self._channel = channel
        self._attribution = Attribution(reply, channel.fmt)
        self._outlet = Outlet(channel.fmt.nbytes(channel.settings.buffer))
        self._context: Context | None = None
        self._finishing = False
        self._resends = 0
        self._times = Times()
        self._deadline = Deadline(self._limit, self._expire, self._now)
        self._sending = anyio.Lock()
        self._repair_scope = anyio.CancelScope()
        self._admitted = False

    # --- the caller's side

    async def speak(self, segment: SpeakText) -> None:
        """See :class:`dialog_core.protocols.Voice`."""
        if self._finishing:
            raise LocalProtocolError("a segment was spoken after finish")
        await self._room()
        if self._outlet.error is not None:
            raise self._outlet.error
        self._channel.unheeded.tell(unheeded(self._channel.settings, segment.manner))
        text = spaced(segment.text) if is_pronounceable(segment.text) else ""
        self._put(self._attribution.add(segment.index, text, segment.manner))
        if text:
            if self._times.started is None:
                self._times.started = self._now()
            await self._pump_or_fail()

    async def finish(self) -> None:
        """See :class:`dialog_core.protocols.Voice`."""
        self._finishing = True
        self._forget_if_expired()
        if self._context is not None:
            await self._pump_or_fail()
        if self._attribution.is_complete:
            self._outlet.close()

    def audio(self) -> AsyncIterator[AudioOut]:
        """See :class:`dialog_core.protocols.Voice`."""
        return Pieces(self._outlet, self._deadline)

    async def leave(self) -> None:
        """Cancel what is not yet spoken, and drop what still comes of it."""
        self._outlet.close()
        self._repair_scope.cancel()
        context = self._forget()
        is_spoken = context is None or (context.ended and self._attribution.is_complete)
        try:
            if context is not None and not is_spoken:
                with anyio.move_on_after(GOODBYE_SECONDS, shield=True), suppress(SocketError):
                    await context.link.send(build_cancel(context.id), at=self._now())
        finally:
            self._dismiss()
            self._channel.pool.report()
            self._observe()

    # --- sending

    async def _room(self) -> None:
        """Wait while the vendor is far ahead of the caller's ear."""
        half = self._channel.settings.buffer / 2
        while not self._outlet.is_closed and self._ahead() > half:
            await self._outlet.changed()

    def _ahead(self) -> float:
        """Seconds of audio that wait or are to be expected."""
        expected = self._attribution.outstanding * SECONDS_PER_CHARACTER
        return self._channel.fmt.seconds(self._outlet.nbytes) + expected

    async def _pump_or_fail(self) -> None:
        """Send what is due; an error also ends :meth:`audio`."""
        try:
            await self._pump()
        except ProviderError as error:
            self.fail(error)
            raise

    async def _pump(self) -> None:
        """Submit what the context has not been given, in a new context if need be. Raises: ProviderError."""
        async with self._sending:
            self._forget_if_expired()
            if self._outlet.is_closed:
                return
            context = self._context or await self._begin()
            try:
                while not context.ended:
                    text = self._attribution.next_text(context.manner)
                    if text is None:
                        break
                    await self._send(context, build_text(context.fields, context.id, text))
                    if self._context is not context:
                        return
                over = self._finishing or self._attribution.upcoming is not None
                if over and not context.ended:
                    context.ended = True
                    await self._send(context, build_end(context.fields, context.id))
            except SocketClosed:
                self.lost(context.link)

    async def _send(self, context: Context, message: str) -> None:
        self._deadline.touched = self._now()
        self._outlet.notify()  # from now on the vendor owes us something, and has a deadline
        await context.link.send(message, at=self._deadline.touched)

    async def _begin(self) -> Context:
        """Open a context on the shared socket. Raises: ProviderError."""
        pool = self._channel.pool
        if not self._admitted:
            await pool.admit(self)
            self._admitted = True
        link = await pool.link()
        self._attribution.begin()
        part, channel = self._attribution.upcoming, self._channel
        manner = PLAIN if part is None else part.manner
        fields = in_manner(channel.fields, channel.settings, manner)
        context = self._context = Context(str(uuid.uuid4()), link, manner, fields)
        pool.attach(context.id, self)
        return context

    def _forget_if_expired(self) -> None:
        """Give up a context whose audio ran dry so long ago that the vendor no longer knows it."""
        context, attribution = self._context, self._attribution
        if context is None or context.ended:
            return
        silent = self._now() - self._deadline.touched
        if attribution.is_waiting and silent > LIFE_SECONDS and attribution.seems_said:
            self._put(attribution.complete())
        if not attribution.is_waiting and silent > EXPIRY_SECONDS:
            self._forget()

    def _forget(self) -> Context | None:
        """Take leave of the context; what still comes of it is late."""
        context, self._context = self._context, None
        if context is not None:
            self._channel.pool.detach(context.id)
        return context

    def _dismiss(self) -> None:
        if self._admitted:
            self._admitted = False
            self._channel.pool.dismiss(self)

    def _reopen(self, *, wait: float = 0.0) -> None:
        """Submit again, in a new context and maybe later, what is not closed; once."""
        self._resends += 1
        if self._resends > RESENDS:
            reason = "the reply's context was lost again after it was sent again"
            self.fail(ProviderUnavailable(NAME, reason, stage=STAGE))
        else:
            self._channel.pool.start(partial(self._repair, wait))

    async def _repair(self, wait: float) -> None:
        self._repair_scope = anyio.CancelScope()
        with self._repair_scope, suppress(ProviderError):
            async with self._sending:  # so that no other text opens the context early
                await anyio.sleep(wait)
            await self._pump_or_fail()

    # --- the pool's side: called by the reader, never waits

    @property
    def is_sounding(self) -> bool:
        """True if audio of this reply has come."""
        return self._times.first is not None

    def deliver(self, message: Message) -> None:  # per message
        """Take a message of our context."""
        context = self._context
        if context is None or self._outlet.is_closed:
            self._channel.pool.late += 1
            return
        self._deadline.touched = self._now()
        match message:
            case Chunk(data=data):
                if self._times.first is None:
                    self._times.first = self._deadline.touched
                self._put(self._attribution.audio(data))
            case Timestamps(word_timestamps=times):
                if times is not None:
                    self._attribution.times(times)
            case FlushDone():
                self._put(self._attribution.flush(ended=context.ended))
            case Done():
                self._forget()
                self._over(ended=context.ended)
            case Failure():
                self._forget()
                reason, request = message.text, message.request_id
                if message.status_code == TOO_MANY and not self.is_sounding and not self._resends:
                    self._reopen(wait=BUSY_SECONDS)
                    return
                self.fail(error_for(message.status_code, reason, request_id=request))
            case PhonemeTimestamps() | Unknown():
                pass

    def fail(self, error: ProviderError) -> None:
        """End :meth:`audio` with an error, after the audio before it."""
        self._outlet.close(error)

    def lost(self, link: Link) -> None:
        """The socket is gone: go on in a new context if anything is missing."""
        if self._context is None or self._context.link is not link or self._outlet.is_closed:
            return
        self._forget()
        if not self._attribution.is_complete:
            self._reopen()
        elif self._finishing:
            self._outlet.close()

    def _over(self, *, ended: bool) -> None:
        """The vendor says that all audio of the context is out; if not `ended`, it expired under our hands."""
        attribution = self._attribution
        is_cut = attribution.has_flushes or not attribution.is_sounding
        if not ended and is_cut and not attribution.is_complete:
            self._reopen()
            return
        if attribution.is_lacking(over=True):
            reason = "completed without audio for a text that has words"
            self.fail(ProviderUnavailable(NAME, reason, stage=STAGE))
            return
        self._put(attribution.complete())
        if ended:
            self._go_on_or_close()

    def _go_on_or_close(self) -> None:
        """The context was ended: what it was not to speak is next, in another manner; or nothing."""
        if self._attribution.upcoming is not None:
            self._channel.pool.start(partial(self._repair, 0.0))
        else:
            self._outlet.close()
            self._dismiss()

    def _put(self, pieces: tuple[AudioOut, ...]) -> None:
        for piece in pieces:
            if not self._outlet.put(piece):
                reason = f"more than {self._channel.settings.buffer:g} s of audio were not taken"
                self.fail(ProviderError(NAME, reason, stage=STAGE))
                return

    # --- waiting

    def _limit(self) -> float | None:
        """Seconds from the last sign of life that we wait for the vendor; None while it owes us nothing."""
        context, attribution = self._context, self._attribution
        if context is None or not attribution.is_waiting:
            return None
        settings = self._channel.settings
        may_be_all = context.ended or not attribution.has_flushes
        if not context.ended and attribution.seems_said:
            return min(LIFE_SECONDS, settings.finish_timeout)
        if attribution.is_sounding and may_be_all:
            return settings.finish_timeout
        return settings.first_audio

    def _expire(self, limit: float) -> None:
        """The vendor has been silent for too long."""
        context, attribution = self._context, self._attribution
        if context is None:
            return
        if (
            attribution.is_sounding
            and not attribution.is_lacking(over=False)
            and not attribution.is_short
        ):
            self._put(attribution.complete())
            if context.ended:
                self._channel.services.observe(
                    Trouble("", NAME, "a reply was never finished by the vendor", f"{limit:g} s")
                )
                self._forget()
                self._go_on_or_close()
            return
        self._channel.pool.doubt(context.link, since=self._deadline.touched)
        reason = f"no {'more ' if attribution.is_sounding else ''}audio within {limit:g} s"
        self.fail(ProviderUnavailable(NAME, reason, stage=STAGE))

    def _now(self) -> float:
        return self._channel.services.clock.monotonic()

    def _observe(self) -> None:
        """Tell how long the vendor took."""
        times = self._times
        if times.started is not None:
            timed = ProviderTimed("", NAME, STAGE, times.started, times.first, self._now())
            self._channel.services.observe(timed)
