from __future__ import annotations

import anyio
from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from dialog_core.audio import TELEPHONE
from dialog_core.errors import ProviderProtocolError, TicketError
from dialog_core.factory import Services
from dialog_core.line import Progress
from dialog_core.observe.observations import Trouble
from dialog_core.protocols import CallInfo, FrontDoor
from dialog_twilio.answers import Answers
from dialog_twilio.gate import Gate
from dialog_twilio.line import Carrier, TwilioLine
from dialog_twilio.protocol import Connected, Envelopes, Start, StartBody, parse
from dialog_twilio.rest import TwilioRest
from dialog_twilio.settings import TwilioSettings
from dialog_twilio.stream import GONE_ERRORS, MediaStream
from dialog_twilio.webhooks import CallMetadata, read_call

__all__ = ["MediaSocket"]

VIOLATION = 1008


class MediaSocket:
    """The media route, as bare ASGI: a signed upgrade with a ticket is a call, or a call's stream that returns."""

    def __init__(
        self,
        settings: TwilioSettings,
        services: Services,
        door: FrontDoor,
        gate: Gate,
        answers: Answers,
    ) -> None:
        self.lines: dict[str, TwilioLine] = {}
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
        start = await self._started(receive, call)
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
        try:
            call = self._door.redeem(ticket)
        except TicketError as error:
            self._note("", "a media socket was refused", str(error))
            return None
        line = self.lines.get(call)
        if line is not None and not line.awaits_stream:
            self._note(call, "a second media socket of a call was refused", "")
            return None
        return call

    async def _started(self, receive: Receive, call: str) -> StartBody | None:
        """Wait for the start message; None if it is late, unreadable or of something else."""
        with anyio.move_on_after(self._settings.start_wait):
            try:
                return self._check(await first_after_connected(receive), call)
            except ProviderProtocolError as error:
                self._note(call, "a media socket began wrongly", str(error))
                return None
        self._note(call, "a media socket did not start in time", "")
        return None

    def _check(self, start: StartBody, call: str) -> StartBody:
        fmt = start.media_format
        if start.call_sid != call or start.account_sid != self._settings.account_sid:
            raise broken("the stream is of another call than its ticket")
        if fmt.encoding != "audio/x-mulaw" or str(fmt.sample_rate) != str(TELEPHONE.rate):
            raise broken(
                f"the stream is {fmt.encoding!r} at {fmt.sample_rate} Hz, not mu-law at 8000"
            )
        return start

    async def _answer(self, upgrade: HTTPConnection, start: StartBody, stream: MediaStream) -> None:
        """Run a call to its end."""
        info = self._describe(start)
        carrier = Carrier(self._settings, self._rest, self._services, self._door, upgrade)
        line = TwilioLine(info, carrier, stream)
        self.lines[info.id] = line
        self._door.report(info.id, Progress.ANSWERED)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(line.start_services)
                await self._door.answer(line)
                tasks.cancel_scope.cancel()
        finally:
            del self.lines[info.id]
            if not line.transferred:
                self._door.report(info.id, Progress.ENDED)
            await line.close()

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
            raise broken("the socket closed before the stream began")
        match parse(raw.get("text") or ""):
            case Start(stream_sid=sid, start=body) if sid == body.stream_sid:
                return body
            case Connected():
                continue
            case _:
                raise broken("another message came before start")


async def close(send: Send) -> None:
    """Refuse an upgrade, which the server answers with 403, or close a socket that broke the rules."""
    try:
        await send({"type": "websocket.close", "code": VIOLATION})
    except GONE_ERRORS:
        return


def broken(message: str) -> ProviderProtocolError:
    """Twilio, or somebody in its place, broke the protocol."""
    return ProviderProtocolError("twilio", message, stage="voip")
