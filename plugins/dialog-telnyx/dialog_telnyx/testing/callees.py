from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import anyio
from anyio.abc import TaskGroup

from dialog_core.factory import Services
from dialog_core.net.groups import ungrouped
from dialog_core.testing.phones.phone import Outcome
from dialog_telnyx.testing.exchange import Leg, Place, TelnyxExchange
from dialog_telnyx.testing.network import Network
from dialog_telnyx.testing.phone import Phone
from dialog_telnyx.testing.rest import FakeTelnyx

__all__ = ["Callees", "open_callees"]


class Callees:
    """Everybody whom a server may call; made by :func:`open_callees`."""

    def __init__(self, services: Services, telnyx: FakeTelnyx, tasks: TaskGroup) -> None:
        self._services = services
        self._telnyx = telnyx
        self.tasks = tasks
        """Where calls that nobody holds go on."""
        self._expected: deque[tuple[Outcome, bool]] = deque()
        self._ringing: deque[Phone] = deque()
        self._changed = anyio.Event()

    def expect(self, outcome: Outcome, *, unruly: bool = False) -> None:
        """What becomes of the next call; it is answered if nothing is expected."""
        self._expected.append((outcome, unruly))

    def ring(self, body: Mapping[str, Any]) -> Leg:
        """REST places a call."""
        outcome, unruly = self._expected.popleft() if self._expected else (Outcome.ANSWERED, False)
        leg = Leg(body["from"], body["to"], "outgoing")
        network = Network(self._services, self._telnyx.account, body["webhook_url"])
        exchange = TelnyxExchange.new(leg, Place(network, self.tasks, self._telnyx.tapes))
        exchange.orders.client_state = body.get("client_state")
        self._telnyx.calls[leg.id] = exchange
        self.tasks.start_soon(lambda: exchange.call_somebody(outcome, unruly=unruly))
        self._ringing.append(Phone(exchange))
        self._changed.set()
        self._changed = anyio.Event()
        return leg

    async def dialled(self) -> Phone:
        """The telephone of the oldest call that nobody has asked for yet; waits for one."""
        while not self._ringing:
            await self._changed.wait()
        return self._ringing.popleft()


@asynccontextmanager
async def open_callees(services: Services, telnyx: FakeTelnyx) -> AsyncIterator[Callees]:
    """Let a server's calls reach somebody, until the block is left."""
    with ungrouped():
        async with anyio.create_task_group() as tasks:
            telnyx.callees = callees = Callees(services, telnyx, tasks)
            yield callees
            telnyx.callees = None
            tasks.cancel_scope.cancel()
