from __future__ import annotations

import secrets
from collections.abc import Mapping

import attrs
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from dialog_core.errors import ProviderProtocolError
from dialog_core.factory import Services
from dialog_core.line import Progress, is_address
from dialog_core.observe.observations import Trouble
from dialog_core.protocols import FrontDoor
from dialog_plivo import xml
from dialog_plivo.answers import Answer, Answers, Placed
from dialog_plivo.gate import Gate
from dialog_plivo.line import PlivoLine
from dialog_plivo.media import stream_headers
from dialog_plivo.settings import PlivoSettings
from dialog_plivo.webhooks import CallMetadata, read_call, read_dial, read_recording, read_stream

__all__ = ["Webhooks"]


@attrs.frozen
class Webhooks:
    """The routes that Plivo posts forms to. Each checks the signature before anything else."""

    settings: PlivoSettings
    services: Services
    door: FrontDoor
    gate: Gate
    answers: Answers
    placed: Placed
    lines: Mapping[str, PlivoLine]

    async def answer(self, request: Request) -> Response:
        """A call comes in: connect it to our media socket. Asked again about a call, say the same again."""
        return await self._take(request, "/answer", {})

    async def outbound(self, request: Request) -> Response:
        """A call that we placed was answered: connect it in the same way."""
        reference = request.path_params["id"]
        return await self._take(request, f"/outbound/{reference}", self.placed.get(reference))

    async def status(self, request: Request) -> Response:
        """A call rings, or is over."""
        fields = await self.gate.read(request, "/status")
        if fields is None:
            return REFUSED
        try:
            call = read_call(fields)
        except ProviderProtocolError as error:
            return self._unreadable(error)
        if call.progress is not None:
            self.door.report(self._id(call), call.progress, reason=call.reason)
        return DONE

    async def recording(self, request: Request) -> Response:
        """A recording is done."""
        given = request.path_params["id"]
        fields = await self.gate.read(request, f"/recording/{given}")
        if fields is None:
            return REFUSED
        try:
            result = read_recording(fields)
        except ProviderProtocolError as error:
            return self._unreadable(error)
        line = self.lines.get(result.call_uuid)
        if line is None or not secrets.compare_digest(line.callback_id.encode(), given.encode()):
            self._note(result.call_uuid, "a callback came for a call that is not here", "")
            return UNKNOWN
        line.recording_done(result)
        return DONE

    async def stream_status(self, request: Request) -> Response:
        """A media stream began, ended, failed or fell behind; a failed one may never have reached us."""
        fields = await self.gate.read(request, "/stream-status")
        if fields is None:
            return REFUSED
        try:
            status = read_stream(fields)
        except ProviderProtocolError as error:
            return self._unreadable(error)
        if status.event == "failed":
            self._note(status.call_uuid, "a media stream failed", status.detail)
        elif status.event == "degraded":
            self._note(status.call_uuid, "a media stream's buffer is filling", status.detail)
        return DONE

    async def transfer(self, request: Request) -> Response:
        """A caller is handed over: dial whom the address names, which nobody but us can have written."""
        fields = await self.gate.read(request, "/transfer")
        if fields is None:
            return REFUSED
        number = fields.get("number", "")
        if not is_address(number):
            return Response(status_code=400)
        settings = self.settings
        verb = xml.dial(
            number,
            caller_id=settings.transfer_caller_id,
            timeout=settings.transfer_timeout,
            action=self.door.url(request, "/after"),
        )
        return answer(xml.document(verb, xml.hang_up()))

    async def after(self, request: Request) -> Response:
        """A transfer is over; the document goes on and hangs up."""
        fields = await self.gate.read(request, "/after")
        if fields is None:
            return REFUSED
        try:
            result, call = read_dial(fields), read_call(fields)
        except ProviderProtocolError as error:
            return self._unreadable(error)
        self.door.report(self._id(call), Progress.ENDED)
        if result.status not in {"completed", ""}:
            self._note(result.call_uuid, "a transfer was not answered", result.status)
        return answer(xml.document(xml.hang_up()))

    async def _take(self, request: Request, path: str, more: Mapping[str, str]) -> Response:
        """more: what we know of the call besides Plivo's fields."""
        fields = await self.gate.read(request, path)
        if fields is None:
            return REFUSED
        try:
            call = read_call({**more, **fields})
        except ProviderProtocolError as error:
            return self._unreadable(error)
        told = self.answers.get(call.call_uuid)
        if told is not None:
            return answer(told.document)
        if call.progress is not None and call.progress.is_final:  # one address for everything
            self.door.report(call.id, call.progress, reason=call.reason)
            return answer(xml.document(xml.hang_up()))
        if not self.door.has_room():
            self._note(call.id, "a call was refused because the process is full", "")
            return answer(xml.busy(self.settings.busy_message))
        self.door.report(call.id, Progress.RINGING)
        told = Answer(self._connect(request, call), call, self.services.clock.monotonic())
        self.answers.keep(told)
        return answer(told.document)

    def _id(self, call: CallMetadata) -> str:
        """What a call is known by, also where a webhook leaves out the request that placed it."""
        told = self.answers.get(call.call_uuid)
        return told.call.id if told else call.id

    def _connect(self, request: HTTPConnection, call: CallMetadata) -> str:
        """Hand the call over, with what another process must know of it, since that may get the socket."""
        path = f"/media/{self.door.issue(call.call_uuid)}"
        stream = xml.stream(
            self.door.url(request, path, websocket=True),
            status_callback=self.door.url(request, "/stream-status"),
            headers=stream_headers(call),
            noise_cancellation=self.settings.noise_cancellation,
        )
        pause = self.settings.answer_pause
        before = [xml.wait(pause)] if pause else []
        return xml.document(*before, stream, xml.hang_up())

    def _unreadable(self, error: ProviderProtocolError) -> Response:
        self._note("", "a webhook cannot be read", str(error))
        return Response(status_code=400)

    def _note(self, call: str, what: str, detail: str) -> None:
        self.services.observe(Trouble(call, "plivo.webhook", what, detail))


def answer(document: str) -> Response:
    """XML as Plivo wants it."""
    return Response(document, media_type="application/xml")


REFUSED = Response(status_code=403)
UNKNOWN = Response(status_code=404)
DONE = Response(status_code=204)
