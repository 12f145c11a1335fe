from __future__ import annotations

import uuid
from collections.abc import Mapping

from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from dialog_core.audio import TELEPHONE
from dialog_core.carriers.answers import Answers
from dialog_core.carriers.lines import Lines, close
from dialog_core.carriers.messages import unreadable
from dialog_core.factory import Services
from dialog_core.net.media_stream import MediaStream
from dialog_core.observe.observations import Trouble
from dialog_core.protocols import CallInfo, FrontDoor
from dialog_plivo.gate import Gate
from dialog_plivo.line import Carrier, PlivoLine
from dialog_plivo.protocol import Envelopes, Start, Unknown, parse
from dialog_plivo.rest import PlivoRest
from dialog_plivo.settings import PlivoSettings
from dialog_plivo.webhooks import CallMetadata, read_call

__all__ = ["MediaSocket", "stream_headers"]

RETURNED_MOST = 1000
CARRIED = ("From", "To", "Direction", "ALegRequestUUID")
"""Fields of the webhook that the stream repeats, for a process that did not see it."""


class MediaSocket:
    """The media route, as bare ASGI: a signed upgrade with a ticket is a call.

    Plivo tries a stream three times with the same address, so a socket that closes before its start message gives
    its ticket back.
    """

    def __init__(
        self,
        settings: PlivoSettings,
        services: Services,
        door: FrontDoor,
        gate: Gate,
        answers: Answers[CallMetadata],
    ) -> None:
        self.lines = Lines[PlivoLine](door, self._note)
        """The calls that this process holds, by CallUUID."""
        self._settings = settings
        self._services = services
        self._rest = PlivoRest(settings, services)
        self._door = door
        self._gate = gate
        self._answers = answers
        self._returned: dict[str, str] = {}
        """Tickets that were given back, and their calls."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket until the call is over."""
        await receive()
        upgrade = HTTPConnection(scope)
        call = self._admitted(upgrade)
        if call is None:
            await close(send)
            return
        await send({"type": "websocket.accept"})
        first = self._first(receive, upgrade, call)
        start = await self.lines.started(call, first, within=self._settings.start_wait)
        if start is None or self.lines.get(call) is not None:
            await close(send)
            return
        stream = MediaStream(receive, send, Envelopes(start.start.stream_id), scope)
        await self._answer(upgrade, start, stream)
        await stream.close()

    def _admitted(self, upgrade: HTTPConnection) -> str | None:
        """The call of an upgrade; None if it must be refused."""
        ticket = upgrade.path_params["ticket"]
        if not self._gate.admits(upgrade, f"/media/{ticket}"):
            return None
        return self.lines.admit(ticket, self._redeem)

    def _redeem(self, ticket: str) -> str:
        return self._returned.pop(ticket, None) or self._door.redeem(ticket)

    async def _first(self, receive: Receive, upgrade: HTTPConnection, call: str) -> Start | None:
        """Wait for the start message; None if the socket closed before. Raises: ProviderProtocolError."""
        start = await first(receive)
        if start is None:
            self._give_back(upgrade.path_params["ticket"], call)
            return None
        return check(start, call)

    def _give_back(self, ticket: str, call: str) -> None:
        self._note(call, "a media socket closed before its stream began", "")
        self._returned[ticket] = call
        if len(self._returned) > RETURNED_MOST:
            del self._returned[next(iter(self._returned))]

    async def _answer(
        self, upgrade: HTTPConnection, start: Start, stream: MediaStream[Envelopes]
    ) -> None:
        """Run a call to its end."""
        call = start.start.call_id
        carrier = Carrier(self._settings, self._rest, self._services, self._door, upgrade)
        line = PlivoLine(self._describe(start), call, carrier, stream)
        await self.lines.run(line, call)

    def _describe(self, start: Start) -> CallInfo:
        """What is known of the call: the webhook's fields and the stream's, in one object.

        Another process may have answered the webhook; then some of its fields come as the stream's headers.
        """
        body = start.start
        answer = self._answers.get(body.call_id)
        call = answer.call if answer else from_headers(body.call_id, start.headers)
        tracks = body.tracks or ""
        stream = {
            "AccountID": body.account_id or "",
            "StreamID": body.stream_id,
            "StreamTracks": tracks if isinstance(tracks, str) else ",".join(tracks),
            "StreamEncoding": body.media_format.encoding,
            "StreamRate": str(body.media_format.sample_rate),
        }
        return CallInfo(
            id=call.id,
            agent=self._door.agent,
            voip="plivo",
            caller=call.caller,
            called=call.called,
            direction=call.direction,
            metadata={**start.headers, **call.fields, **stream},
        )

    def _note(self, call: str, what: str, detail: str) -> None:
        self._services.observe(Trouble(call, "plivo.media", what, detail))


def stream_headers(call: CallMetadata) -> Mapping[str, str]:
    """What a stream carries of its call; letters and digits only."""
    return {name: call.fields.get(name, "").replace("-", "").lstrip("+") for name in CARRIED}


def from_headers(call: str, headers: Mapping[str, str]) -> CallMetadata:
    """The other way round."""
    request = headers.get("ALegRequestUUID", "")
    try:
        request = str(uuid.UUID(request)) if request else ""
    except ValueError:
        request = ""
    carried = {name: headers[name] for name in CARRIED if name in headers}
    return read_call({**carried, "ALegRequestUUID": request, "CallUUID": call})


def check(start: Start, call: str) -> Start:
    """Raises: ProviderProtocolError if the stream is not what was asked for."""
    fmt = start.start.media_format
    encoding, rate = fmt.encoding.partition(";")[0], str(fmt.sample_rate).removesuffix(".0")
    if start.start.call_id != call:
        raise unreadable("plivo", "the stream is of another call than its ticket")
    if encoding != "audio/x-mulaw" or rate != str(TELEPHONE.rate):
        raise unreadable(
            "plivo", f"the stream is {fmt.encoding!r} at {fmt.sample_rate} Hz, not mu-law at 8000"
        )
    return start


async def first(receive: Receive) -> Start | None:
    """Read up to the start message; None if the socket closed before. Raises: ProviderProtocolError."""
    while True:
        raw = await receive()
        if raw["type"] == "websocket.disconnect":
            return None
        match parse(raw.get("text") or ""):
            case Start() as start:
                return start
            case Unknown():
                continue
            case _:
                raise unreadable("plivo", "another message came before start")
