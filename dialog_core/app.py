"""An application from a settings file: an ASGI application to mount or serve, or a process that serves it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from importlib.util import find_spec

import anyio

from dialog_core.call.clock import SystemClock
from dialog_core.errors import LineError
from dialog_core.factory import Services
from dialog_core.garbage import keep_tidy
from dialog_core.net.app import CallServer, Hosted
from dialog_core.net.groups import ungrouped
from dialog_core.net.server import serve as serve_application
from dialog_core.observe.log import LogBuffer, install
from dialog_core.observe.observations import CallState, Observation
from dialog_core.plugins import Plugins
from dialog_core.process import open_process
from dialog_core.settings import Settings

__all__ = ["dial", "new_app", "serve"]


def new_app(
    settings: Settings,
    *,
    services: Services | None = None,
    plugins: Plugins | None = None,
    observe: Callable[[Observation], None] | None = None,
) -> CallServer:
    """The ASGI application of a settings file. Serve it, or mount it and keep its `running()` open.

    services: in place of real ones, for tests. observe: sees every observation at once; must not wait.
    """

    @asynccontextmanager
    async def opened() -> AsyncIterator[Sequence[Hosted]]:
        opening = open_process(settings, services=services, plugins=plugins, observe=observe)
        async with opening as process:
            yield [
                Hosted(
                    name,
                    agent.voip.name,
                    process.voips[name],
                    partial(process.answer, name),
                    process.services.observe,
                )
                for name, agent in settings.agents.items()
            ]

    return CallServer(settings.server, opened, clock=SystemClock())


def serve(settings: Settings, *, ready: Callable[[str], None]) -> None:
    """Serve until a signal comes, then let the calls in progress end. Blocks.

    ready: called with the server's own address, such as ``http://127.0.0.1:8080``, once the port is open.
    Raises: SettingsError if the port cannot be opened.
    """

    def up(address: str) -> None:
        keep_tidy()
        ready(address)

    run(settings, lambda app: serve_application(app, ready=up))


def dial(
    settings: Settings,
    agent: str,
    number: str,
    *,
    metadata: Mapping[str, str],
    told: Callable[[CallState], None],
) -> CallState:
    """Serve for as long as it takes an agent to call somebody. Blocks; returns the call's last state.

    metadata: what the agent is to know of the call. told: sees each state.
    Raises: LineError if the call cannot be placed, SettingsError if the port cannot be opened.
    """
    reached: list[CallState] = []

    async def call(app: CallServer) -> None:
        listening, over = anyio.Event(), anyio.Event()
        async with anyio.create_task_group() as tasks:

            async def follow() -> None:
                await listening.wait()
                placed = await app.dial(agent, number, metadata)
                async for state in app.states.steps(placed):
                    reached.append(state)
                    told(state)
                over.set()

            tasks.start_soon(follow)
            await serve_application(app, ready=lambda _: listening.set(), until=over)
            tasks.cancel_scope.cancel()

    run(settings, call)
    if not reached:
        raise LineError("the server was stopped before anything was heard of the call")
    return reached[-1]


def run(settings: Settings, main: Callable[[CallServer], Awaitable[None]]) -> None:
    """Run the application in an event loop of its own, with its log."""

    async def logged() -> None:
        buffer = LogBuffer(settings.log)
        install(settings.log, buffer, wall=SystemClock().wall)
        with ungrouped():
            async with anyio.create_task_group() as logging:
                logging.start_soon(buffer.run)
                await main(new_app(settings))
                logging.cancel_scope.cancel()

    anyio.run(logged, backend_options={"use_uvloop": find_spec("uvloop") is not None})
