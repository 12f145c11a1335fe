from __future__ import annotations

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
from dialog_twilio.gate import Gate
from dialog_twilio.line import Carrier, TwilioLine
from dialog_twilio.protocol import Connected, Envelopes, Start, StartBody, parse
from dialog_twilio.rest import TwilioRest
from dialog_twilio.settings import TwilioSettings
from dialog_twilio.webhooks import CallMetadata, read_call

__all__ = ["MediaSocket"]


class MediaSocket:
    """The media route, as bare ASGI: a signed upgrade with a ticket is a call, or a call's stream that returns."""

    def __init__(
        self,
        settings: TwilioSettings,
        services: Services,
        door: FrontDoor,
        gate: Gate,
        answers: Answers[CallMetadata],
    ) -> None:
        self.lines = Lines[TwilioLine](door, self._note)
        """The calls that this process holds, by CallSid."""
        self._settings = settings
        self._services = services
        self._rest = TwilioRest(settings, services)
        self._door = door
        self._gate = gate
        self._answers = answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket until nobody needs it any more."""
        await receive()
        upgrade = HTTPConnection(scope)
        call = self._admitted(upgrade)
        if call is None:
            await close(send)
            return
        await send({"type": "websocket.accept"})
        first = self._first(receive, call)
        start = await self.lines.started(call, first, within=self._settings.start_wait)
        if start is None:
            await close(send)
            return
        stream = MediaStream(receive, send, Envelopes(start.stream_sid), scope)
        line = self.lines.get(call)
        if line is None:
            await self._answer(upgrade, start, stream)
        elif line.awaits_stream:
            line.rebind(stream)
            await stream.done.wait()
        await stream.close()

    def _admitted(self, upgrade: HTTPConnection) -> str | None:
        """The call of an upgrade; None if it must be refused."""
        ticket = upgrade.path_params["ticket"]
        if not self._gate.admits(upgrade, f"/media/{ticket}"):
            return None
        return self.lines.admit(ticket, self._door.redeem)

    async def _first(self, receive: Receive, call: str) -> StartBody:
        """Wait for the start message. Raises: ProviderProtocolError."""
        start = await first_after_connected(receive)
        fmt = start.media_format
        if start.call_sid != call or start.account_sid != self._settings.account_sid:
            raise unreadable("twilio", "the stream is of another call than its ticket")
        if fmt.encoding != "audio/x-mulaw" or str(fmt.sample_rate) != str(TELEPHONE.rate):
            raise unreadable(
                "twilio",
                f"the stream is {fmt.encoding!r} at {fmt.sample_rate} Hz, not mu-law at 8000",
            )
        return start

    async def _answer(
        self, upgrade: HTTPConnection, start: StartBody, stream: MediaStream[Envelopes]
    ) -> None:
        """Run a call to its end."""
        carrier = Carrier(self._settings, self._rest, self._services, self._door, upgrade)
        line = TwilioLine(self._describe(start), carrier, stream)
        await self.lines.run(line, start.call_sid)

    def _describe(self, start: StartBody) -> CallInfo:
        """What is known of the call: the webhook's fields and the stream's, in one object.

        Another process may have answered the webhook; then its fields come as the stream's parameters.
        """
        answer = self._answers.get(start.call_sid)
        call = answer.call if answer else self._from_parameters(start)
        stream = {
            "StreamSid": start.stream_sid,
            "StreamTracks": ",".join(start.tracks),
            "StreamEncoding": start.media_format.encoding,
            "StreamRate": str(start.media_format.sample_rate),
        }
        return CallInfo(
            id=start.call_sid,
            agent=self._door.agent,
            voip="twilio",
            caller=call.caller,
            called=call.called,
            direction=call.direction,
            metadata={**start.custom_parameters, **call.fields, **stream},
        )

    def _from_parameters(self, start: StartBody) -> CallMetadata:
        ids = {"AccountSid": start.account_sid, "CallSid": start.call_sid}
        return read_call({**start.custom_parameters, **ids})

    def _note(self, call: str, what: str, detail: str) -> None:
        self._services.observe(Trouble(call, "twilio.media", what, detail))


async def first_after_connected(receive: Receive) -> StartBody:
    """Read up to the start message. Raises: ProviderProtocolError."""
    while True:
        raw = await receive()
        if raw["type"] == "websocket.disconnect":
            raise unreadable("twilio", "the socket closed before the stream began")
        match parse(raw.get("text") or ""):
            case Start(stream_sid=sid, start=body) if sid == body.stream_sid:
                return body
            case Connected():
                continue
            case _:
                raise unreadable("twilio", "another message came before start")
