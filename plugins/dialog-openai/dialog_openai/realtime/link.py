"""One connection to the Realtime API: what is sent, what is received, and when it counts as dead."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import attrs

from dialog_core.errors import (
    HandshakeRefused,
    ProviderError,
    ProviderProtocolError,
    ProviderRejected,
    ProviderUnavailable,
    SocketClosed,
    SocketError,
)
from dialog_core.observe.observations import Counted, Trouble
from dialog_core.protocols import WebSocket
from dialog_openai.account import without_key
from dialog_openai.failures import (
    FINAL_KINDS,
    PROVIDER,
    Failure,
    failure_of,
    refusal,
)
from dialog_openai.realtime import protocol as wire
from dialog_openai.realtime.items import Span
from dialog_openai.realtime.parts import Parts
from dialog_openai.realtime.settings import RealtimeSettings

__all__ = ["Link", "refused"]

STAGE = wire.STAGE
TICK = 0.5
"""Seconds between looks at the clock while no audio comes."""
LONGEST_MESSAGE = 0.5
"""Seconds of audio in one message, when much waits."""
BETA_SHAPE, POLICY = 4000, 1008
"""Close codes after which another connection would fare the same."""
REFUSED_IN_SESSION = FINAL_KINDS - {"invalid_request_error", "context_length_exceeded"}
"""What a session cannot go on after; of requests, mostly one alone is refused."""


@attrs.define(eq=False)
class Link:
    """Sends and receives over one socket until it fails, or is old and idle."""

    parts: Parts
    socket: WebSocket
    _opened: float = 0.0
    _uncommitted: bool = False
    """Audio was sent since the last commit."""
    _last_sent: float = 0.0
    _complaint: str = ""
    """What OpenAI said before it closed."""
    _error: SocketError | ProviderError | None = None

    async def run(self) -> None:
        """Returns when the connection should be replaced at leisure. Raises: ProviderError, SocketError."""
        pulse = self.parts.pulse
        pulse.life.owed_since = None
        self._opened = self._last_sent = pulse.life.heard_at = self._now()
        try:
            await self._configure()
        except SocketClosed as error:
            raise closing(error, self._complaint) from error
        pulse.wake.set()
        async with anyio.create_task_group() as tasks:
            for loop in (self._tick, self._send, self._receive):
                tasks.start_soon(self._until_over, loop, tasks.cancel_scope)
        if isinstance(self._error, SocketClosed):
            raise closing(self._error, self._complaint) from self._error
        if self._error is not None:
            raise self._error

    async def _until_over(
        self, loop: Callable[[], Awaitable[None]], scope: anyio.CancelScope
    ) -> None:
        try:
            await loop()
        except (SocketError, ProviderError) as error:
            self._error = self._error or error
        scope.cancel()

    async def _configure(self) -> None:
        """Say what we want, and wait until it is accepted: audio before that would be read in another format."""
        await self.socket.send(self._configuration())
        limit = self.parts.settings.ready_timeout
        with anyio.move_on_after(limit):
            while True:
                message = wire.parse(await self.socket.receive())
                if isinstance(message, wire.SessionUpdated):
                    return
                if isinstance(message, wire.Erred):
                    self._complaint = message.error.message or ""
                    raise refusal(message.error, stage=STAGE)
        raise ProviderUnavailable(
            PROVIDER, f"did not accept the session in {limit:g} s", stage=STAGE
        )

    def _configuration(self) -> str:
        return wire.configure(self.parts.settings, self.parts.intake.declared)

    def _now(self) -> float:
        return self.parts.services.clock.monotonic()

    # sending

    async def _send(self) -> None:
        pulse = self.parts.pulse
        while not self._is_old():
            await pulse.wake.wait()
            pulse.wake = anyio.Event()
            await self._send_audio()
            await self._commit()
            await self._probe()
            self._check_alive()

    async def _tick(self) -> None:
        """Let the sender look at the clock although no audio comes."""
        while True:
            await anyio.sleep(TICK)
            if self._now() - self._last_sent >= TICK:
                self.parts.pulse.wake.set()

    async def _send_audio(self) -> None:
        self.parts.report_dropped()
        buffer, intake = self.parts.buffer, self.parts.intake
        fmt, timeline = buffer.fmt, self.parts.items.timeline
        most = fmt.nbytes(LONGEST_MESSAGE)
        while frame := buffer.take():
            if abs(frame.at - timeline.end) > fmt.seconds(fmt.width):
                intake.restart()
            timeline.add(frame.at, fmt.seconds(len(frame.data)))
            for start in range(0, len(frame.data), most):
                await self.socket.send(wire.append(intake.take(frame.data[start : start + most])))
            self._last_sent = self._now()
            self._uncommitted = True

    async def _commit(self) -> None:
        """Where we cut turns: say that one is over, or that it has become too long."""
        settings, speech, items = self.parts.settings, self.parts.pulse.speech, self.parts.items
        if not settings.manual:
            return
        end = items.timeline.end
        if speech.span is None and speech.sounding and end - speech.since > settings.longest:
            speech.span, speech.since = Span(speech.since, end), end
        span, speech.span = speech.span, None
        if span is None or not self._uncommitted:
            return
        self._uncommitted = False
        items.expect(span)
        await self._ask(wire.COMMIT)

    async def _probe(self) -> None:
        """If OpenAI should have noticed the caller, ask for something that it must answer, and that changes nothing."""
        life = self.parts.pulse.life
        if life.doubted:
            life.doubted = False
            await self._ask(self._configuration())

    async def _ask(self, message: str) -> None:
        """Send what has to be answered."""
        life = self.parts.pulse.life
        if life.owed_since is None:
            life.owed_since = self._now()
        await self.socket.send(message)

    def _check_alive(self) -> None:
        """Raises: ProviderUnavailable."""
        life, waiting = self.parts.pulse.life, self.parts.items.waiting_since
        limit, now = self.parts.settings.first_result, self._now()
        silent = now - max(life.heard_at, self._opened)
        is_mute = life.owed_since is not None and now - life.owed_since > limit
        is_stuck = waiting is not None and now - waiting > limit
        if is_mute or (is_stuck and silent > limit):
            what = f"heard speech but sent no result for {limit:g} s"
            raise ProviderUnavailable(PROVIDER, what, stage=STAGE)

    def _is_old(self) -> bool:
        """True if this is a good moment for the new connection that will be needed anyway."""
        speech, parts = self.parts.pulse.speech, self.parts
        busy = speech.sounding or speech.span or parts.buffer.unsent or not parts.items.is_idle
        return not busy and self._now() - self._opened > parts.settings.renew

    # receiving

    async def _receive(self) -> None:
        while True:
            try:
                message = wire.parse(await self.socket.receive())
            except ProviderProtocolError:
                self.parts.services.observe(Counted("", f"{PROVIDER} malformed messages", 1))
                raise
            life = self.parts.pulse.life
            life.heard_at, life.owed_since = self._now(), None
            await self._take(message)

    async def _take(self, message: wire.Message | wire.Unknown) -> None:
        match message:
            case wire.Unknown(kind=kind):
                if kind not in self.parts.unknown:
                    self.parts.unknown.add(kind)
                    self._report("a message of an unknown kind was skipped", kind)
            case wire.Erred(error=error):
                self._hear_error(error)
            case wire.Failed(error=error):
                self._report("an utterance could not be transcribed", str(told(error)))
                await self._understand(message)
            case _:
                await self._understand(message)

    def _hear_error(self, failure: Failure) -> None:
        """Mostly the session goes on. Raises: ProviderError where it cannot."""
        kinds = {failure.type, failure.code}
        if failure.code == wire.EMPTY_COMMIT:
            self.parts.items.refused()
            self._tell_if_idle()
        elif failure.code == wire.EXPIRED:
            raise ProviderUnavailable(PROVIDER, "the session has expired", stage=STAGE)
        elif not kinds.isdisjoint(REFUSED_IN_SESSION):
            raise told(failure)
        elif failure.code not in wire.HARMLESS:
            self._complaint = str(told(failure))
            self._report("the recogniser complained", self._complaint)

    def _report(self, what: str, detail: str) -> None:
        self.parts.services.observe(Trouble("", PROVIDER, what, detail))

    async def _understand(self, message: wire.Message) -> None:
        items = self.parts.items
        events = tuple(items.read(message, now=self._now()))
        self.parts.buffer.settle(items.settled)
        self._tell_if_idle()
        await self.parts.outlet.post(events)

    def _tell_if_idle(self) -> None:
        if self.parts.items.is_idle and self.parts.pulse.speech.span is None:
            self.parts.pulse.answered.set()


# --- whose fault it is -----------------------------------------------------------------------------------------------


def told(failure: Failure) -> ProviderError:
    """An error of the session, as ours."""
    return refusal(failure, stage=STAGE)


def closing(closed: SocketClosed, complaint: str) -> ProviderError:
    """Why a connection ended; its session's last error says more than the close frame."""
    what = f"closed the connection: {complaint or closed.reason or 'no reason given'}"
    final = closed.code in {BETA_SHAPE, POLICY}
    kind = ProviderRejected if final else ProviderUnavailable
    return kind(PROVIDER, what, stage=STAGE, status=closed.code)


def refused(error: HandshakeRefused, settings: RealtimeSettings) -> ProviderError:
    """Why there is no connection."""
    return refusal(
        failure_of(without_key(settings, error.body)),
        stage=STAGE,
        status=error.status,
        request_id=error.headers.get("x-request-id"),
    )
