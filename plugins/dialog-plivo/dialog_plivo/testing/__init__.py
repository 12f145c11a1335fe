"""Plivo from the other side, for tests, demonstrations and load: a phone, and the REST interface.

:func:`place_call` calls a server's answer URL and behaves as Plivo does towards it; :class:`FakePlivo` is the REST
interface and the store of recordings as an ASGI application. Together they make a call whose every sample is known::

    fake = FakePlivo()
    async with in_memory({"voice.example.com": server, "api.plivo.com": fake}) as services:
        async with place_call(services, "https://voice.example.com/reception/plivo/answer", plivo=fake) as phone:
            await phone.heard_silence(1.0)
            await phone.say(mulaw)
            ...
"""

from __future__ import annotations

from dialog_core.testing.phones.recording import stereo_wav
from dialog_plivo.testing.account import Account, new_uuid
from dialog_plivo.testing.callees import Callees, open_callees
from dialog_plivo.testing.carrier import PlivoCarrier, kits
from dialog_plivo.testing.phone import Phone, place_call
from dialog_plivo.testing.rest import FakePlivo, RestRequest
from dialog_plivo.testing.stage import Stage, open_stage
from dialog_plivo.testing.verbs import PhoneFault, read_xml

__all__ = [
    "Account",
    "Callees",
    "FakePlivo",
    "Phone",
    "PhoneFault",
    "PlivoCarrier",
    "RestRequest",
    "Stage",
    "kits",
    "new_uuid",
    "open_callees",
    "open_stage",
    "place_call",
    "read_xml",
    "stereo_wav",
]
