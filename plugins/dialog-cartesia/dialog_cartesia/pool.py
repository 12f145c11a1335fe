"""One socket for all calls of a process.

The vendor multiplexes: every message names its context, a context is one reply. So the process keeps one socket, opened
before a caller speaks, and a reader that hands each message to the voice of its context by a plain function call. The
reader never waits for a voice. When the socket goes (the vendor closes idle ones after five minutes), the voices that
still need it are told, and the next wish for it opens another.

Messages nobody waits for are dropped and counted: a cancelled context keeps sending for a while.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Protocol

import anyio
import attrs
from anyio.abc import TaskGroup

from dialog_cartesia.protocol import (
    NAME,
    PATH,
    STAGE,
    Failure,
    Message,
    Unknown,
    context_of,
    error_for,
    handshake_headers,
    parse,
)
from dialog_cartesia.settings import CartesiaSettings
from dialog_core.errors import (
    HandshakeRefused,
    ProviderError,
    ProviderProtocolError,
    ProviderUnavailable,
    SocketClosed,
    SocketError,
)
from dialog_core.factory import Services
from dialog_core.fields import Secret
from dialog_core.net.prompt import PromptSocket
from dialog_core.observe.observations import Counted, Trouble
from dialog_core.protocols import WebSocket

__all__ = ["Link", "Pool", "Receiver", "shared_pool"]

MOST_KINDS = 50
"""Kinds of unknown messages that are told of; a server inventing more is not worth the memory."""


class Receiver(Protocol):
    """A voice, as the pool sees it. All methods return at once."""

    @property
    def is_sounding(self) -> bool:
        """True if audio of its context has come."""
        ...

    def deliver(self, message: Message) -> None:
        """A message of its context came."""
        ...

    def fail(self, error: ProviderError) -> None:
        """Its context cannot go on."""
        ...

    def lost(self, link: Link) -> None:
        """This socket is gone."""
        ...


@attrs.define(eq=False)
class Link:
    """The socket, from the first wish for it until it is gone."""

    scope: anyio.CancelScope = attrs.field(factory=anyio.CancelScope)
    settled: anyio.Event = attrs.field(factory=anyio.Event)
    error: SocketError | None = None
    socket: WebSocket | None = None
    heard: float = 0.0
    """When the last message came; seconds on the loop's clock."""
    used: float = 0.0
    """When it was last sent to or heard from."""
    _turn: anyio.Lock = attrs.field(factory=lambda: anyio.Lock(fast_acquire=True))

    async def send(self, text: str, *, at: float) -> None:
        """Send a message. Raises: SocketClosed."""
        if self.socket is None or self.error is not None:
            raise SocketClosed
        self.used = at
        async with self._turn:
            await self.socket.send(text)


@attrs.frozen
class PoolKey:
    """What calls must have in common to share a socket."""

    url: str
    version: str
    api_key: Secret
    headers: tuple[tuple[str, str], ...] = attrs.field(repr=False)
    limits: tuple[float, ...]


