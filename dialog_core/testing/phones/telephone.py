from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Generic, Protocol, TypeVar

import anyio

from dialog_core.errors import SocketClosed
from dialog_core.testing.phones.agent_buffer import RATE
from dialog_core.testing.phones.microphone import FRAME_SECONDS
from dialog_core.testing.phones.phone import Echo
from dialog_core.testing.phones.story import Story

__all__ = ["Exchange", "Telephone"]

ROUNDING = 1e-6
"""Seconds that are too few for a clock to move by."""
PATIENCE_SECONDS = 30.0
"""How long a caller listens for something to come true, on the caller's audio clock."""


class Exchange(Protocol):
    """The carrier's side of one call, as far as the telephone at its end is concerned."""

    story: Story

    @property
    def call_id(self) -> str:
        """The carrier's id of the call."""
        ...

    async def hang_up(self) -> None:
        """Whoever has the telephone puts it down."""
        ...


X_co = TypeVar("X_co", bound=Exchange, covariant=True)


class Telephone(Generic[X_co]):
    """Somebody's telephone; see :class:`dialog_core.testing.phones.Phone`."""

    def __init__(self, exchange: X_co) -> None:
        self._exchange = exchange
        self._story = exchange.story
        self._handset = exchange.story.handset

    @property
    def exchange(self) -> X_co:
        """The carrier's side of the call."""
        return self._exchange

    # what they do

    async def say(self, audio: bytes, *, at: float | None = None) -> None:
        """Speak, and return when the last sample is sent; at once if nobody listens any more."""
        await self.answered()
        if self._with_agent:
            start = None if at is None else round(at * RATE)
            await self._handset.microphone.say(audio, at=start).wait()

    async def silent(self, seconds: float) -> None:
        """Say nothing for so long."""
        await self.say(b"\xff" * round(seconds * RATE))

    async def press(self, digits: str) -> None:
        """Press keys, one after another."""
        await self.answered()
        with suppress(SocketClosed):
            for digit in digits:
                if self._story.stream is not None:
                    await self._story.stream.press(digit)

    async def hang_up(self) -> None:
        """End the call; returns when the carrier is through with it. Again is harmless."""
        await self._exchange.hang_up()
        await self.over()

    async def vanish(self) -> None:
        """Lose the media socket without a goodbye."""
        if self._story.stream is not None:
            await self._story.stream.vanish()

    async def send_raw(self, data: str | bytes) -> None:
        """Send anything at all on the media socket."""
        with suppress(SocketClosed):
            if self._story.stream is not None:
                await self._story.stream.send_raw(data)

    def jumble(self) -> None:
        """Let the next four frames arrive out of order, and one of them twice."""
        self._handset.jumble.start()

    # what they wait for

    async def answered(self) -> None:
        """Wait until a media stream is up, or the call is over."""
        while self._story.stream is None and self._story.status is None:
            await self._story.changed.wait()

    async def heard_speech(self) -> None:
        """Wait until the agent sounds, or the call is over."""
        await self.answered()
        handset = self._handset
        while handset.buffer.sounds_until <= handset.now() and self._with_agent:
            await handset.changed.wait()

    async def heard_silence(self, seconds: float) -> None:
        """Wait until the agent has been silent for so long, or the call is over."""
        await self.answered()
        handset = self._handset
        while self._with_agent:
            changed = handset.changed
            left = handset.buffer.sounds_until / RATE + seconds - self.now
            if left <= ROUNDING:
                return
            with anyio.move_on_after(left):
                await changed.wait()

    async def until(self, condition: Callable[[], object]) -> None:
        """Listen, a frame at a time, until this is so, the call is over or 30 s are up; the caller looks what it was.

        For tests on a real loop, where what is due may still be on its way.
        """
        await self.answered()
        deadline = self.now + PATIENCE_SECONDS
        while not condition() and self._with_agent and self.now < deadline:
            await self.silent(FRAME_SECONDS)

    async def over(self) -> str:
        """Wait for the end of the call and of all its webhooks. Returns how it ended."""
        while self._story.status is None:
            await self._story.changed.wait()
        return self._story.status

    # what is known

    @property
    def call_id(self) -> str:
        """The carrier's id of the call."""
        return self._exchange.call_id

    @property
    def live(self) -> bool:
        """False when the call is over, though webhooks may still be on their way."""
        return not self._story.over

    @property
    def now(self) -> float:
        """Seconds on the caller's audio clock."""
        return self._handset.now() / RATE

    @property
    def played(self) -> list[tuple[float, bytes]]:
        """What was heard of the agent: (start in seconds, mu-law audio), in order."""
        pieces = self._handset.buffer.played(self._handset.now())
        return [(start / RATE, audio) for start, audio in pieces]

    @property
    def sent(self) -> bytes:
        """All that this side has sent since the clock began, silence included."""
        return self._handset.microphone.track()

    def stereo(self) -> tuple[bytes, bytes]:
        """Both sides as mu-law tracks of one length: what was said here, then what was heard of the agent."""
        caller = self.sent
        return caller, self._handset.buffer.track(len(caller))

    @property
    def warnings(self) -> list[str]:
        """What the carrier would complain of; empty if all was well."""
        return self._handset.warnings

    @property
    def echoes(self) -> list[Echo]:
        """The marks that were returned."""
        return self._handset.echoes

    @property
    def clears(self) -> list[float]:
        """When the agent's audio was thrown away."""
        return self._handset.clears

    @property
    def status(self) -> str | None:
        """The carrier's word for how the call ended; None while it lives."""
        return self._story.status

    @property
    def digits(self) -> str:
        """Keypad tones that the server played."""
        return self._handset.digits

    @property
    def transferred_to(self) -> str | None:
        """Whom the server handed the call to."""
        return self._story.transferred_to

    @property
    def _with_agent(self) -> bool:
        return self.live and self.transferred_to is None
