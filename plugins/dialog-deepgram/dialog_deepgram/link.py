"""One connection to Deepgram: what is sent, what is received, and when it counts as dead."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial

import anyio
import attrs

from dialog_core.bell import Bell
from dialog_core.errors import (
    HandshakeRefused,
    ProviderError,
    ProviderProtocolError,
    ProviderRejected,
    ProviderUnavailable,
    SocketClosed,
    SocketError,
)
from dialog_core.factory import Services
from dialog_core.messages import Transcript
from dialog_core.net.prompt import PromptSocket
from dialog_core.observe.observations import Counted, Observation, Trouble
from dialog_core.protocols import SttEvent, WebSocket
from dialog_core.resilience.replay import ReplayBuffer
from dialog_deepgram import protocol as wire
from dialog_deepgram.outlet import Outlet
from dialog_deepgram.reader import FluxReader, Reader
from dialog_deepgram.settings import DeepgramSettings

__all__ = ["Link", "Parts", "Pulse", "refused", "report_dropped"]

PROVIDER = "deepgram"
STAGE = "stt"

TICK = 0.25
"""Seconds between looks at the clock while no audio comes."""
LIVE_TICK = 1.0
"""The same for v1, whose shortest limit is seconds long."""
LONGEST_MESSAGE = 0.25
"""Seconds of audio in one message, when much waits."""
FIRST_SILENCE = 0.02
"""Seconds of silence sent where a KeepAlive would be the first message: Deepgram heeds one only after audio."""
STALL = 0.5
"""Seconds without audio in an open Flux turn before silence is sent, and how much of it."""
GOODBYE = 0.5
"""Seconds that CloseStream may take."""

KEEP_ALIVE = wire.build(wire.KeepAlive())
FINALIZE = wire.build(wire.Finalize())
CLOSE_STREAM = wire.build(wire.CloseStream())

AnyMessage = wire.Message | wire.FluxMessage | wire.Unknown
TOLD = wire.Unknown | wire.FluxFailure | wire.Failure | wire.Warned
"""Messages that somebody is told of, or that end the connection."""

TRY_AGAIN = frozenset({408, 425, 429})
"""HTTP statuses below 500 that trying again may help."""


def already() -> anyio.Event:
    """An event that has happened."""
    event = anyio.Event()
    event.set()
    return event


@attrs.define(eq=False)
class Pulse:
    """What the tasks of one session tell each other. Times are seconds on the loop's clock."""

    wake: Bell = attrs.field(factory=Bell)
    """The sender has something to do."""
    fed: int = 0
    """Bytes taken from the line since the last that were worth a message."""
    direct: Callable[[int], bool] | None = None
    """Sends what was fed, so many bytes, from within the line's read. False, or None: wake the sender."""
    finalize: bool = False
    """A Finalize is to be sent."""
    asked: anyio.Event = attrs.field(factory=anyio.Event)
    """The caller fell silent while words were unsettled."""
    answered: anyio.Event = attrs.field(factory=already)
    """The words before the caller's last silence are settled, or the caller went on."""
    sounding: bool = False
    """The line's voice detector hears the caller."""
    calm: bool = False
    """It has heard the caller stop: nobody waits for the words of what follows."""
    unheard_since: float | None = None
    """Since when speech has waited for a result."""
    error: ProviderError | None = None
    """Why the session gave up."""


@attrs.frozen(eq=False)
class Parts:
    """What the connections of one session share, and the session with them."""

    settings: DeepgramSettings
    services: Services
    buffer: ReplayBuffer
    reader: Reader
    outlet: Outlet
    pulse: Pulse = attrs.field(factory=Pulse)
    unknown: set[str] = attrs.field(factory=set)
    """Kinds of messages that were reported as unknown."""


