from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import anyio
from anyio.abc import TaskGroup

from dialog_core.factory import Services
from dialog_core.net.groups import ungrouped
from dialog_core.testing.phones.phone import Outcome
from dialog_twilio.testing.account import new_sid
from dialog_twilio.testing.phone import Phone
from dialog_twilio.testing.rest import FakeTwilio
from dialog_twilio.testing.switch import Dialled, Switch

__all__ = ["Callees", "open_callees"]


class Callees:
    """Everybody whom a server may call; made by :func:`open_callees`."""

    def __init__(self, services: Services, twilio: FakeTwilio, tasks: TaskGroup) -> None:
        self._services = services
        self._twilio = twilio
        self._tasks = tasks
        self._expected: deque[tuple[Outcome, bool]] = deque()
        self._ringing: deque[Phone] = deque()
        self._changed = anyio.Event()

    def expect(self, outcome: Outcome, *, unruly: bool = False) -> None:
        """What becomes of the next call; it is answered if nothing is expected."""
        self._expected.append((outcome, unruly))

    def ring(self, form: Mapping[str, str]) -> str:
        """REST places a call. Returns its sid."""
        outcome, unruly = self._expected.popleft() if self._expected else (Outcome.ANSWERED, False)
        account = self._twilio.account
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
            self._services,
            form["Url"],
            account,
            form.get("Method", "POST"),
            fields,
            self._twilio,
            form.get("StatusCallback", ""),
            outcome,
            unruly=unruly,
        )
        switch = Switch(dialled, keep_audio=True)
        phone = Phone(switch)
        self._twilio.connect(phone)
        self._tasks.start_soon(switch.run)
        self._ringing.append(phone)
        self._changed.set()
        self._changed = anyio.Event()
        return switch.call_id

    async def dialled(self) -> Phone:
        """The telephone of the oldest call that nobody has asked for yet; waits for one."""
        while not self._ringing:
            await self._changed.wait()
        return self._ringing.popleft()


@asynccontextmanager
async def open_callees(services: Services, twilio: FakeTwilio) -> AsyncIterator[Callees]:
    """Let a server's calls reach somebody, until the block is left."""
    with ungrouped():
        async with anyio.create_task_group() as tasks:
            twilio.callees = callees = Callees(services, twilio, tasks)
            yield callees
            twilio.callees = None
            tasks.cancel_scope.cancel()
