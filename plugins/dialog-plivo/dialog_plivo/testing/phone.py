"""A caller on the other side of Plivo: places a call on a server and behaves as Plivo does, to the sample.

::

    async with place_call(services, "https://voice.example.com/reception/plivo/answer") as phone:
        await phone.heard_silence(0.5)
        await phone.say(mulaw)
        await phone.heard_speech()
        await phone.hang_up()
    assert phone.warnings == []

Time is the caller's audio clock: seconds since the first sample of the stream. With virtual time a call takes
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
from dialog_plivo.testing.account import Account, new_uuid
from dialog_plivo.testing.switch import Dialled, Switch
from dialog_plivo.testing.verbs import PhoneFault

if TYPE_CHECKING:
    from dialog_plivo.testing.rest import FakePlivo

__all__ = ["Phone", "PhoneFault", "place_call"]

Phone = Telephone[Switch]
"""One call; made by :func:`place_call`."""


def place_call(
    services: Services,
    answer_url: str,
    *,
    account: Account | None = None,
    plivo: FakePlivo | None = None,
    caller: str = "+15550001111",
    called: str = "+15550002222",
    method: str = "POST",
    hangup_url: str = "",
    fields: Mapping[str, str] | None = None,
    keep_audio: bool = True,
) -> AbstractAsyncContextManager[Phone]:
    """Call the number whose answer URL is `answer_url`; leaving the block hangs up.

    plivo: the REST side, whose requests then act on this call. hangup_url: is told of the end. fields: further, or
    other, fields of the webhook. keep_audio: whether `played`, `sent` and `stereo` are wanted. Raises: PhoneFault,
    from the block, if the server answers as Plivo would not accept.
    """
    account = account or (plivo.account if plivo is not None else Account())
    asked = {
        "CallUUID": new_uuid(),
        "From": caller.lstrip("+"),
        "To": called.lstrip("+"),
        "CallStatus": "ringing",
        "Direction": "inbound",
        **(fields or {}),
    }
    dialled = Dialled(
        services, answer_url, account, asked, plivo, method=method, hangup_url=hangup_url
    )
    switch = Switch(dialled, keep_audio=keep_audio)
    phone = Phone(switch)
    if plivo is not None:
        plivo.connect(phone)

    def begin(tasks: TaskGroup) -> Phone:
        tasks.start_soon(switch.run)
        return phone

    return on_the_line(begin)
