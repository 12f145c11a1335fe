from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from anyio.abc import TaskGroup

from dialog_core.factory import Services
from dialog_core.testing.phones import placing
from dialog_core.testing.phones.placing import Expected
from dialog_plivo.testing.account import new_uuid
from dialog_plivo.testing.phone import Phone
from dialog_plivo.testing.rest import FakePlivo
from dialog_plivo.testing.switch import Dialled, Switch

__all__ = ["Callees", "open_callees"]

Callees = placing.Callees[Phone]
"""Everybody whom a server may call; made by :func:`open_callees`."""


@asynccontextmanager
async def open_callees(services: Services, plivo: FakePlivo) -> AsyncIterator[Callees]:
    """Let a server's calls reach somebody, until the block is left."""

    def ring(body: Mapping[str, object], expected: Expected, tasks: TaskGroup) -> Phone:
        request = new_uuid()
        fields = {
            "CallUUID": new_uuid(),
            "ALegRequestUUID": request,
            "RequestUUID": request,
            "From": str(body["from"]),
            "To": str(body["to"]),
            "CallStatus": "ringing",
            "Direction": "outbound",
        }
        dialled = Dialled(
            services,
            str(body["answer_url"]),
            plivo.account,
            fields,
            plivo,
            method=str(body.get("answer_method", "POST")),
            ring_url=str(body.get("ring_url", "")),
            hangup_url=str(body.get("hangup_url", "")),
            expected=expected,
        )
        switch = Switch(dialled, keep_audio=True)
        phone = Phone(switch)
        plivo.connect(phone)
        tasks.start_soon(switch.run)
        return phone

    async with placing.open_callees(ring) as callees:
        plivo.callees = callees
        yield callees
        plivo.callees = None
