"""The voice of one reply.

A voice owns one context at a time. Segments are submitted as they come, each with a flush;
:mod:`dialog_elevenlabs.attribution` tells which segment the audio belongs to. All sending goes through one function,
:meth:`ElevenLabsVoice._pump`, which opens a context if there is none and submits what that context has not been given.
So every reason for a new context is the same code:

- the first segment;
- a segment in another manner, because only a context's first message says how it sounds: the old context is closed,
  and when its audio is out the new one begins;
- the vendor closed the old context, because the model paused for too long;
- the socket was lost: once per reply, what is not closed is submitted again (a second loss is an error).
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial

import anyio
import attrs

from dialog_core.audio import AudioFormat, AudioOut
from dialog_core.errors import (
    LocalProtocolError,
    ProviderError,
    ProviderUnavailable,
    SocketClosed,
    SocketError,
)
from dialog_core.factory import Services
from dialog_core.messages import PLAIN, Manner, SpeakText
from dialog_core.observe.observations import ProviderTimed, Trouble
from dialog_core.resilience.outlet import Deadline, Outlet, Pieces
from dialog_core.speech.manner import Unheeded
from dialog_core.speech.words import is_pronounceable, spaced
from dialog_elevenlabs.attribution import Attribution
from dialog_elevenlabs.link import Link
from dialog_elevenlabs.pool import Pool
from dialog_elevenlabs.protocol import (
    NAME,
    STAGE,
    Audio,
    Failure,
    Final,
    Message,
    Unknown,
    build_close,
    build_open,
    build_text,
    error_for,
    unheeded,
)
from dialog_elevenlabs.settings import ElevenLabsSettings

__all__ = ["Channel", "ElevenLabsVoice"]

GOODBYE_SECONDS = 0.5
SECONDS_PER_CHARACTER = 0.08
"""Slow speech, in any language: to tell how much audio the text under way will be."""
RESENDS = 1
BUSY_SECONDS = 0.25
"""Wait before a context that was one too many is asked for again; closed ones take a moment to end."""


@attrs.frozen
class Channel:
    """What the voices of one call have in common."""

    settings: ElevenLabsSettings
    services: Services
    fmt: AudioFormat
    pool: Pool
    unheeded: Unheeded


@attrs.define(eq=False)
class Context:
    """What the vendor knows the reply by, on which socket."""

    id: str
    link: Link
    manner: Manner
    begun: bool = False
    """True once its first message is out."""
    ended: bool = False
    """True once no more text may follow."""


@attrs.define(eq=False)
class Times:
    """Moments of one reply; seconds on the loop's clock."""

    started: float | None = None
    first: float | None = None