class Pool:
    """The shared socket, the voices on it, and the places for contexts."""

    def __init__(self, settings: CartesiaSettings, services: Services, tasks: TaskGroup) -> None:
        self.late = 0
        self._settings = settings
        self._services = services
        self._tasks = tasks
        self._link: Link | None = None
        self._voices: dict[str, Receiver] = {}
        self._places = anyio.CapacityLimiter(settings.contexts)
        self._kinds: set[str] = set()

    # --- the socket

    def connect_soon(self) -> Link:
        """The socket, begun if there is none, or if it rested so long that the vendor may be about to close it."""
        link = self._link
        if link is not None and (link.scope.cancel_called or self._is_stale(link)):
            link.scope.cancel()
            link = None
        if link is None:
            link = self._link = Link()
            self._tasks.start_soon(self._serve, link)
        return link

    def _is_stale(self, link: Link) -> bool:
        if link.socket is None or self._voices:
            return False
        return self._services.clock.monotonic() - link.used > self._settings.idle

    async def link(self) -> Link:
        """The socket, open. Raises: ProviderError."""
        link = self.connect_soon()
        await link.settled.wait()
        if link.error is not None:
            raise connect_error(link.error) from link.error
        return link

    def doubt(self, link: Link, *, since: float) -> None:
        """Audio is overdue: give the socket up if nothing at all came on it since then."""
        if link.heard <= since:
            link.scope.cancel()

    async def _serve(self, link: Link) -> None:
        """Hold the socket open and read it."""
        settings = self._settings
        url = settings.url.rstrip("/") + PATH
        headers = handshake_headers(settings)
        limit = settings.connect_timeout
        try:
            with link.scope:
                async with self._services.connect(url, headers=headers, timeout=limit) as socket:
                    link.heard = link.used = self._services.clock.monotonic()
                    link.socket = socket
                    link.settled.set()
                    await self._read(link, socket)
        except SocketError as error:
            link.error = error
        finally:
            if link.error is None:
                link.error = SocketClosed(reason="given up")
            if self._link is link:
                self._link = None
            link.settled.set()
            for voice in tuple(self._voices.values()):
                voice.lost(link)

    async def _read(self, link: Link, socket: WebSocket) -> None:
        """Hand out what comes, until the socket is closed; from within its read, where it can."""
        now = self._services.clock.monotonic

        def take(raw: str | bytes) -> bool:
            link.heard = link.used = now()
            self._dispatch(raw)
            return True

        if isinstance(socket, PromptSocket):
            socket.divert(take)
        while True:
            take(await socket.receive())

    def _dispatch(self, raw: str | bytes) -> None:  # per message
        try:
            message = parse(raw)
        except ProviderProtocolError as error:
            self._malformed(context_of(raw), error)
            return
        if message.context_id is None:
            self._unaddressed(message)
        elif (voice := self._voices.get(message.context_id)) is None:
            self.late += 1
        elif isinstance(message, Unknown):
            self._unknown(message)
        else:
            voice.deliver(message)

    def _unaddressed(self, message: Message) -> None:
        """A message without a context.

        An error may come so. It is meant for a request that was refused, so it reaches the voices that wait for their
        first audio; or the only voice there is. Those that already speak were not refused.
        """
        if not isinstance(message, Failure):
            if isinstance(message, Unknown):
                self._unknown(message)
            return
        self._trouble("an error names no context", message.error_code or "")
        voices = tuple(self._voices.values())
        for voice in voices:
            if len(voices) == 1 or not voice.is_sounding:
                error = error_for(message.status_code, message.text, request_id=message.request_id)
                voice.fail(error)

    def _unknown(self, message: Unknown) -> None:
        if message.type not in self._kinds and len(self._kinds) < MOST_KINDS:
            self._kinds.add(message.type)
            self._trouble("an unknown kind of message was skipped", message.type)

    def _malformed(self, context: str | None, error: ProviderProtocolError) -> None:
        """Fail the voice it was for; if nobody knows which, deadlines tell whether anything was lost."""
        voice = self._voices.get(context) if context is not None else None
        if voice is None:
            self._trouble("a malformed message was skipped", str(error))
        else:
            voice.fail(error)

    def _trouble(self, what: str, detail: str) -> None:
        self._services.observe(Trouble("", NAME, what, detail))

    # --- the voices

    def start(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run in the pool's tasks, so that a voice needs no task group of its own."""
        self._tasks.start_soon(work)

    async def admit(self, voice: Receiver) -> None:
        """Take a place for a context. Raises: ProviderUnavailable if too many wait, or it takes too long."""
        waiting = self._places.statistics().tasks_waiting
        if waiting >= self._settings.queue and not self._places.available_tokens:
            reason = f"{waiting} replies already wait for one of {self._settings.contexts} contexts"
            raise ProviderUnavailable(NAME, reason, stage=STAGE)
        with anyio.move_on_after(self._settings.queue_timeout):
            await self._places.acquire_on_behalf_of(voice)
            return
        reason = f"no context came free within {self._settings.queue_timeout:g} s"
        raise ProviderUnavailable(NAME, reason, stage=STAGE)

    def dismiss(self, voice: Receiver) -> None:
        """Give the place back."""
        self._places.release_on_behalf_of(voice)

    def attach(self, context: str, voice: Receiver) -> None:
        """Messages of this context go to this voice."""
        self._voices[context] = voice

    def detach(self, context: str) -> None:
        """Messages of this context are late from now on."""
        self._voices.pop(context, None)

    def report(self) -> None:
        """Tell how many late messages were dropped since the last report."""
        if self.late:
            self._services.observe(Counted("", f"{NAME} late messages dropped", self.late))
            self.late = 0


def connect_error(error: SocketError) -> ProviderError:
    """What a failed connection means."""
    if isinstance(error, HandshakeRefused):
        return error_for(error.status, "the handshake was refused")
    return ProviderUnavailable(NAME, str(error), stage=STAGE)


@asynccontextmanager
async def open_pool(settings: CartesiaSettings, services: Services) -> AsyncIterator[Pool]:
    """A pool and its tasks; leaving the block ends them."""
    async with anyio.create_task_group() as tasks:
        pool = Pool(settings, services, tasks)
        try:
            yield pool
        finally:
            pool.report()
            tasks.cancel_scope.cancel()


async def shared_pool(settings: CartesiaSettings, services: Services) -> Pool:
    """The process's pool for these settings; opening it does not connect."""
    key = PoolKey(
        settings.url,
        settings.version,
        settings.api_key,
        tuple(sorted(settings.headers.items())),
        (
            settings.contexts,
            settings.queue,
            settings.queue_timeout,
            settings.connect_timeout,
            settings.idle,
        ),
    )
    return await services.shared.get(key, lambda: open_pool(settings, services))
