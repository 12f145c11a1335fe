"""A caller on the other side of Telnyx: places a call on a server and behaves as Telnyx does.

::

    async with place_call(services, "https://voice.example.com/reception/telnyx/webhook", telnyx=fake) as phone:
        await phone.heard_silence(0.5)
        await phone.say(mulaw)
        await phone.hang_up()
    assert phone.warnings == []
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from anyio.abc import TaskGroup

from dialog_core.factory import Services
from dialog_core.testing.phones.placing import on_the_line
from dialog_core.testing.phones.telephone import Telephone
from dialog_telnyx.testing.exchange import Leg, Place, TelnyxExchange
from dialog_telnyx.testing.network import Network
from dialog_telnyx.testing.rest import FakeTelnyx

__all__ = ["Phone", "place_call"]

Phone = Telephone[TelnyxExchange]
"""One call; made by :func:`place_call`."""


def place_call(
    services: Services,
    webhook_url: str,
    *,
    telnyx: FakeTelnyx,
    caller: str = "+15550001111",
    called: str = "+15550002222",
    keep_audio: bool = True,
) -> AbstractAsyncContextManager[Phone]:
    """Call the number whose application has this webhook; leaving the block hangs up.

    telnyx: the REST side, by which the server answers. keep_audio: whether `played`, `sent` and `stereo` are wanted.
    """

    def begin(tasks: TaskGroup) -> Phone:
        leg = Leg(caller, called)
        place = Place(Network(services, telnyx.account, webhook_url), tasks, telnyx.tapes)
        exchange = TelnyxExchange.new(leg, place, keep=keep_audio)
        telnyx.calls[leg.id] = exchange
        tasks.start_soon(exchange.ring)
        return Phone(exchange)

    return on_the_line(begin)
