"""Twilio from the other side, for tests, demonstrations and load: a phone, and the REST interface.

:func:`place_call` calls a server's voice webhook and behaves as Twilio does towards it; :class:`FakeTwilio` is the REST
interface as an ASGI application. Together they make a call whose every sample is known::

    fake = FakeTwilio()
    async with in_memory({"voice.example.com": server, "api.twilio.com": fake}) as services:
        async with place_call(services, "https://voice.example.com/reception/twilio/voice", twilio=fake) as phone:
            await phone.heard_silence(1.0)
            await phone.say(mulaw)
            ...
"""

from __future__ import annotations

from dialog_core.testing.phones.agent_buffer import AgentBuffer
from dialog_core.testing.phones.door import PlainDoor, application
from dialog_core.testing.phones.phone import Echo
from dialog_core.testing.phones.recording import stereo_wav
from dialog_twilio.testing.account import Account, new_sid
from dialog_twilio.testing.callees import Callees, open_callees
from dialog_twilio.testing.carrier import TwilioCarrier
from dialog_twilio.testing.kits import kits
from dialog_twilio.testing.light import light_connect
from dialog_twilio.testing.phone import Phone, place_call
from dialog_twilio.testing.rest import FakeTwilio, RestRequest
from dialog_twilio.testing.stage import Stage, open_stage
from dialog_twilio.testing.verbs import PhoneFault, read_twiml

__all__ = [
    "Account",
    "AgentBuffer",
    "Callees",
    "Echo",
    "FakeTwilio",
    "Phone",
    "PhoneFault",
    "PlainDoor",
    "RestRequest",
    "Stage",
    "TwilioCarrier",
    "application",
    "kits",
    "light_connect",
    "new_sid",
    "open_callees",
    "open_stage",
    "place_call",
    "read_twiml",
    "stereo_wav",
]