@attrs.define(eq=False)
class Link:
    """Sends and receives over one socket until it fails."""

    parts: Parts
    socket: WebSocket
    _last_sent: float = 0.0
    _left: deque[bytes] = attrs.field(factory=deque)
    """Messages that the line's read could not send; they go before all else."""
    _complaint: str = ""
    """What Deepgram said before it closed."""
    _error: SocketError | ProviderError | None = None

    async def run(self) -> None:
        """Returns never. Raises: ProviderError, SocketError."""
        self._last_sent = now = self._now()
        if self.parts.pulse.unheard_since is not None:
            self.parts.pulse.unheard_since = now
        try:
            if self.parts.settings.flux:
                await self._greet()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._tick)
                for loop in (self._send, self._receive):
                    tasks.start_soon(self._until_failure, loop, tasks.cancel_scope)
        finally:
            await self._say_goodbye()
        if isinstance(self._error, SocketClosed):
            raise closing(self._error, self._complaint) from self._error
        if self._error is not None:
            raise self._error

    async def _until_failure(
        self, loop: Callable[[], Awaitable[None]], scope: anyio.CancelScope
    ) -> None:
        try:
            await loop()
        except (SocketError, ProviderError) as error:
            self._error = self._error or error
            scope.cancel()

    async def _greet(self) -> None:
        """Wait for `Connected`: some bad options yield neither it nor an error."""
        # Shorter than the window after which a connection counts as good, or a mute vendor would never be given up.
        limit = min(self.parts.settings.connect_timeout, self.parts.settings.first_result)
        with anyio.move_on_after(limit):
            message = wire.parse_flux(await self.socket.receive())
            if isinstance(message, wire.FluxFailure):
                raise failed(f"{message.code}: {message.description}")
            if not isinstance(message, wire.Connected):
                kind = type(message).__name__
                raise ProviderProtocolError(PROVIDER, f"began with {kind}", stage=STAGE)
            return
        raise ProviderUnavailable(PROVIDER, f"sent no Connected in {limit:g} s", stage=STAGE)

    async def _say_goodbye(self) -> None:
        with anyio.move_on_after(GOODBYE, shield=True):
            try:
                await self.socket.send(CLOSE_STREAM)
            except SocketError:
                return

    def _now(self) -> float:
        return self.parts.services.clock.monotonic()

    def _report(self, what: str, detail: str) -> None:
        self.parts.services.observe(Trouble("", PROVIDER, what, detail))

    # sending

    async def _send(self) -> None:
        """Send what there is whenever woken. While there is nothing left to do, the line's read may send by itself."""
        pulse = self.parts.pulse
        socket = self.socket
        direct = partial(self._send_at_once, socket) if isinstance(socket, PromptSocket) else None
        try:
            while True:
                await pulse.wake.wait()
                pulse.direct = None
                now = self._now()
                await self._send_audio(now)
                if pulse.finalize:
                    pulse.finalize = False
                    await self.socket.send(FINALIZE)
                await self._keep_open(now - self._last_sent)
                self._check_alive(now)
                pulse.direct = direct
        finally:
            pulse.direct = None

    def _send_at_once(self, socket: PromptSocket, fed: int) -> bool:
        """Send what was fed, from within the line's read, which spares the sender's wake-up. False to wake it."""
        parts, now = self.parts, self._now()
        since, fmt = parts.pulse.unheard_since, parts.buffer.fmt
        late = since is not None and now - since > parts.settings.first_result
        if late or parts.pulse.finalize or fed > fmt.nbytes(LONGEST_MESSAGE):
            return False
        timeline, left = parts.reader.timeline, self._left
        while frame := parts.buffer.take():
            timeline.add(frame.at, fmt.seconds(len(frame.data)))
            if left or not socket.send_now(frame.data):
                left.append(frame.data)
        self._last_sent = now
        return not left

    async def _tick(self) -> None:
        """Let the sender look at the clock although no audio comes; a deadline on each of its waits would cost more."""
        every = TICK if self.parts.settings.flux else LIVE_TICK
        while True:
            await anyio.sleep(every)
            if self._now() - self._last_sent >= every:
                self.parts.pulse.wake.ring()

    async def _send_audio(self, now: float) -> None:
        report_dropped(self.parts.buffer, self.parts.services.observe)
        while self._left:
            await self.socket.send(self._left.popleft())
        fmt, timeline = self.parts.buffer.fmt, self.parts.reader.timeline
        most = fmt.nbytes(LONGEST_MESSAGE)
        while frame := self.parts.buffer.take():
            timeline.add(frame.at, fmt.seconds(len(frame.data)))
            for start in range(0, len(frame.data), most):
                await self.socket.send(frame.data[start : start + most])
            self._last_sent = now

    async def _send_silence(self, seconds: float) -> None:
        timeline = self.parts.reader.timeline
        timeline.add_silence(seconds, at=timeline.end)
        await self.socket.send(self.parts.buffer.fmt.silence(seconds))
        self._last_sent = self._now()

    async def _keep_open(self, quiet: float) -> None:
        if isinstance(self.parts.reader, FluxReader):
            if self.parts.reader.talking and quiet >= STALL:
                await self._send_silence(STALL)
        elif quiet >= self.parts.settings.keepalive:
            if self.parts.reader.timeline.sent:
                await self.socket.send(KEEP_ALIVE)
                self._last_sent = self._now()
            else:
                await self._send_silence(FIRST_SILENCE)

    def _check_alive(self, now: float) -> None:
        since, limit = self.parts.pulse.unheard_since, self.parts.settings.first_result
        if since is not None and now - since > limit:
            what = f"heard speech but sent no result for {limit:g} s"
            raise ProviderUnavailable(PROVIDER, what, stage=STAGE)

    # receiving

    async def _receive(self) -> None:
        parse = wire.parse_flux if self.parts.settings.flux else wire.parse
        if isinstance(self.socket, PromptSocket):
            self.socket.divert(partial(self._take_now, parse))
        while True:
            try:
                message = parse(await self.socket.receive())
            except ProviderProtocolError:
                self.parts.services.observe(Counted("", "deepgram malformed messages", 1))
                raise
            await self._take(message)

    def _take_now(self, parse: Callable[[str | bytes], AnyMessage], raw: str | bytes) -> bool:
        """Take what was understood from within the socket's read; not what is told of, or must wait."""
        if self.parts.outlet.is_behind:
            return False
        message = parse(raw)
        if isinstance(message, TOLD):
            return False
        self.parts.outlet.post_now(self._understand(message))
        return True

    async def _take(self, message: AnyMessage) -> None:
        match message:
            case wire.Unknown(kind=kind):
                self._note_unknown(kind)
            case wire.FluxFailure(code=code, description=description):
                raise failed(f"{code}: {description}")
            case (
                wire.Failure(variant=code, description=text)
                | wire.Warned(code=code, description=text)
            ):
                self._complaint = f"{code}: {text}"
                self._report("the recogniser complained", self._complaint)
            case _:
                await self.parts.outlet.post(self._understand(message))

    def _note_unknown(self, kind: str) -> None:
        if kind not in self.parts.unknown:
            self.parts.unknown.add(kind)
            self._report("a message of an unknown kind was skipped", kind)

    def _understand(self, message: wire.Message | wire.FluxMessage) -> tuple[SttEvent, ...]:
        if isinstance(message, wire.Results | wire.TurnInfo):
            self.parts.pulse.unheard_since = self._now() if self.parts.pulse.sounding else None
        # The reader of a connection reads its messages: v1 or v2, by the same setting.
        events: tuple[SttEvent, ...] = tuple(self.parts.reader.read(message))  # type: ignore[arg-type]
        self.parts.buffer.settle(self.parts.reader.pending.settled)
        if settles(message, events):
            self.parts.pulse.answered.set()
        return events


