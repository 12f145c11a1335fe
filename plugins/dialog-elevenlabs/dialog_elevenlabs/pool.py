"""The sockets that all calls of a process share.

The vendor multiplexes: every message names its context, a context is one reply, and a socket carries five. The process
opens one socket before a caller speaks, and more only if `contexts` allows more than five replies at once. A reader
hands each message to the voice of its context by a plain function call; it never waits for a voice.

A context counts as long as the vendor says, which is until its `isFinal` comes: a reply that was cut off goes on
arriving for a moment. So its place is given to the next reply only then, or after `GRACE_SECONDS`. What comes of a
context that nobody listens to is dropped and counted.

When a socket goes, the voices that still need it are told. While calls are up, another is opened at once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any

import anyio
import attrs
from anyio.abc import TaskGroup

from dialog_core.audio import AudioFormat
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
from dialog_core.observe.observations import Counted, Trouble
from dialog_core.protocols import WebSocket
from dialog_elevenlabs.link import Link, Receiver
from dialog_elevenlabs.protocol import (
    NAME,
    STAGE,
    Failure,
    Final,
    Message,
    Unknown,
    build_keepalive,
    context_of,
    error_for,
    handshake_headers,
    parse,
    refusal,
    socket_path,
)
from dialog_elevenlabs.settings import ElevenLabsSettings

__all__ = ["Pool", "shared_pool"]

GRACE_SECONDS = 2.0
"""Longest that a closed context keeps its place without the vendor's word."""
STABLE_SECONDS = 5.0
"""Age at which the loss of a socket is no sign of one that cannot be kept open."""
MOST_KINDS = 50
"""Kinds of unknown messages that are told of."""


@attrs.frozen
class PoolKey:
    """What calls must have in common to share sockets."""

    url: str
    path: str = attrs.field(repr=False)
    api_key: Secret
    headers: tuple[tuple[str, str], ...] = attrs.field(repr=False)
    limits: tuple[float, ...]


