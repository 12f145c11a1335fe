from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import anyio
import anyio.lowlevel
import attrs
from starlette.types import ASGIApp

from dialog_core.errors import SocketError
from dialog_core.factory import Services
from dialog_core.testing.phones.phone import Outcome, Seal
from dialog_core.testing.phones.phone import Phone as AnyPhone
from dialog_telnyx.testing.account import Account
from dialog_telnyx.testing.callees import Callees, open_callees
from dialog_telnyx.testing.dialect import TelnyxDialect
from dialog_telnyx.testing.exchange import Leg, Place, TelnyxExchange
from dialog_telnyx.testing.network import Network
from dialog_telnyx.testing.phone import Phone, place_call
from dialog_telnyx.testing.rest import FakeTelnyx

__all__ = ["TelnyxCarrier"]

TAKEN_SECONDS = 1.0
"""A server that does not close the socket in this time has taken the call."""
LONG_AGO = 3600.0
HOSTS = ("api.telnyx.com", "files.telnyx.example")


@attrs.frozen
class Served:
    """The server that calls go to."""

    network: Network
    callees: Callees


@attrs.define(eq=False)
class TelnyxCarrier:
    """Telnyx as :class:`dialog_core.testing.phones.Carrier`."""

    telnyx: FakeTelnyx = attrs.field(factory=FakeTelnyx)
    _served: Served | None = None
    _announced: Leg = attrs.field(factory=lambda: Leg("", ""))

    @property
    def apps(self) -> Mapping[str, ASGIApp]:
        """The REST interface, and the server of recordings."""
        return dict.fromkeys(HOSTS, self.telnyx)

    @asynccontextmanager
    async def serving(self, services: Services, base: str) -> AsyncIterator[None]:
        """Be the carrier of the server at `base`."""
        async with open_callees(services, self.telnyx) as callees:
            network = Network(services, self.telnyx.account, f"{base}/webhook")
            self._served = Served(network, callees)
            yield
            self._served = None

    def call(
        self, *, caller: str = "+15550001111", called: str = "+15550002222"
    ) -> AbstractAsyncContextManager[Phone]:
        """Call the server."""
        network = self._server.network
        return place_call(
            network.services, network.webhook_url, telnyx=self.telnyx, caller=caller, called=called
        )

    def expect(self, outcome: Outcome, *, unruly: bool = False) -> None:
        """What becomes of the next call that the server places."""
        self._server.callees.expect(outcome, unruly=unruly)

    async def dialled(self) -> Phone:
        """The telephone that the server's call rings at."""
        return await self._server.callees.dialled()

    async def knock(self, seal: Seal) -> int:
        """Announce a call, and be deaf to what is commanded."""
        network = self._server.network
        body = self._announcement()
        now = network.services.clock.wall() - (LONG_AGO if seal is Seal.STALE else 0)
        signing = Account(seed=bytes(32)) if seal is Seal.WRONG else self.telnyx.account
        headers = {} if seal is Seal.MISSING else signing.sign(body, now)
        if seal is Seal.ALTERED:
            body += b" "
        return (await network.send(body, headers)).status_code

    async def knock_loudly(self, nbytes: int) -> int:
        """Announce a call with a field that is as long as that."""
        body = self._announcement(padding="x" * nbytes)
        network = self._server.network
        headers = self.telnyx.account.sign(body, network.services.clock.wall())
        return (await network.send(body, headers)).status_code

    async def media_url(self) -> str:
        """Announce a call, and wait for the command that answers it."""
        served, telnyx = self._server, self.telnyx
        leg = self._announced = Leg("+15550001111", "+15550002222")
        deaf = TelnyxExchange.new(leg, Place(served.network, served.callees.tasks, telnyx.tapes))
        telnyx.calls[leg.id] = deaf
        telnyx.fail(422, code="10015")
        before = len(telnyx.requests)
        await deaf.ring()
        while len(telnyx.requests) == before:
            await anyio.lowlevel.checkpoint()
        return str(telnyx.requests[before].body["stream_url"])

    async def connects(self, url: str) -> bool:
        """Open a media stream for the call that was announced last."""
        leg = self._announced
        ids = {"call_control_id": leg.id, "call_session_id": leg.session, "client_state": None}
        dialect = TelnyxDialect(ids, stream_id="11111111-0000-4000-8000-000000000001")
        try:
            async with self._server.network.services.connect(url) as socket:
                for message in dialect.greeting():
                    await socket.send(message)
                with anyio.move_on_after(TAKEN_SECONDS):
                    while True:
                        await socket.receive()
        except SocketError:
            return False
        return True

    async def tell_late(self, phone: AnyPhone) -> int:
        """Say once more that the call was answered."""
        return await self.telnyx.calls[phone.call_id].tell("call.answered", {"state": "answered"})

    def refuse(self, *, times: int = 1) -> None:
        """Refuse requests as ones that cannot be."""
        self.telnyx.fail(422, code="10015", times=times)

    @property
    def _server(self) -> Served:
        assert self._served is not None, "the carrier serves nobody yet"
        return self._served

    def _announcement(self, **more: str) -> bytes:
        network = self._server.network
        leg = Leg("+15550001111", "+15550002222")
        event = {
            "record_type": "event",
            "event_type": "call.initiated",
            "id": leg.leg,
            "payload": {
                "call_control_id": leg.id,
                "connection_id": network.account.connection_id,
                "direction": "incoming",
                "from": leg.caller,
                "to": leg.called,
                **more,
            },
        }
        return json.dumps({"data": event}).encode()