def settles(message: wire.Message | wire.FluxMessage, events: tuple[SttEvent, ...]) -> bool:
    """True if after this message nothing before the caller's silence is pending."""
    if not isinstance(message, wire.Results) or not message.is_final:
        return False
    spoke = any(isinstance(event, Transcript) and event.text for event in events)
    return bool(message.from_finalize) or bool(message.speech_final and spoke)


def report_dropped(buffer: ReplayBuffer, observe: Callable[[Observation], None]) -> None:
    """Tell of frames that were given up: never sent, or sent to a connection that was lost, too long ago to repeat."""
    if buffer.dropped:
        observe(Counted("", "deepgram frames dropped", buffer.dropped))
        buffer.dropped = 0
    if buffer.lost:
        observe(Counted("", "deepgram frames not repeated", buffer.lost))
        buffer.lost = 0


# --- whose fault it is -----------------------------------------------------------------------------------------------


def failed(what: str) -> ProviderUnavailable:
    """The recogniser gave up on a connection."""
    return ProviderUnavailable(PROVIDER, what, stage=STAGE)


def closing(closed: SocketClosed, complaint: str) -> ProviderError:
    """Why a connection ended. The close frame's reason matters, not its number, which Deepgram has changed."""
    what = f"closed the connection: {closed.reason or complaint or 'no reason given'}"
    if closed.reason.startswith("DATA-"):
        return ProviderRejected(PROVIDER, what, stage=STAGE, status=closed.code)
    return ProviderUnavailable(PROVIDER, what, stage=STAGE, status=closed.code)


def refused(error: HandshakeRefused) -> ProviderError:
    """Why there is no connection: Deepgram says it in a header, which an ordinary message would not show."""
    again = error.status >= 500 or error.status in TRY_AGAIN  # noqa: PLR2004 - HTTP's own boundary
    kind = ProviderUnavailable if again else ProviderRejected
    return kind(
        PROVIDER,
        f"refused the connection: {error.headers.get('dg-error') or 'no reason given'}",
        stage=STAGE,
        status=error.status,
        request_id=error.headers.get("dg-request-id"),
    )
