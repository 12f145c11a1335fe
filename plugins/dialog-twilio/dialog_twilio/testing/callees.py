from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from anyio.abc import TaskGroup

from dialog_core.factory import Services
from dialog_core.testing.phones import placing
from dialog_core.testing.phones.placing import Expected
from dialog_twilio.testing.account import new_sid
from dialog_twilio.testing.phone import Phone
from dialog_twilio.testing.rest import FakeTwilio
from dialog_twilio.testing.switch import Dialled, Switch

__all__ = ["Callees", "open_callees"]

Callees = placing.Callees[Phone]
"""Everybody whom a server may call; made by :func:`open_callees`."""


@asynccontextmanager
async def open_callees(services: Services, twilio: FakeTwilio) -> AsyncIterator[Callees]:
    """Let a server's calls reach somebody, until the block is left."""

    def ring(form: Mapping[str, str], expected: Expected, tasks: TaskGroup) -> Phone:
        account = twilio.account
        fields = {
            "CallSid": new_sid("CA"),
            "AccountSid": account.sid,
            "From": form["From"],
            "To": form["To"],
            "CallStatus": "in-progress",
            "Direction": "outbound-api",
            "ApiVersion": "2010-04-01",
        }
        dialled = Dialled(
            services,
            form["Url"],
            account,
            form.get("Method", "POST"),
            fields,
            twilio,
            form.get("StatusCallback", ""),
            expected,
        )
        switch = Switch(dialled, keep_audio=True)
        phone = Phone(switch)
        twilio.connect(phone)
        tasks.start_soon(switch.run)
        return phone

    async with placing.open_callees(ring) as callees:
        twilio.callees = callees
        yield callees
        twilio.callees = None
