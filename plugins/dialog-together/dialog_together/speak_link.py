"""The socket of one call's voice, and the text that is being spoken on it.

One socket serves the call. It is opened when the call begins, and again when it was lost or dropped. Texts are spoken
one after the other, since nothing on the wire says which text an item belongs to: an item is the present text's, unless
it is known from an earlier one. An interruption clears the vendor's text buffer and drops the socket, because audio
under way could not be told from the next text's.

A text is complete when every item that came is done and nothing came for `completion` seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import anyio
import attrs
from anyio.abc import TaskGroup

from dialog_core.errors import (
    ProviderError,
    ProviderProtocolError,
    ProviderUnavailable,
    SocketClosed,
    SocketError,
)
from dialog_core.factory import Services
from dialog_core.observe.observations import Counted, Trouble
from dialog_core.protocols import WebSocket
from dialog_together import speak_protocol as wire
from dialog_together.failures import NAME, connect_error
from dialog_together.settings import TogetherTtsSettings

__all__ = ["Lost", "SpeechLine", "Utterance"]

GOODBYE_SECONDS = 0.5
STABLE_SECONDS = 5.0
"""Age at which the loss of a socket is no sign of one that cannot be kept open."""
FASTEST_CHARACTER = 0.025
"""Seconds: forty characters a second are more than anybody says."""
BYTES_PER_SECOND = 48000
"""Of the vendor's audio."""


class Lost(ProviderUnavailable):
    """The connection was lost while a text was being spoken: it may be said again."""


@attrs.define(eq=False)
class Utterance:
    """A text under way."""

    text: str
    take: Callable[[str, bytes], None]
    """Is given each item's audio. Raises: ValueError if it cannot be read."""
    items: dict[str, bool] = attrs.field(factory=dict)
    """Which items came, and whether they are done."""
    received: int = 0
    touched: float = 0.0
    """When text was sent or a message came; seconds on the loop's clock."""
    error: ProviderError | None = None
    _changed: anyio.Event = attrs.field(factory=anyio.Event)

    @property
    def is_done(self) -> bool:
        """True if every item that came is done."""
        return bool(self.items) and all(self.items.values())

    @property
    def is_plausible(self) -> bool:
        """True if the audio so far may be all of it."""
        return self.received >= len(self.text) * FASTEST_CHARACTER * BYTES_PER_SECOND

    def notify(self) -> None:
        """Wake who waits."""
        changed, self._changed = self._changed, anyio.Event()
        changed.set()

    async def changed(self) -> None:
        """Wait until something has changed."""
        await self._changed.wait()


@attrs.define(eq=False)
class Connection:
    """A socket, from the first wish for it until it is gone."""

    scope: anyio.CancelScope = attrs.field(factory=anyio.CancelScope)
    settled: anyio.Event = attrs.field(factory=anyio.Event)
    """It is open, or will never be."""
    error: SocketError | None = None
    socket: WebSocket | None = None
    current: Utterance | None = None
    finished: set[str] = attrs.field(factory=set)
    """Items of texts that are over."""

    async def send(self, message: str) -> None:
        """Send a message. Raises: SocketClosed."""
        if self.socket is None or self.error is not None:
            raise SocketClosed
        await self.socket.send(message)


