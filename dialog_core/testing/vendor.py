"""Two doors to a fake vendor, which is an ASGI application: in memory, and on a real socket.

In memory there is no thread and no socket, so tests run on virtual time, on trio and on asyncio::

    async with in_memory(fake.app) as services:
        stt = DeepgramStt(settings, services)

A fake that raises :class:`Drop` loses the connection without a goodbye. Any other exception in it ends the test.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from socket import socket as Socket  # noqa: N812 - as a type

import anyio
import httpx
import uvicorn
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from dialog_core.call.clock import SystemClock
from dialog_core.factory import Services
from dialog_core.net.groups import ungrouped
from dialog_core.net.http import TIMEOUT
from dialog_core.net.media_protocol import MediaProtocol
from dialog_core.net.shared import SharedResources
from dialog_core.net.version import USER_AGENT
from dialog_core.observe.observations import Observation
from dialog_core.testing.asgi import Apps, Drop
from dialog_core.testing.asgi_http import MemoryTransport
from dialog_core.testing.asgi_socket import memory_connect

__all__ = ["Apps", "Drop", "in_memory", "served"]

STARTUP_SECONDS = 30.0
SHUTDOWN_SECONDS = 10.0
POLL_SECONDS = 0.01


def ignore(_observation: Observation) -> None:
    """Observe nothing."""


@asynccontextmanager
async def in_memory(
    apps: Apps, *, observe: Callable[[Observation], None] = ignore
) -> AsyncIterator[Services]:
    """Services whose `http` and `connect` reach `apps`, whatever the host; or, given a mapping, each host its own.

    observe: for instance a list's `append`. Leaving the block closes what is shared and cancels the applications.
    """
    with ungrouped():
        async with anyio.create_task_group() as tasks:
            shared = SharedResources(tasks, observe)
            http = httpx.AsyncClient(
                transport=MemoryTransport(apps, tasks),
                headers={"user-agent": USER_AGENT},
                timeout=TIMEOUT,
            )
            async with http:
                try:
                    connect = memory_connect(apps, tasks)
                    yield Services(http, connect, SystemClock(), shared, observe)
                finally:
                    await shared.close()
            tasks.cancel_scope.cancel()


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[str]:
    """Serve `app` on a free port of 127.0.0.1; yields ``http://127.0.0.1:PORT``. Needs asyncio."""
    running: set[anyio.CancelScope] = set()
    server = QuietServer(losing(app, running))
    with ungrouped():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.run_quietly)
            with anyio.fail_after(STARTUP_SECONDS):
                await server.up.wait()
            try:
                yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
            finally:
                with anyio.move_on_after(SHUTDOWN_SECONDS, shield=True):
                    await end(running)
                server.should_exit = True
                with anyio.move_on_after(SHUTDOWN_SECONDS, shield=True):
                    await server.down.wait()
                tasks.cancel_scope.cancel()


async def end(running: set[anyio.CancelScope]) -> None:
    """Cancel the applications, and wait until they are done: uvicorn would close their connections meanwhile."""
    while running:
        for scope in list(running):
            scope.cancel()
        await anyio.sleep(POLL_SECONDS)


class QuietServer(uvicorn.Server):
    """A uvicorn server that says when it is up and down, and leaves logs and signal handlers alone."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host="127.0.0.1",
                port=0,
                ws=MediaProtocol,
                lifespan="off",
                log_config=None,
                log_level="critical",
                access_log=False,
                ws_per_message_deflate=False,
            )
        )
        self.up = anyio.Event()
        self.down = anyio.Event()

    async def run_quietly(self) -> None:
        """Serve until told to exit."""
        await self.serve()
        self.down.set()

    async def startup(self, sockets: list[Socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def losing(app: ASGIApp, running: set[anyio.CancelScope]) -> ASGIApp:
    """Let :class:`Drop` end the application in silence: uvicorn then closes the connection as it stands."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        with anyio.CancelScope() as cancel, suppress(Drop, WebSocketDisconnect, ClientDisconnect):
            running.add(cancel)
            try:
                await app(scope, receive, send)
            finally:
                running.discard(cancel)

    return wrapped
