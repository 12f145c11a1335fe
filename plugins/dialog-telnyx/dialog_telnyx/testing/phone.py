"""A caller on the other side of Telnyx: places a call on a server and behaves as Telnyx does.

::

    async with place_call(services, "https://voice.example.com/reception/telnyx/webhook", telnyx=fake) as phone:
        await phone.heard_silence(0.5)
        await phone.say(mulaw)
        await phone.hang_up()
    assert phone.warnings == []
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from dialog_core.factory import Services
from dialog_core.net.groups import ungrouped
from dialog_core.testing.phones.telephone import Telephone
from dialog_telnyx.testing.exchange import Leg, Place, TelnyxExchange
from dialog_telnyx.testing.network import Network
from dialog_telnyx.testing.rest import FakeTelnyx

__all__ = ["Phone", "place_call"]

LEAVE_SECONDS = 10.0
"""How long leaving a call waits for the server to let go of it."""

Phone = Telephone[TelnyxExchange]
"""One call; made by :func:`place_call`."""


@asynccontextmanager
async def place_call(
    services: Services,
    webhook_url: str,
    *,
    telnyx: FakeTelnyx,
    caller: str = "+15550001111",
    called: str = "+15550002222",
    keep_audio: bool = True,
) -> AsyncIterator[Phone]:
    """Call the number whose application has this webhook; leaving the block hangs up.

    telnyx: the REST side, by which the server answers. keep_audio: whether `played`, `sent` and `stereo` are wanted.
    """
    with ungrouped():
        async with anyio.create_task_group() as tasks:
            network = Network(services, telnyx.account, webhook_url)
            leg = Leg(caller, called)
            exchange = TelnyxExchange.new(leg, Place(network, tasks, telnyx.tapes), keep=keep_audio)
            telnyx.calls[leg.id] = exchange
            phone = Phone(exchange)
            tasks.start_soon(exchange.ring)
            yield phone
            with anyio.move_on_after(LEAVE_SECONDS):
                await phone.hang_up()
            tasks.cancel_scope.cancel()
