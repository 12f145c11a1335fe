"""An application from a settings file: as an ASGI application, or as a process that serves until it is stopped."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import anyio

from dialog_core.factory import Services
from dialog_core.net.server import Application, Hosted, serve_application
from dialog_core.observe.log import LogBuffer, install
from dialog_core.observe.observations import Observation
from dialog_core.plugins import Plugins
from dialog_core.process import open_process
from dialog_core.settings import Settings

__all__ = ["running", "serve"]


@asynccontextmanager
async def running(
    settings: Settings,
    *,
    services: Services | None = None,
    plugins: Plugins | None = None,
    observe: Callable[[Observation], None] | None = None,
) -> AsyncIterator[Application]:
    """Everything that runs, and the ASGI application that calls arrive at; mount it where you like.

    services: in place of real ones, for tests. observe: sees every observation at once; must not wait.
    """
    opening = open_process(settings, services=services, plugins=plugins, observe=observe)
    async with opening as process:
        hosted = [
            Hosted(name, agent.voip.name, process.voips[name], partial(process.answer, name))
            for name, agent in settings.agents.items()
        ]
        app = Application(settings.server, hosted, process.services)
        async with app.running():
            yield app


def serve(settings: Settings, *, ready: Callable[[Application, str], None]) -> None:
    """Serve until a signal comes, then let the calls in progress end. Blocks.

    ready: called with the application and its base URL once the port is open.
    Raises: SettingsError if the port cannot be opened.
    """

    async def main() -> None:
        async with anyio.create_task_group() as logging, running(settings) as app:
            buffer = LogBuffer(settings.log)
            install(settings.log, buffer, wall=app.services.clock.wall)
            logging.start_soon(buffer.run)
            await serve_application(app, settings.server, ready=partial(ready, app))
            logging.cancel_scope.cancel()

    anyio.run(main, backend_options={"use_uvloop": uvloop_is_there()})


def uvloop_is_there() -> bool:
    """Whether the faster event loop is installed; it does not exist for every system."""
    try:
        import uvloop  # noqa: F401, PLC0415 - only asked for here
    except ImportError:
        return False
    return True
