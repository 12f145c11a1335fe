from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import anyio
from anyio.abc import TaskGroup

from dialog_core.factory import Services
from dialog_core.net.groups import ungrouped
from dialog_core.testing.phones.phone import Outcome
from dialog_plivo.testing.account import new_uuid
from dialog_plivo.testing.phone import Phone
from dialog_plivo.testing.rest import FakePlivo
from dialog_plivo.testing.switch import Dialled, Switch

__all__ = ["Callees", "open_callees"]


class Callees:
    """Everybody whom a server may call; made by :func:`open_callees`."""

    def __init__(self, services: Services, plivo: FakePlivo, tasks: TaskGroup) -> None:
        self._services = services
        self._plivo = plivo
        self._tasks = tasks
        self._expected: deque[tuple[Outcome, bool]] = deque()
        self._ringing: deque[Phone] = deque()
        self._changed = anyio.Event()

    def expect(self, outcome: Outcome, *, unruly: bool = False) -> None:
        """What becomes of the next call; it is answered if nothing is expected."""
        self._expected.append((outcome, unruly))

    def ring(self, body: Mapping[str, object]) -> str:
        """REST places a call. Returns the request's id, which is not the call's."""
        outcome, unruly = self._expected.popleft() if self._expected else (Outcome.ANSWERED, False)
        request = new_uuid()
        fields = {
            "CallUUID": new_uuid(),
            "ALegRequestUUID": request,
            "RequestUUID": request,
            "From": str(body["from"]),
            "To": str(body["to"]),
            "CallStatus": "ringing",
            "Direction": "outbound",
        }
        dialled = Dialled(
            self._services,
            str(body["answer_url"]),
            self._plivo.account,
            fields,
            self._plivo,
            method=str(body.get("answer_method", "POST")),
            ring_url=str(body.get("ring_url", "")),
            hangup_url=str(body.get("hangup_url", "")),
            outcome=outcome,
            unruly=unruly,
        )
        switch = Switch(dialled, keep_audio=True)
        phone = Phone(switch)
        self._plivo.connect(phone)
        self._tasks.start_soon(switch.run)
        self._ringing.append(phone)
        self._changed.set()
        self._changed = anyio.Event()
        return request

    async def dialled(self) -> Phone:
        """The telephone of the oldest call that nobody has asked for yet; waits for one."""
        while not self._ringing:
            await self._changed.wait()
        return self._ringing.popleft()


@asynccontextmanager
async def open_callees(services: Services, plivo: FakePlivo) -> AsyncIterator[Callees]:
    """Let a server's calls reach somebody, until the block is left."""
    with ungrouped():
        async with anyio.create_task_group() as tasks:
            plivo.callees = callees = Callees(services, plivo, tasks)
            yield callees
            plivo.callees = None
            tasks.cancel_scope.cancel()
