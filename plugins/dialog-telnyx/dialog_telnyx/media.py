from __future__ import annotations

import anyio
from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from dialog_core.errors import ProviderProtocolError, TicketError
from dialog_core.factory import Services
from dialog_core.line import Progress
from dialog_core.net.media_stream import GONE_ERRORS, MediaStream
from dialog_core.observe.observations import Trouble
from dialog_core.protocols import CallInfo, FrontDoor
from dialog_telnyx.calls import Calls, KnownCall
from dialog_telnyx.line import Carrier, TelnyxLine
from dialog_telnyx.protocol import ENCODINGS, Connected, Envelopes, Start, parse
from dialog_telnyx.rest import TelnyxRest
from dialog_telnyx.settings import TelnyxSettings
from dialog_telnyx.webhooks import Payload

__all__ = ["MediaSocket"]

VIOLATION = 1008


class MediaSocket:
    """The media route, as bare ASGI. Telnyx signs no upgrade, so the ticket in its path is all that opens it."""

    def __init__(
        self, settings: TelnyxSettings, services: Services, door: FrontDoor, calls: Calls
    ) -> None:
        self.lines: dict[str, TelnyxLine] = {}
        """The calls that this process holds, by call control id and by leg."""
        self._settings = settings
        self._services = services
        self._carrier = Carrier(settings, TelnyxRest(settings, services), services)
        self._door = door
        self._calls = calls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket until nobody needs it any more."""
        await receive()
        call = self._admitted(HTTPConnection(scope))
        if call is None:
            await close(send)
            return
        await send({"type": "websocket.accept"})
        start = await self._started(receive, call)
        if start is None:
            await close(send)
            return
        stream = MediaStream(receive, send, Envelopes(), scope)
        await self._answer(start, stream)
        await stream.close()

    def _admitted(self, upgrade: HTTPConnection) -> str | None:
        """The call of an upgrade; None if it must be refused."""
        try:
            call = self._door.redeem(upgrade.path_params["ticket"])
        except TicketError as error:
            self._note("", "a media socket was refused", str(error))
            return None
        if call in self.lines:
            self._note(call, "a second media socket of a call was refused", "")
            return None
        return call

    async def _started(self, receive: Receive, call: str) -> Start | None:
        """Wait for the start message; None if it is late, unreadable or of something else."""
        with anyio.move_on_after(self._settings.start_wait):
            try:
                return self._check(await first_after_connected(receive), call)
            except ProviderProtocolError as error:
                self._note(call, "a media socket began wrongly", str(error))
                return None
        self._note(call, "a media socket did not start in time", "")
        return None

    def _check(self, start: Start, call: str) -> Start:
        body, codec = start.start, self._settings.codec
        if body.call_control_id != call:
            raise broken("the stream is of another call than its ticket")
        fmt = body.media_format
        if ENCODINGS.get(fmt.encoding) != codec.value or str(fmt.sample_rate) != str(
            codec.fmt.rate
        ):
            wanted = f"{codec.value} at {codec.fmt.rate} Hz"
            raise broken(f"the stream is {fmt.encoding!r} at {fmt.sample_rate} Hz, not {wanted}")
        return start

    async def _answer(self, start: Start, stream: MediaStream[Envelopes]) -> None:
        """Run a call to its end."""
        call = self._known(start)
        call.answered = True
        line = TelnyxLine(self._describe(call, start), call, self._carrier, stream)
        names = {call.id, call.leg} - {""}
        self.lines.update(dict.fromkeys(names, line))
        self._door.report(call.id, Progress.ANSWERED)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(line.start_services)
                await self._door.answer(line)
                tasks.cancel_scope.cancel()
        finally:
            for name in names:
                del self.lines[name]
            if not line.transferred:
                self._door.report(call.id, Progress.ENDED)
            await line.close()

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
            raise broken("the socket closed before the stream began")
        match parse(raw.get("text") or ""):
            case Start() as start:
                return start
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
    """Telnyx, or somebody in its place, broke the protocol."""
    return ProviderProtocolError("telnyx", message, stage="voip")
