"""A caller on the other side of Twilio: places a call on a server and behaves as Twilio does, to the sample.

::

    async with place_call(services, "https://voice.example.com/reception/twilio/voice") as phone:
        await phone.heard_silence(0.5)
        await phone.say(mulaw)
        await phone.heard_speech()
        await phone.hang_up()
    assert phone.warnings == []

Time is the caller's audio clock: seconds since the first sample of the first stream. With virtual time a call takes
as long as the computing in it. On a real loop one process carries some hundred phones: each sends 50 frames a
second, and what the agent says costs nothing while it plays.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from anyio.abc import TaskGroup

from dialog_core.factory import Services
from dialog_core.testing.phones.placing import on_the_line
from dialog_core.testing.phones.telephone import Telephone
from dialog_twilio.testing.account import Account, new_sid
from dialog_twilio.testing.switch import Dialled, Switch
from dialog_twilio.testing.verbs import PhoneFault

if TYPE_CHECKING:
    from dialog_twilio.testing.rest import FakeTwilio

__all__ = ["Phone", "PhoneFault", "place_call"]

Phone = Telephone[Switch]
"""One call; made by :func:`place_call`."""


def place_call(
    services: Services,
    voice_url: str,
    *,
    account: Account | None = None,
    twilio: FakeTwilio | None = None,
    caller: str = "+15550001111",
    called: str = "+15550002222",
    method: str = "POST",
    fields: Mapping[str, str] | None = None,
    keep_audio: bool = True,
) -> AbstractAsyncContextManager[Phone]:
    """Call the number whose voice webhook is `voice_url`; leaving the block hangs up.

    twilio: the REST side, whose requests then act on this call. fields: further, or other, fields of the webhook.
    keep_audio: whether `played`, `sent` and `stereo` are wanted. Raises: PhoneFault, from the block, if the server
    answers as Twilio would not accept.
    """
    account = account or (twilio.account if twilio is not None else Account())
    asked = {
        "CallSid": new_sid("CA"),
        "AccountSid": account.sid,
        "From": caller,
        "To": called,
        "Caller": caller,
        "Called": called,
        "CallStatus": "ringing",
        "Direction": "inbound",
        "ApiVersion": "2010-04-01",
        "FromCity": "",
        **(fields or {}),
    }
    dialled = Dialled(services, voice_url, account, method, asked, twilio)
    switch = Switch(dialled, keep_audio=keep_audio)
    phone = Phone(switch)
    if twilio is not None:
        twilio.connect(phone)

    def begin(tasks: TaskGroup) -> Phone:
        tasks.start_soon(switch.run)
        return phone

    return on_the_line(begin)
