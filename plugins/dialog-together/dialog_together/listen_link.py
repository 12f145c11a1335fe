"""One connection of the recogniser: what is sent, what is received, and when it counts as dead."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import attrs

from dialog_core.errors import (
    ProviderError,
    ProviderProtocolError,
    ProviderUnavailable,
    SocketClosed,
    SocketError,
)
from dialog_core.observe.observations import Counted
from dialog_core.protocols import SttEvent, WebSocket
from dialog_together import listen_protocol as wire
from dialog_together.failures import NAME
from dialog_together.listen_parts import Parts

__all__ = ["Link"]

LONGEST_MESSAGE = 0.5
"""Seconds of audio in one message, when much waits."""
TICK = 0.25
"""Seconds between looks at the clock while no audio comes."""
KEPT_SECONDS = 1.0
"""Audio before the latest that is kept while nobody speaks: a detector tells of speech a little late."""


@attrs.define(eq=False)
class Link:
    """Sends and receives over one socket until it fails. Times are seconds on the loop's clock."""

    parts: Parts
    socket: WebSocket
    _heard: float = 0.0
    """When the last message came."""
    _owed: float | None = None
    """Since when speech has been without any message."""
    _asked: float | None = None
    """When a sign of life was asked for."""
    _echoes: int = 0
    _complaint: ProviderError | None = None
    """What the vendor said before it closed."""
    _error: SocketError | ProviderError | None = None

    async def run(self) -> None:
        """Returns never. Raises: ProviderError, SocketError."""
        self._heard = self.parts.now()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._tick)
            for loop in (self._send, self._receive):
                tasks.start_soon(self._until_failure, loop, tasks.cancel_scope)
        error = self._error
        if isinstance(error, SocketClosed) and self._complaint is not None:
            raise self._complaint from error
        if error is not None:
            raise error

    async def _until_failure(
        self, loop: Callable[[], Awaitable[None]], scope: anyio.CancelScope
    ) -> None:
        try:
            await loop()
        except (SocketError, ProviderError) as error:
            self._error = self._error or error
            scope.cancel()

    # --- sending

    async def _send(self) -> None:
        pulse = self.parts.pulse
        while True:
            await self._begin_speech()
            await self._send_audio()
            if pulse.commit:
                pulse.commit = False
                await self._commit()
            await self._forget()
            await self._check_alive()
            await pulse.wake.wait()
            pulse.wake = anyio.Event()

    async def _commit(self) -> None:
        """Have what was sent transcribed."""
        parts = self.parts
        parts.utterances.committed(parts.now())
        if rest := parts.intake.finish():
            await self.socket.send(wire.build_append(rest))
        await self.socket.send(wire.COMMIT)

    async def _tick(self) -> None:
        """Let the sender look at the clock although no audio comes."""
        while True:
            await anyio.sleep(TICK)
            self.parts.pulse.wake.set()

    async def _begin_speech(self) -> None:
        """The caller begins to speak: what was sent before is silence, or our own echo, and is dropped over there.

        Only while nothing is pending, and the speech itself, with a moment before it, is sent again.
        """
        parts, pulse = self.parts, self.parts.pulse
        began, pulse.began = pulse.began, None
        if pulse.sounding and self._owed is None:
            self._owed = parts.now()
        if began is None or not parts.is_manual or not parts.settings.clear_at_speech:
            return
        if parts.utterances.is_idle:
            parts.buffer.settle(began - parts.settings.lead)
            parts.buffer.rewind()
            parts.intake.restart()
            await self.socket.send(wire.CLEAR)

    async def _send_audio(self) -> None:
        parts = self.parts
        parts.report_dropped()
        fmt = parts.buffer.fmt
        most = fmt.nbytes(LONGEST_MESSAGE)
        while frame := parts.buffer.take():
            for start in range(0, len(frame.data), most):
                audio = parts.intake.take(frame.data[start : start + most])
                if audio:
                    await self.socket.send(wire.build_append(audio))
            parts.utterances.sent = frame.at + fmt.seconds(len(frame.data))

    async def _forget(self) -> None:
        """Give up what is not going to be answered, and audio that need not be repeated.

        While nobody speaks and nothing is pending, old audio is silence.
        """
        parts, utterances = self.parts, self.parts.utterances
        if utterances.expire(parts.now() - parts.settings.commit_timeout):
            await parts.outbox.post(tuple(utterances.promote()))
        if utterances.is_idle and not parts.pulse.sounding:
            self._owed = None
            parts.buffer.settle(utterances.sent - KEPT_SECONDS)

    async def _check_alive(self) -> None:
        """While the caller speaks and no message comes, ask for a sign of life. Raises: ProviderUnavailable."""
        settings, now = self.parts.settings, self.parts.now()
        if self._asked is not None and self._heard >= self._asked:
            self._asked = None
        if self._asked is not None:
            if now - self._asked > settings.sign_of_life:
                what = f"gave no sign of life for {now - self._heard:.1f} s"
                raise ProviderUnavailable(NAME, what, stage=wire.STAGE)
        elif self._owed is not None and now - self._owed > settings.doubt:
            self._asked = now
            self._echoes += 1
            await self.socket.send(wire.build_echo(self._echoes))

    # --- receiving

    async def _receive(self) -> None:
        while True:
            try:
                message = wire.parse(await self.socket.receive())
            except ProviderProtocolError:
                self.parts.services.observe(Counted("", f"{NAME} malformed messages", 1))
                raise
            self._heard = self.parts.now()
            self._owed = self._heard if self.parts.pulse.sounding else None
            await self._take(message)

    async def _take(self, message: wire.Message) -> None:
        utterances, post = self.parts.utterances, self.parts.outbox.post
        match message:
            case wire.Delta():
                await post(tuple(utterances.delta(message)))
            case wire.Completed():
                await self._settled(tuple(utterances.completed(message)))
            case wire.Failed():
                await self._hear_failure(message)
            case wire.Erred():
                self._complaint = wire.session_error(message.failure)
                self.parts.report("the recogniser complained", str(self._complaint))
            case wire.Unknown(type=kind):
                if kind not in self.parts.unknown:
                    self.parts.unknown.add(kind)
                    self.parts.report("a message of an unknown kind was skipped", kind)
            case wire.Created() | wire.Configured() | wire.Echo() | wire.Processed():
                pass

    async def _hear_failure(self, message: wire.Failed) -> None:
        """One utterance failed, or all is over. Raises: ProviderError if the session is."""
        error = wire.session_error(message.error)
        if message.is_fatal:
            raise error
        self.parts.report("an utterance could not be transcribed", str(error))
        await self._settled(tuple(self.parts.utterances.failed()))

    async def _settled(self, events: tuple[SttEvent, ...]) -> None:
        parts = self.parts
        parts.buffer.settle(parts.utterances.settled)
        if parts.utterances.is_idle:
            parts.pulse.answered.set()
        await parts.outbox.post(events)