class ElevenLabsVoice:
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

    # --- the caller's side

    async def speak(self, segment: SpeakText) -> None:
        """See :class:`dialog_core.protocols.Voice`."""
        if self._finishing:
            raise LocalProtocolError("a segment was spoken after finish")
        await self._room()
        if self._outlet.error is not None:
            raise self._outlet.error
        channel = self._channel
        channel.unheeded.tell(unheeded(channel.settings, segment.manner))
        text = spaced(segment.text) if is_pronounceable(segment.text) else ""
        self._put(self._attribution.add(segment.index, text, segment.manner))
        if text:
            if self._times.started is None:
                self._times.started = self._now()
            await self._pump_or_fail()

    async def finish(self) -> None:
        """See :class:`dialog_core.protocols.Voice`."""
        self._finishing = True
        if self._attribution.is_complete:
            self._outlet.close()
        elif self._context is not None:
            await self._pump_or_fail()

    def audio(self) -> AsyncIterator[AudioOut]:
        """See :class:`dialog_core.protocols.Voice`."""
        return Pieces(self._outlet, self._deadline)

    async def leave(self) -> None:
        """Close the context, and drop what still comes of it."""
        self._outlet.close()
        self._repair_scope.cancel()
        context = self._forget()
        try:
            if context is not None and context.begun and not context.ended:
                with anyio.move_on_after(GOODBYE_SECONDS, shield=True), suppress(SocketError):
                    await context.link.send(build_close(context.id))
        finally:
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
            idle = self._context is None and self._attribution.is_complete
            if self._outlet.is_closed or idle:
                return
            context = self._context or await self._begin()
            if self._context is not context:
                return
            try:
                await self._submit(context)
            except SocketClosed:
                self.lost(context.link)

    async def _submit(self, context: Context) -> None:
        """Give the context what it may be given. Raises: SocketClosed."""
        attribution = self._attribution
        if not context.begun:
            context.begun = True
            await context.link.send(build_open(self._channel.settings, context.id, context.manner))
        while (
            (part := attribution.following()) is not None
            and part.manner == context.manner
            and not context.ended
            and self._context is context
        ):
            attribution.submit(part)
            self._deadline.touched = self._now()
            self._outlet.notify()  # from now on the vendor owes us something, and has a deadline
            await context.link.send(build_text(context.id, part.text))
        over = attribution.following() is not None or self._finishing
        if over and not context.ended and self._context is context:
            context.ended = True
            self._deadline.touched = self._now()
            self._outlet.notify()
            await context.link.send(build_close(context.id))

    async def _begin(self) -> Context:
        """Open a context on a shared socket. Raises: ProviderError."""
        name = str(uuid.uuid4())
        link = await self._channel.pool.open(name, self)
        self._attribution.begin()
        part = self._attribution.following()
        context = self._context = Context(name, link, PLAIN if part is None else part.manner)
        if self._outlet.is_closed:
            self._forget()
        return context

    def _forget(self) -> Context | None:
        """Take leave of the context; what still comes of it is late."""
        context, self._context = self._context, None
        if context is not None:
            self._channel.pool.leave(context.link, context.id)
        return context

    def _reopen(self, *, wait: float = 0.0) -> None:
        """Submit again, in a new context and maybe later, what is not closed; once."""
        self._resends += 1
        if self._resends > RESENDS:
            reason = "the reply's context was lost again after it was sent again"
            self.fail(ProviderUnavailable(NAME, reason, stage=STAGE))
        else:
            self._go_on(wait=wait)

    def _go_on(self, *, wait: float = 0.0) -> None:
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

    @property
    def waits_for_text(self) -> bool:
        """True while the context is open and more text may follow."""
        context = self._context
        return context is not None and context.begun and not context.ended

    def deliver(self, message: Message) -> None:  # per message
        """Take a message of our context."""
        context = self._context
        if context is None or self._outlet.is_closed:
            return
        self._deadline.touched = self._now()
        match message:
            case Audio(data=data, alignment=alignment):
                if self._times.first is None:
                    self._times.first = self._deadline.touched
                self._put(self._attribution.audio(data, alignment))
            case Final():
                self._forget()
                self._over(ended=context.ended)
            case Failure():
                self._forget()
                error = error_for(message.error, message.text)
                if error.retryable and not self.is_sounding and not self._resends:
                    self._reopen(wait=BUSY_SECONDS)
                else:
                    self.fail(error)
            case Unknown():
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
        """All audio of the context is out; if not `ended`, the vendor closed it under our hands."""
        attribution = self._attribution
        if attribution.is_lacking and not ended:
            self._reopen()
            return
        if attribution.is_lacking:
            reason = "completed without audio for a text that has words"
            self.fail(ProviderUnavailable(NAME, reason, stage=STAGE))
            return
        self._put(attribution.complete())
        if attribution.following() is not None:
            self._go_on()
        elif self._finishing:
            self._outlet.close()

    def _put(self, pieces: tuple[AudioOut, ...]) -> None:
        for piece in pieces:
            if not self._outlet.put(piece):
                reason = f"more than {self._channel.settings.buffer:g} s of audio were not taken"
                self.fail(ProviderError(NAME, reason, stage=STAGE))
                return

    # --- waiting

    def _limit(self) -> float | None:
        """Seconds from the last sign of life that we wait for the vendor; None while it owes us nothing."""
        context, attribution, settings = self._context, self._attribution, self._channel.settings
        if context is None or not (attribution.is_waiting or context.ended):
            return None
        if not attribution.is_waiting:
            return settings.finish_timeout
        if attribution.is_sounding and attribution.is_aligned and not context.ended:
            return settings.settle
        more = attribution.is_lacking or attribution.is_short
        return settings.first_audio if more else settings.finish_timeout

    def _expire(self, limit: float) -> None:
        """The vendor has been silent for too long: all that was submitted is spoken, or something is wrong."""
        context, attribution = self._context, self._attribution
        if context is None:
            return
        if attribution.is_waiting and (attribution.is_lacking or attribution.is_short):
            self._channel.pool.doubt(context.link, since=self._deadline.touched)
            reason = f"no {'more ' if attribution.is_sounding else ''}audio within {limit:g} s"
            self.fail(ProviderUnavailable(NAME, reason, stage=STAGE))
            return
        if not context.ended:
            self._put(attribution.complete())
            return
        what = "a reply was never finished by the vendor"
        self._channel.services.observe(Trouble("", NAME, what, f"{limit:g} s"))
        self._forget()
        self._over(ended=True)

    def _now(self) -> float:
        return self._channel.services.clock.monotonic()

    def _observe(self) -> None:
        """Tell how long the vendor took."""
        times = self._times
        if times.started is not None:
            timed = ProviderTimed("", NAME, STAGE, times.started, times.first, self._now())
            self._channel.services.observe(timed)