class Pool:
    """The shared sockets, the voices on them, and the places for contexts."""

    def __init__(
        self, settings: ElevenLabsSettings, path: str, services: Services, tasks: TaskGroup
    ) -> None:
        self.late = 0
        self._settings = settings
        self._url = settings.url.rstrip("/") + path
        self._services = services
        self._tasks = tasks
        self._links: list[Link] = []
        self._places = anyio.CapacityLimiter(settings.contexts)
        self._calls = 0
        self._kinds: set[str] = set()

    # --- the sockets

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """A call is up: a socket is wanted, and another should it be lost."""
        self._calls += 1
        self.connect_soon()
        try:
            yield
        finally:
            self._calls -= 1

    def connect_soon(self) -> Link:
        """A socket with room for a context, begun if there is none."""
        link = next((link for link in self._links if link.has_room), None)
        if link is None:
            link = Link()
            self._links.append(link)
            self._tasks.start_soon(self._serve, link)
        return link

    async def warm(self) -> None:
        """Wait for a socket. Raises: ProviderError."""
        await self._settle(self.connect_soon())

    def doubt(self, link: Link, *, since: float) -> None:
        """Audio is overdue: give the socket up if nothing at all came on it since then."""
        if link.heard <= since:
            # at once, so that nobody joins it meanwhile
            link.error = SocketClosed(reason="given up")
            link.scope.cancel()

    async def _settle(self, link: Link) -> None:
        await link.settled.wait()
        if link.error is not None:
            raise connect_error(link) from link.error

    async def _serve(self, link: Link) -> None:
        """Hold a socket open and read it."""
        now = self._services.clock.monotonic
        headers = handshake_headers(self._settings)
        limit = self._settings.connect_timeout
        opened = None
        try:
            with link.scope:
                async with (
                    self._services.connect(self._url, headers=headers, timeout=limit) as socket,
                    anyio.create_task_group() as tasks,
                ):
                    opened = link.heard = now()
                    link.socket = socket
                    link.settled.set()
                    tasks.start_soon(self._keep_alive, link)
                    await self._read_until_lost(link, socket)
                    tasks.cancel_scope.cancel()
        except SocketError as error:
            link.error = error
        finally:
            self._gone(link)
        if self._calls and opened is not None and now() - opened >= STABLE_SECONDS:
            self.connect_soon()

    async def _read_until_lost(self, link: Link, socket: WebSocket) -> None:
        receive, now = socket.receive, self._services.clock.monotonic
        while True:
            try:
                raw = await receive()
            except SocketClosed as error:
                link.error = error
                return
            link.heard = now()
            self._take(link, raw)

    async def _keep_alive(self, link: Link) -> None:
        """Let contexts live that wait for text: a model may think, or a tool run, for longer than the vendor waits.

        Only contexts of ours, and only after their first message: an empty text for any other would open it.
        """
        while True:
            await anyio.sleep(self._settings.keepalive)
            for context, voice in tuple(link.contexts.items()):
                if voice is not None and voice.waits_for_text:
                    try:
                        await link.send(build_keepalive(context))
                    except SocketClosed:
                        return

    def _gone(self, link: Link) -> None:
        """The socket is no more: free its places and tell its voices."""
        if link.error is None:
            link.error = SocketClosed(reason="given up")
        self._links.remove(link)
        link.settled.set()
        voices = tuple(link.contexts.values())
        for context in tuple(link.contexts):
            self._free(link, context)
        for voice in voices:
            if voice is not None:
                if link.refusal is not None:
                    voice.fail(link.refusal)
                voice.lost(link)

    # --- what comes

    def _take(self, link: Link, raw: str | bytes) -> None:  # per message
        try:
            messages = parse(raw)
        except ProviderProtocolError as error:
            self._malformed(link, context_of(raw), error)
            return
        for message in messages:
            self._dispatch(link, message)

    def _dispatch(self, link: Link, message: Message) -> None:  # per message
        context = message.context
        if isinstance(message, Unknown):
            self._unknown(message)
        elif context is None:
            self._unaddressed(link, message)
        else:
            voice = link.contexts.get(context)
            if isinstance(message, Final | Failure):
                self._free(link, context)
            if voice is not None:
                voice.deliver(message)
            elif not isinstance(message, Final):
                self.late += 1

    def _unaddressed(self, link: Link, message: Message) -> None:
        """An error without a context is about the socket, which the vendor now closes; all else is of nobody."""
        if not isinstance(message, Failure):
            self.late += 1
            return
        self._trouble("an error names no context", message.error)
        error = error_for(message.error, message.text)
        if not error.retryable:
            link.refusal = error

    def _unknown(self, message: Unknown) -> None:
        if message.keys not in self._kinds and len(self._kinds) < MOST_KINDS:
            self._kinds.add(message.keys)
            self._trouble("an unknown kind of message was skipped", message.keys)

    def _malformed(self, link: Link, context: str | None, error: ProviderProtocolError) -> None:
        """Fail the voice it was for; if nobody knows which, deadlines tell whether anything was lost."""
        voice = link.contexts.get(context) if context is not None else None
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

    async def open(self, context: str, voice: Receiver) -> Link:
        """A place for a context, on a socket that is open. Raises: ProviderError.

        Waits for a place, at most `queue_timeout` and behind at most `queue` others.
        """
        await self._admit(context)
        link = self.connect_soon()
        link.contexts[context] = voice
        try:
            await self._settle(link)
        except BaseException:
            self._free(link, context)
            raise
        return link

    async def _admit(self, context: str) -> None:
        settings = self._settings
        waiting = self._places.statistics().tasks_waiting
        if waiting >= settings.queue and not self._places.available_tokens:
            reason = f"{waiting} replies already wait for one of {settings.contexts} contexts"
            raise ProviderUnavailable(NAME, reason, stage=STAGE)
        with anyio.move_on_after(settings.queue_timeout):
            await self._places.acquire_on_behalf_of(context)
            return
        reason = f"no context came free within {settings.queue_timeout:g} s"
        raise ProviderUnavailable(NAME, reason, stage=STAGE)

    def leave(self, link: Link, context: str) -> None:
        """Nobody listens to the context any more; its place is free when the vendor has closed it, or soon."""
        if context in link.contexts:
            link.contexts[context] = None
            self._tasks.start_soon(partial(self._free_later, link, context))

    async def _free_later(self, link: Link, context: str) -> None:
        await anyio.sleep(GRACE_SECONDS)
        self._free(link, context)

    def _free(self, link: Link, context: str) -> None:
        if context in link.contexts:
            del link.contexts[context]
            self._places.release_on_behalf_of(context)

    def report(self) -> None:
        """Tell how many late messages were dropped since the last report."""
        if self.late:
            self._services.observe(Counted("", f"{NAME} late messages dropped", self.late))
            self.late = 0


def connect_error(link: Link) -> ProviderError:
    """Why there is no socket."""
    error = link.error
    if link.refusal is not None:
        return link.refusal
    if isinstance(error, HandshakeRefused):
        return refusal(error.status, error.body)
    return ProviderUnavailable(NAME, str(error), stage=STAGE)


@asynccontextmanager
async def open_pool(
    settings: ElevenLabsSettings, path: str, services: Services
) -> AsyncIterator[Pool]:
    """A pool and its tasks; leaving the block ends them."""
    async with anyio.create_task_group() as tasks:
        pool = Pool(settings, path, services, tasks)
        try:
            yield pool
        finally:
            pool.report()
            tasks.cancel_scope.cancel()


async def shared_pool(settings: ElevenLabsSettings, services: Services, fmt: AudioFormat) -> Pool:
    """The process's pool for these settings and this format; opening it does not connect.

    Raises: SettingsError for a format that is not offered.
    """
    path = socket_path(settings, fmt)
    limits = (settings.contexts, settings.queue, settings.queue_timeout)
    times = (settings.connect_timeout, settings.keepalive)
    headers = tuple(sorted(settings.headers.items()))
    key = PoolKey(settings.url, path, settings.api_key, headers, (*limits, *times))
    return await services.shared.get(key, lambda: open_pool(settings, path, services))
