from __future__ import annotations

import signal
import socket as sockets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from types import FrameType
from typing import Any, cast

import anyio
import uvicorn

from dialog_core.errors import SettingsError, SettingsProblem
from dialog_core.net.app import CallServer
from dialog_core.net.media_protocol import MediaProtocol
from dialog_core.net.pace import Pace

__all__ = ["run", "serve"]

BACKLOG = 2048
PING_SECONDS = 20.0
SHUTDOWN_SECONDS = 5
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def silent(_address: str) -> None:
    """Tell nobody."""


async def serve(
    app: CallServer,
    *,
    ready: Callable[[str], None] = silent,
    until: anyio.Event | None = None,
) -> None:
    """Serve on the host and port of the settings until SIGTERM, SIGINT or `until`, then let live calls finish.

    While draining, webhooks are still answered and new calls refused; a second signal ends the wait.
    ready: is given the local address, such as ``http://127.0.0.1:8080``, when calls can come.
    Raises: SettingsError if the port is taken or the certificate does not load. Needs asyncio.
    """
    listener = bind(app.settings.host, app.settings.port)
    with listener:
        async with app.running():
            server = DrainingServer(app, ready)
            try:
                async with anyio.create_task_group() as tasks:
                    if until is not None:
                        tasks.start_soon(server.stop_after, until)
                    await server.serve(sockets=[listener])
                    tasks.cancel_scope.cancel()
            finally:
                server.stop_listening()


def run(app: CallServer, *, ready: Callable[[str], None] = silent) -> None:
    """Serve in an event loop of its own, uvloop where it is installed."""

    async def main() -> None:
        await serve(app, ready=ready)

    fast = find_spec("uvloop") is not None
    anyio.run(main, backend="asyncio", backend_options={"use_uvloop": fast})


class DrainingServer(uvicorn.Server):
    """uvicorn, which by itself closes live sockets at once: this one waits for the calls on them first."""

    def __init__(self, app: CallServer, ready: Callable[[str], None]) -> None:
        super().__init__(new_config(app))
        self._room = app.room
        self._drain = app.settings.drain
        self._ready = ready

    async def startup(self, sockets: list[sockets.socket] | None = None) -> None:
        await super().startup(sockets)
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        scheme = "https" if self.config.is_ssl else "http"
        self._ready(f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}")

    async def shutdown(self, sockets: list[sockets.socket] | None = None) -> None:
        await self._room.drain(self._drain, hurry=lambda: self.force_exit)
        await self._room.close()
        self.spare_closing()
        await super().shutdown(sockets)

    def spare_closing(self) -> None:
        """Mark sockets whose peer has said goodbye as answered: uvicorn would say it twice, and fail."""
        connections: set[Any] = self.server_state.connections
        for connection in connections:
            if hasattr(connection, "close_sent") and connection.conn.state.name == "CLOSING":
                connection.close_sent = True

    async def stop_after(self, event: anyio.Event) -> None:
        """Ask to stop, as a signal does."""
        await event.wait()
        self.should_exit = True

    def stop_listening(self) -> None:
        """Close the door, also after a failure or a cancellation."""
        for each in getattr(self, "servers", ()):
            each.close()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal asks to stop, the second not to wait."""
        self.force_exit = self.should_exit
        super().handle_exit(sig, frame)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Turn signals into a drain; unlike uvicorn's own, do not raise them again afterwards."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {each: signal.signal(each, self.handle_exit) for each in SIGNALS}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)


def new_config(app: CallServer) -> uvicorn.Config:
    """How uvicorn is to serve. Raises: SettingsError if the certificate does not load."""
    settings = app.settings
    config = uvicorn.Config(
        app,
        lifespan="off",
        ws=cast("type[MediaProtocol]", partial(MediaProtocol, pace=Pace(settings.frames_together))),
        ws_max_size=settings.frame_limit,
        ws_max_queue=settings.queue_limit,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PING_SECONDS,
        ws_per_message_deflate=False,
        ssl_certfile=settings.tls_certificate or None,
        ssl_keyfile=settings.tls_key or None,
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        log_level="warning",
        backlog=BACKLOG,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    try:
        config.load()
    except OSError as error:
        what = f"cannot be used with its key: {error}; give a PEM chain and its own key"
        raise SettingsError(SettingsProblem("server.tls_certificate", what)) from error
    return config


def bind(host: str, port: int) -> sockets.socket:
    """A listening address. Raises: SettingsError naming it, and what would do."""
    try:
        family, kind, proto, _, address = sockets.getaddrinfo(
            host, port, type=sockets.SOCK_STREAM, flags=sockets.AI_PASSIVE
        )[0]
        listener = sockets.socket(family, kind, proto)
    except OSError as error:
        raise cannot_listen("server.host", host, port, error) from error
    try:
        listener.setsockopt(sockets.SOL_SOCKET, sockets.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise cannot_listen("server.port", host, port, error) from error
    return listener


def cannot_listen(setting: str, host: str, port: int, error: OSError) -> SettingsError:
    """The operator's error."""
    advice = "stop what uses it or choose another" if setting == "server.port" else "choose another"
    what = f"cannot listen on {host}:{port}: {error.strerror or error}; {advice}"
    return SettingsError(SettingsProblem(setting, what))
