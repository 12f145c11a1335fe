from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio

from dialog_core.call.clock import SystemClock
from dialog_core.factory import Services
from dialog_core.net.http import new_http_client
from dialog_core.net.shared import SharedResources
from dialog_core.net.websocket import open_websocket
from dialog_core.observe.observations import Observation

__all__ = ["open_services"]


@asynccontextmanager
async def open_services(*, observe: Callable[[Observation], None]) -> AsyncIterator[Services]:
    """The services of a process; leaving the block closes every shared resource, then the HTTP client."""
    async with new_http_client() as http, anyio.create_task_group() as tasks:
        shared = SharedResources(tasks, observe)
        try:
            yield Services(http, open_websocket, SystemClock().settled(), shared, observe)
        finally:
            await shared.close()
            tasks.cancel_scope.cancel()
