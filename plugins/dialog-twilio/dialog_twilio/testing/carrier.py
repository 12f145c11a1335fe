from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import anyio
import attrs
from starlette.types import ASGIApp

from dialog_core.errors import SocketError
from dialog_core.factory import Services
from dialog_core.testing.phones.phone import Outcome, Seal
from dialog_core.testing.phones.phone import Phone as AnyPhone
from dialog_twilio.testing.account import Account, new_sid
from dialog_twilio.testing.callees import Callees, open_callees
from dialog_twilio.testing.phone import Phone, place_call
from dialog_twilio.testing.rest import FakeTwilio
from dialog_twilio.testing.verbs import Stream, read_twiml

__all__ = ["TwilioCarrier"]

TAKEN_SECONDS = 1.0
"""A server that does not close the socket in this time has taken the call."""
API_HOST = "api.twilio.com"


@attrs.frozen
class Served:
    """The server that calls go to."""

    services: Services
    base: str
    callees: Callees


@attrs.define(eq=False)
class TwilioCarrier:
    """Twilio as :class:`dialog_core.testing.phones.Carrier`."""

    twilio: FakeTwilio = attrs.field(factory=FakeTwilio)
    _served: Served | None = None
    _announced: str = ""

    @property
    def apps(self) -> Mapping[str, ASGIApp]:
        """The REST interface."""
        return {API_HOST: self.twilio}

    @asynccontextmanager
    async def serving(self, services: Services, base: str) -> AsyncIterator[None]:
        """Be the carrier of the server at `base`."""
        async with open_callees(services, self.twilio) as callees:
            self._served = Served(services, base, callees)
            yield
            self._served = None

    def call(
        self, *, caller: str = "+15550001111", called: str = "+15550002222"
    ) -> AbstractAsyncContextManager[Phone]:
        """Call the server."""
        served = self._server
        voice = f"{served.base}/voice"
        return place_call(served.services, voice, twilio=self.twilio, caller=caller, called=called)

    def expect(self, outcome: Outcome, *, unruly: bool = False) -> None:
        """What becomes of the next call that the server places."""
        self._server.callees.expect(outcome, unruly=unruly)

    async def dialled(self) -> Phone:
        """The telephone that the server's call rings at."""
        return await self._server.callees.dialled()

    async def knock(self, seal: Seal) -> int:
        """Ask what to do with a new call, and do nothing."""
        fields = self._ringing()
        signing = Account(token="another") if seal is Seal.WRONG else self.twilio.account  # noqa: S106 - nobody's
        headers = {} if seal is Seal.MISSING else signing.sign(self._voice, fields.items())
        if seal is Seal.ALTERED:
            fields["From"] = "+15550009999"
        http = self._server.services.http
        return (await http.post(self._voice, data=fields, headers=headers)).status_code

    async def knock_loudly(self, nbytes: int) -> int:
        """Ask with a field that is as long as that."""
        return (await self._ask({**self._ringing(), "Padding": "x" * nbytes}))[0]

    async def media_url(self) -> str:
        """Ask what to do with a new call: where its stream is to go."""
        fields = self._ringing()
        self._announced = fields["CallSid"]
        _, twiml = await self._ask(fields)
        return next(verb.url for verb in read_twiml(twiml) if isinstance(verb, Stream))

    async def connects(self, url: str) -> bool:
        """Open a media stream for the call that was asked about last."""
        account = self.twilio.account
        ids = {"accountSid": account.sid, "callSid": self._announced, "streamSid": new_sid("MZ")}
        fmt = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
        body = {**ids, "tracks": ["inbound"], "mediaFormat": fmt, "customParameters": {}}
        start = {"event": "start", "sequenceNumber": "1", "streamSid": ids["streamSid"]}
        try:
            services = self._server.services
            async with services.connect(url, headers=account.sign(url)) as socket:
                await socket.send('{"event":"connected","protocol":"Call","version":"1.0.0"}')
                await socket.send(json.dumps({**start, "start": body}))
                with anyio.move_on_after(TAKEN_SECONDS):
                    while True:
                        await socket.receive()
        except SocketError:
            return False
        return True

    async def tell_late(self, phone: AnyPhone) -> int:
        """Say once more that the call was answered."""
        ids = {"AccountSid": self.twilio.account.sid, "CallSid": phone.call_id}
        url = f"{self._server.base}/status"
        return (
            await self.twilio.phones[phone.call_id].exchange.post(
                url, {**ids, "CallStatus": "in-progress"}
            )
        ).status_code

    def refuse(self, *, times: int = 1) -> None:
        """Refuse requests as ones that cannot be."""
        self.twilio.fail(400, code=21200, times=times)

    @property
    def _server(self) -> Served:
        assert self._served is not None, "the carrier serves nobody yet"
        return self._served

    @property
    def _voice(self) -> str:
        return f"{self._server.base}/voice"

    def _ringing(self) -> dict[str, str]:
        return {
            "CallSid": new_sid("CA"),
            "AccountSid": self.twilio.account.sid,
            "From": "+15550001111",
            "To": "+15550002222",
            "CallStatus": "ringing",
            "Direction": "inbound",
        }

    async def _ask(self, fields: Mapping[str, str]) -> tuple[int, bytes]:
        headers = self.twilio.account.sign(self._voice, fields.items())
        http = self._server.services.http
        response = await http.post(self._voice, data=dict(fields), headers=headers)
        return response.status_code, response.content