class SpeechLine:
    """Speaks one text after the other."""

    def __init__(self, settings: TogetherTtsSettings, services: Services, tasks: TaskGroup) -> None:
        """tasks: live as long as the call."""
        self._settings = settings
        self._services = services
        self._tasks = tasks
        self._connection: Connection | None = None
        self._turn = anyio.Lock()
        self._kinds: set[str] = set()
        self._late = 0

    async def say(self, text: str, take: Callable[[str, bytes], None]) -> None:
        """Speak a text; returns when it is complete. Cancelling it stops the vendor.

        take: see :class:`Utterance`. Raises: Lost; another ProviderError.
        """
        async with self._turn:
            connection = await self._connected()
            utterance = connection.current = Utterance(text, take)
            is_complete = False
            try:
                utterance.touched = self._services.clock.monotonic()
                await connection.send(wire.build_append(text))
                await connection.send(wire.COMMIT)
                is_complete = await self._until_complete(connection, utterance)
            except SocketClosed as error:
                raise Lost(NAME, f"the socket was lost: {error}", stage=wire.STAGE) from error
            finally:
                connection.current = None
                connection.finished.update(filter(None, utterance.items))
                if not is_complete:
                    await self._interrupt(connection)
                self.report()

    # --- the socket

    def connect_soon(self) -> Connection:
        """The socket, begun if there is none."""
        connection = self._connection
        if connection is None:
            connection = self._connection = Connection()
            self._tasks.start_soon(self._serve, connection)
        return connection

    async def _connected(self) -> Connection:
        """The socket, open. Raises: ProviderError."""
        connection = self.connect_soon()
        await connection.settled.wait()
        if connection.error is not None:
            raise connect_error(connection.error, stage=wire.STAGE) from connection.error
        return connection

    async def _serve(self, connection: Connection) -> None:
        """Hold the socket open and read it."""
        settings, now = self._settings, self._services.clock.monotonic
        url, headers = wire.socket_url(settings), wire.handshake_headers(settings)
        limit = settings.connect_timeout
        opened = None
        try:
            with connection.scope:
                async with self._services.connect(url, headers=headers, timeout=limit) as socket:
                    opened = now()
                    connection.socket = socket
                    connection.settled.set()
                    await self._read(connection, socket)
        except SocketError as error:
            connection.error = error
        finally:
            self._gone(connection)
        if opened is not None and now() - opened >= STABLE_SECONDS:
            self.connect_soon()

    def _gone(self, connection: Connection) -> None:
        if connection.error is None:
            connection.error = SocketClosed(reason="given up")
        if self._connection is connection:
            self._connection = None
        connection.settled.set()
        if connection.current is not None:
            connection.current.notify()

    async def _interrupt(self, connection: Connection) -> None:
        """Nobody wants the rest: clear what is not spoken, drop the socket, and open the next."""
        with anyio.move_on_after(GOODBYE_SECONDS, shield=True), suppress(SocketError):
            await connection.send(wire.CLEAR)
        connection.scope.cancel()
        if self._connection is connection:
            self._connection = None
            self.connect_soon()

    async def _read(self, connection: Connection, socket: WebSocket) -> None:
        """Hand out what comes, until the socket is closed."""
        while True:
            raw = await socket.receive()
            current = connection.current
            if current is not None:
                current.touched = self._services.clock.monotonic()
            try:
                self._take(connection, wire.parse(raw))
            except ProviderProtocolError as error:
                if current is None:
                    self._report("a malformed message was skipped", str(error))
                else:
                    current.error = error
            if current is not None:
                current.notify()

    # --- what comes

    def _take(self, connection: Connection, message: wire.Message) -> None:  # per message
        current = connection.current
        match message:
            case wire.Audio(delta=data, item_id=item):
                if current is None or item in connection.finished:
                    self._late += 1
                    return
                current.items[item or ""] = False
                current.received += len(data)
                try:
                    current.take(item or "", data)
                except ValueError as error:
                    current.error = ProviderProtocolError(NAME, str(error), stage=wire.STAGE)
            case wire.Done(item_id=item):
                if current is not None and item not in connection.finished:
                    current.items[item or ""] = True
            case wire.Failed(error=failure):
                self._fail(current, wire.speech_error(failure))
            case wire.Erred():
                self._fail(current, wire.speech_error(message.failure))
            case wire.Unknown(type=kind):
                if kind not in self._kinds:
                    self._kinds.add(kind)
                    self._report("a message of an unknown kind was skipped", kind)
            case wire.Created() | wire.Updated() | wire.Received():
                pass

    def _fail(self, current: Utterance | None, error: ProviderError) -> None:
        if current is None:
            self._report("the vendor complained", str(error))
        else:
            current.error = error

    # --- waiting

    async def _until_complete(self, connection: Connection, utterance: Utterance) -> bool:
        """Wait for all audio; False if it ended in a way that leaves the socket in doubt. Raises: ProviderError."""
        while True:
            if utterance.error is not None:
                raise utterance.error
            if connection.error is not None:
                raise connection.error
            limit = self._settings.completion if utterance.is_done else self._settings.first_audio
            touched = utterance.touched
            due = touched + limit - self._services.clock.monotonic()
            with anyio.move_on_after(due) as wait:
                await utterance.changed()
            if wait.cancelled_caught and touched == utterance.touched:
                return self._over(utterance, limit)

    def _over(self, utterance: Utterance, limit: float) -> bool:
        """Nothing came for a while: all is spoken, or something is wrong. Raises: ProviderError."""
        if utterance.is_done and not utterance.received:
            reason = "completed without audio for a text that has words"
            raise ProviderUnavailable(NAME, reason, stage=wire.STAGE)
        if utterance.is_done:
            return True
        if utterance.received and utterance.is_plausible:
            self._report("a text was never finished by the vendor", f"{limit:g} s")
            return False
        reason = f"no {'more ' if utterance.received else ''}audio within {limit:g} s"
        raise ProviderUnavailable(NAME, reason, stage=wire.STAGE)

    def report(self) -> None:
        """Tell how many late messages were dropped since the last report."""
        if self._late:
            self._services.observe(Counted("", f"{NAME} late messages dropped", self._late))
            self._late = 0

    def _report(self, what: str, detail: str) -> None:
        self._services.observe(Trouble("", NAME, what, detail))
