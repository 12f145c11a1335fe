from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import anyio
import attrs
from starlette.types import ASGIApp

from dialog_core.errors import SocketError
from dialog_core.factory import Services
from dialog_core.line import Ability
from dialog_core.testing.contracts.voip_kit import VoipKit
from dialog_core.testing.phones.phone import Outcome, Seal
from dialog_core.testing.phones.phone import Phone as AnyPhone
from dialog_plivo.testing.account import Account, new_uuid
from dialog_plivo.testing.callees import Callees, open_callees
from dialog_plivo.testing.phone import Phone, place_call
from dialog_plivo.testing.rest import FakePlivo
from dialog_plivo.testing.verbs import Stream, read_xml

__all__ = ["PlivoCarrier", "kits"]

TAKEN_SECONDS = 1.0
"""A server that does not close the socket in this time has taken the call."""


@attrs.frozen
class Served:
    """The server that calls go to."""

    services: Services
    base: str
    callees: Callees


@attrs.define(eq=False)
class PlivoCarrier:
    """Plivo as :class:`dialog_core.testing.phones.Carrier`."""

    plivo: FakePlivo = attrs.field(factory=FakePlivo)
    _served: Served | None = None
    _announced: str = ""

    @property
    def apps(self) -> Mapping[str, ASGIApp]:
        """The REST interface, and the store of recordings."""
        return {"api.plivo.com": self.plivo, "media.plivo.com": self.plivo}

    @asynccontextmanager
    async def serving(self, services: Services, base: str) -> AsyncIterator[None]:
        """Be the carrier of the server at `base`."""
        async with open_callees(services, self.plivo) as callees:
            self._served = Served(services, base, callees)
            yield
            self._served = None

    def call(
        self, *, caller: str = "+15550001111", called: str = "+15550002222"
    ) -> AbstractAsyncContextManager[Phone]:
        """Call the server."""
        served = self._server
        return place_call(
            served.services,
            f"{served.base}/answer",
            plivo=self.plivo,
            caller=caller,
            called=called,
            hangup_url=f"{served.base}/status",
        )

    def expect(self, outcome: Outcome, *, unruly: bool = False) -> None:
        """What becomes of the next call that the server places."""
        self._server.callees.expect(outcome, unruly=unruly)

    async def dialled(self) -> Phone:
        """The telephone that the server's call rings at."""
        return await self._server.callees.dialled()

    async def knock(self, seal: Seal) -> int:
        """Ask what to do with a new call, and do nothing."""
        fields = self._ringing()
        signing = Account(token="another") if seal is Seal.WRONG else self.plivo.account  # noqa: S106 - nobody's
        url = f"{self._server.base}/answer"
        headers = {} if seal is Seal.MISSING else signing.sign("POST", url, fields.items())
        if seal is Seal.ALTERED:
            fields["From"] = "15550009999"
        http = self._server.services.http
        return (await http.post(url, data=fields, headers=headers)).status_code

    async def knock_loudly(self, nbytes: int) -> int:
        """Ask with a field that is as long as that."""
        return (await self._ask({**self._ringing(), "Padding": "x" * nbytes}))[0]

    async def media_url(self) -> str:
        """Ask what to do with a new call: where its stream is to go."""
        fields = self._ringing()
        self._announced = fields["CallUUID"]
        _, document = await self._ask(fields)
        return next(verb.url for verb in read_xml(document) if isinstance(verb, Stream))

    async def connects(self, url: str) -> bool:
        """Open a media stream for the call that was asked about last."""
        account = self.plivo.account
        fmt = {"encoding": "audio/x-mulaw", "sampleRate": 8000}
        ids = {"callId": self._announced, "streamId": new_uuid(), "accountId": account.auth_id}
        body = {**ids, "tracks": ["inbound"], "mediaFormat": fmt}
        try:
            services = self._server.services
            async with services.connect(url, headers=account.sign_upgrade(url)) as socket:
                await socket.send(json.dumps({"event": "start", "start": body}))
                with anyio.move_on_after(TAKEN_SECONDS):
                    while True:
                        await socket.receive()
        except SocketError:
            return False
        return True

    async def tell_late(self, phone: AnyPhone) -> int:
        """Say once more that the call is in progress."""
        ours = next(each for each in self.plivo.phones.values() if each is phone)
        url = f"{self._server.base}/status"
        fields = {
            **self._ringing(),
            "CallUUID": ours.exchange.call_uuid,
            "CallStatus": "in-progress",
        }
        if ours.call_id != ours.exchange.call_uuid:
            fields |= {"Direction": "outbound", "ALegRequestUUID": ours.call_id}
        return (await ours.exchange.post(url, fields)).status_code

    def refuse(self, *, times: int = 1) -> None:
        """Refuse requests as ones that cannot be."""
        self.plivo.fail(400, times=times)

    @property
    def _server(self) -> Served:
        assert self._served is not None, "the carrier serves nobody yet"
        return self._served

    def _ringing(self) -> dict[str, str]:
        return {
            "CallUUID": new_uuid(),
            "From": "15550001111",
            "To": "15550002222",
            "CallStatus": "ringing",
            "Direction": "inbound",
            "Event": "StartApp",
        }

    async def _ask(self, fields: Mapping[str, str]) -> tuple[int, bytes]:
        url = f"{self._server.base}/answer"
        headers = self.plivo.account.sign("POST", url, fields.items())
        http = self._server.services.http
        response = await http.post(url, data=dict(fields), headers=headers)
        return response.status_code, response.content


def kits() -> tuple[VoipKit, ...]:
    """The plugin's kits for the conformance tests."""
    account = Account()
    table = {
        "auth_id": account.auth_id,
        "auth_token": account.token,
        "dial_from": "+15550002222",
    }
    return (
        VoipKit(
            "plivo",
            table,
            PlivoCarrier,
            abilities=frozenset(Ability.ALL) - {Ability.TRANSCRIBE},
            seals=frozenset({Seal.GOOD, Seal.MISSING, Seal.WRONG, Seal.ALTERED}),
            unsigned={"allow_unsigned": True},
        ),
    )
