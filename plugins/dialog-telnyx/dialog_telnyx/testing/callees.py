from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from anyio.abc import TaskGroup

from dialog_core.factory import Services
from dialog_core.testing.phones import placing
from dialog_core.testing.phones.placing import Expected
from dialog_telnyx.testing.exchange import Leg, Place, TelnyxExchange
from dialog_telnyx.testing.network import Network
from dialog_telnyx.testing.phone import Phone
from dialog_telnyx.testing.rest import FakeTelnyx

__all__ = ["Callees", "open_callees"]

Callees = placing.Callees[Phone]
"""Everybody whom a server may call; made by :func:`open_callees`."""


@asynccontextmanager
async def open_callees(services: Services, telnyx: FakeTelnyx) -> AsyncIterator[Callees]:
    """Let a server's calls reach somebody, until the block is left."""

    def ring(body: Mapping[str, Any], expected: Expected, tasks: TaskGroup) -> Phone:
        leg = Leg(body["from"], body["to"], "outgoing")
        network = Network(services, telnyx.account, body["webhook_url"])
        exchange = TelnyxExchange.new(leg, Place(network, tasks, telnyx.tapes))
        exchange.orders.client_state = body.get("client_state")
        telnyx.calls[leg.id] = exchange
        call = partial(exchange.call_somebody, expected.outcome, unruly=expected.unruly)
        tasks.start_soon(call)
        return Phone(exchange)

    async with placing.open_callees(ring) as callees:
        telnyx.callees = callees
        yield callees
        telnyx.callees = None
