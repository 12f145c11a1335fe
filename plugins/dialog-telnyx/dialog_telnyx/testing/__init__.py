"""Telnyx from the other side, for tests, demonstrations and load: a phone, and the REST interface.

:func:`place_call` calls a server by its webhook and behaves as Telnyx does towards it; :class:`FakeTelnyx` is the REST
interface as an ASGI application::

    fake = FakeTelnyx()
    async with in_memory({"voice.example.com": server, "api.telnyx.com": fake}) as services:
        url = "https://voice.example.com/reception/telnyx/webhook"
        async with place_call(services, url, telnyx=fake) as phone:
            await phone.heard_silence(1.0)
            await phone.say(mulaw)
            ...
"""

from __future__ import annotations

from dialog_telnyx.testing.account import Account
from dialog_telnyx.testing.callees import Callees, open_callees
from dialog_telnyx.testing.carrier import TelnyxCarrier
from dialog_telnyx.testing.exchange import TelnyxExchange
from dialog_telnyx.testing.kits import kits
from dialog_telnyx.testing.phone import Phone, place_call
from dialog_telnyx.testing.rest import FakeTelnyx, RestRequest

__all__ = [
    "Account",
    "Callees",
    "FakeTelnyx",
    "Phone",
    "RestRequest",
    "TelnyxCarrier",
    "TelnyxExchange",
    "kits",
    "open_callees",
    "place_call",
]
