from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Generic, Protocol, TypeVar

import anyio
import attrs

from dialog_core.carriers.verbs import asking
from dialog_core.errors import LineError, ProviderError
from dialog_core.net.media_stream import MediaStream

__all__ = ["Envelopes", "Phase", "Wire"]

DOUBT_SECONDS = 2.0
"""Wait for the stream to end after a request whose answer was lost: if it does, the request was taken."""


class Phase(enum.Enum):
    """What a line is doing."""

    LIVE = "live"
    MOVING = "moving"
    """Digits are played; the stream stops and returns on a new socket."""
    LEAVING = "leaving"
    """The caller is being transferred; the stream stops for good."""
    ENDING = "ending"
    """We have asked for the end of the call."""
    STOPPED = "stopped"


class Envelopes(Protocol):
    """How a carrier wants messages on its socket to be written."""

    @property
    def clear(self) -> str:
        """Throw away unplayed audio."""
        ...

    def mark(self, name: str) -> str:
        """Tell when all audio before was played."""
        ...


E = TypeVar("E", bound=Envelopes)


@attrs.define(eq=False)
class Wire(Generic[E]):
    """What a line's two directions share: the socket of now, and what is being done with it.

    Carriers return a mark also when it was cleared, or on its way when it was. So marks travel with a generation that
    grows at every `clear`, and only those of the present one have returned.
    """

    stream: MediaStream[E]
    return_wait: float = 0.0
    """Seconds for a stream that moves to return."""
    phase: Phase = Phase.LIVE
    generation: int = 0
    reason: str = ""
    """Why it stopped; empty before."""
    _redirecting: anyio.Lock = attrs.field(factory=anyio.Lock)
    _settled: anyio.Event = attrs.field(factory=anyio.Event)
    _changed: anyio.Event = attrs.field(factory=anyio.Event)

    # what goes out

    def sending(self) -> MediaStream[E]:
        """The stream to send on. Raises: LineError."""
        if self.phase is Phase.STOPPED:
            raise LineError(f"the line has stopped: {self.reason}")
        if self.phase is Phase.MOVING:
            raise LineError("the media stream did not return after digits")
        return self.stream

    async def mark(self, name: str) -> None:
        """Ask for a mark to return. Raises: LineError."""
        stream = self.sending()
        await stream.send(stream.envelopes.mark(f"g{self.generation}:{name}"))

    async def clear(self) -> None:
        """Throw away what is not played. Without a stream there is nothing to clear, so this never fails."""
        self.generation += 1
        if self.phase is not Phase.STOPPED:
            with suppress(LineError):
                await self.stream.send(self.stream.envelopes.clear)

    def returned(self, mark: str) -> str | None:
        """The name of a mark as it was sent; None if it was cleared, or is none of ours."""
        generation, colon, name = mark.partition(":")
        return name if colon and generation == f"g{self.generation}" else None

    # how it ends

    async def redirect(
        self, phase: Phase, what: str, request: Callable[[], Awaitable[None]]
    ) -> None:
        """Make a request that stops this stream; until it has, the line is in `phase`.

        That is so before the request is made, since the stream may stop before its answer comes. what: such as
        ``transfer``. Raises: LineError, and the line is what it was; if only the answer was lost, the end of the
        stream tells that the request was taken.
        """
        async with self._redirecting:
            await self.arrived()
            stream = self.sending()
            if self.phase is not Phase.LIVE:
                raise LineError(f"cannot {what}: the line is {self.phase.value}")
            self.phase = phase
            self._settled = anyio.Event()
            try:
                with asking(what):
                    await self._asked(request, stream)
            except LineError:
                if self.phase is phase:
                    self.phase = Phase.LIVE
                raise
            finally:
                self._settled.set()
                self._tell()

    async def settled(self) -> None:
        """Wait until it is known whether a redirection was taken."""
        if self.phase in {Phase.MOVING, Phase.LEAVING}:
            await self._settled.wait()

    async def arrived(self) -> None:
        """Wait for a stream under way to return, or the line to be doing something else."""
        with anyio.move_on_after(self.return_wait):
            while self.phase is Phase.MOVING:
                await self._changed.wait()

    def rebind(self, stream: MediaStream[E]) -> None:
        """The stream has returned on another socket. What was sent on the old one counts as not played."""
        self.stream.done.set()
        self.stream = stream
        self.generation += 1
        self.phase = Phase.LIVE
        self._tell()

    def end(self) -> bool:
        """We want the call to end. True if the carrier is still to be told so."""
        if self.phase in {Phase.ENDING, Phase.LEAVING} or self.reason in {"hangup", "transferred"}:
            return False
        if self.phase is not Phase.STOPPED:
            self.phase = Phase.ENDING
            self._tell()
        return True

    def stop(self, reason: str) -> None:
        """No more audio will come or go."""
        self.phase = Phase.STOPPED
        self.reason = reason
        self.stream.done.set()
        self._tell()

    def cause(self, reason: str) -> str:
        """Why a stream is over: what we did ourselves, or else `reason`."""
        return CAUSES.get(self.phase, reason)

    def _tell(self) -> None:
        """Wake those who wait for a change of phase."""
        self._changed.set()
        self._changed = anyio.Event()

    async def _asked(self, request: Callable[[], Awaitable[None]], stream: MediaStream[E]) -> None:
        try:
            await request()
        except ProviderError as error:
            if not error.retryable:
                raise
            with anyio.move_on_after(DOUBT_SECONDS):
                await stream.done.wait()
            if not stream.done.is_set():
                raise


CAUSES = {
    Phase.LEAVING: "transferred",
    Phase.ENDING: "hangup",
    Phase.MOVING: "error: the stream did not return after digits",
}
