from __future__ import annotations

from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from dialog_core.carriers.lines import Lines, close
from dialog_core.carriers.messages import unreadable
from dialog_core.factory import Services
from dialog_core.net.media_stream import MediaStream
from dialog_core.observe.observations import Trouble
from dialog_core.protocols import CallInfo, FrontDoor
from dialog_telnyx.calls import Calls, KnownCall
from dialog_telnyx.line import Carrier, TelnyxLine
from dialog_telnyx.protocol import ENCODINGS, Connected, Envelopes, Start, parse
from dialog_telnyx.rest import TelnyxRest
from dialog_telnyx.settings import TelnyxSettings
from dialog_telnyx.webhooks import Payload

__all__ = ["MediaSocket"]


class MediaSocket:
    """The media route, as bare ASGI. Telnyx signs no upgrade, so the ticket in its path is all that opens it."""

    def __init__(
        self, settings: TelnyxSettings, services: Services, door: FrontDoor, calls: Calls
    ) -> None:
        self.lines = Lines[TelnyxLine](door, self._note)
        """The calls that this process holds, by call control id and by leg."""
        self._settings = settings
        self._services = services
        self._carrier = Carrier(settings, TelnyxRest(settings, services), services)
        self._door = door
        self._calls = calls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket until nobody needs it any more."""
        await receive()
        ticket = HTTPConnection(scope).path_params["ticket"]
        call = self.lines.admit(ticket, self._door.redeem)
        if call is None:
            await close(send)
            return
        await send({"type": "websocket.accept"})
        first = self._first(receive, call)
        start = await self.lines.started(call, first, within=self._settings.start_wait)
        if start is None:
            await close(send)
            return
        stream = MediaStream(receive, send, Envelopes(), scope)
        await self._answer(start, stream)
        await stream.close()

    async def _first(self, receive: Receive, call: str) -> Start:
        """Wait for the start message. Raises: ProviderProtocolError."""
        start = await first_after_connected(receive)
        body, codec = start.start, self._settings.codec
        if body.call_control_id != call:
            raise unreadable("telnyx", "the stream is of another call than its ticket")
        fmt = body.media_format
        if ENCODINGS.get(fmt.encoding) != codec.value or str(fmt.sample_rate) != str(
            codec.fmt.rate
        ):
            wanted = f"{codec.value} at {codec.fmt.rate} Hz"
            raise unreadable(
                "telnyx", f"the stream is {fmt.encoding!r} at {fmt.sample_rate} Hz, not {wanted}"
            )
        return start

    async def _answer(self, start: Start, stream: MediaStream[Envelopes]) -> None:
        """Run a call to its end."""
        call = self._known(start)
        call.answered = True
        line = TelnyxLine(self._describe(call, start), call, self._carrier, stream)
        await self.lines.run(line, call.id, call.leg)

    def _known(self, start: Start) -> KnownCall:
        """Another process may have taken the webhooks; then the stream's own start tells what there is."""
        body = start.start
        known = self._calls.get(body.call_control_id)
        if known is not None:
            return known
        return self._calls.learn(
            Payload(
                call_control_id=body.call_control_id,
                call_session_id=body.call_session_id,
                caller=body.caller,
                called=body.called,
                client_state=body.client_state,
            )
        )

    def _describe(self, call: KnownCall, start: Start) -> CallInfo:
        stream = {
            "stream_id": start.stream_id,
            "stream_encoding": start.start.media_format.encoding,
            "stream_rate": str(start.start.media_format.sample_rate),
        }
        return CallInfo(
            id=call.id,
            agent=self._door.agent,
            voip="telnyx",
            caller=call.caller,
            called=call.called,
            direction=call.direction,
            metadata={**call.fields, **stream, **call.said},
        )

    def _note(self, call: str, what: str, detail: str) -> None:
        self._services.observe(Trouble(call, "telnyx.media", what, detail))


async def first_after_connected(receive: Receive) -> Start:
    """Read up to the start message. Raises: ProviderProtocolError."""
    while True:
        raw = await receive()
        if raw["type"] == "websocket.disconnect":
            raise unreadable("telnyx", "the socket closed before the stream began")
        match parse(raw.get("text") or ""):
            case Start() as start:
                return start
            case Connected():
                continue
            case _:
                raise unreadable("telnyx", "another message came before start")
