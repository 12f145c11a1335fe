from __future__ import annotations

import secrets
from collections.abc import Mapping

import attrs
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from dialog_core.errors import ProviderProtocolError
from dialog_core.factory import Services
from dialog_core.line import Progress
from dialog_core.observe.observations import Trouble
from dialog_core.protocols import FrontDoor
from dialog_twilio import twiml
from dialog_twilio.answers import Answer, Answers, Placed
from dialog_twilio.gate import Gate
from dialog_twilio.line import TwilioLine
from dialog_twilio.settings import TwilioSettings
from dialog_twilio.webhooks import (
    CallMetadata,
    read_call,
    read_progress,
    read_recording,
    read_stream,
    read_transcription,
)

__all__ = ["Webhooks"]


@attrs.frozen
class Webhooks:
    """The routes that Twilio posts forms to. Each checks the signature before anything else."""

    settings: TwilioSettings
    services: Services
    door: FrontDoor
    gate: Gate
    answers: Answers
    placed: Placed
    lines: Mapping[str, TwilioLine]

    async def voice(self, request: Request) -> Response:
        """A call comes in: connect it to our media socket. Asked again about a call, say the same again."""
        return await self._take(request, "/voice", {})

    async def outbound(self, request: Request) -> Response:
        """A call that we placed was answered: connect it in the same way."""
        reference = request.path_params["id"]
        return await self._take(request, f"/outbound/{reference}", self.placed.get(reference))

    async def status(self, request: Request) -> Response:
        """A call has come further."""
        fields = await self.gate.read(request, "/status")
        if fields is None:
            return REFUSED
        try:
            told = read_progress(fields)
        except ProviderProtocolError as error:
            return self._unreadable(error)
        if told.progress is not None:
            self.door.report(told.call_sid, told.progress, reason=told.reason)
        return DONE

    async def _take(self, request: Request, path: str, more: Mapping[str, str]) -> Response:
        """more: what we know of the call besides Twilio's fields."""
        fields = await self.gate.read(request, path)
        if fields is None:
            return REFUSED
        try:
            call = read_call({**fields, **more})
        except ProviderProtocolError as error:
            return self._unreadable(error)
        answer = self.answers.get(call.call_sid)
        if answer is not None:
            return xml(answer.twiml)
        if not self.door.has_room():
            self._note(call.call_sid, "a call was refused because the process is full", "")
            return xml(twiml.busy(self.settings.busy_message))
        self.door.report(call.call_sid, Progress.RINGING)
        answer = Answer(self._connect(request, call), call, self.services.clock.monotonic())
        self.answers.keep(answer)
        return xml(answer.twiml)

    async def recording(self, request: Request) -> Response:
        """A recording began or ended."""
        fields = await self._fields(request, "recording")
        if fields is None:
            return REFUSED
        try:
            status = read_recording(fields)
        except ProviderProtocolError as error:
            return self._unreadable(error)
        line = self._line(status.call_sid, request)
        if line is None:
            return UNKNOWN
        line.recording_changed(status)
        return DONE

    async def transcription(self, request: Request) -> Response:
        """Twilio's transcription heard something, began or ended."""
        fields = await self._fields(request, "transcription")
        if fields is None:
            return REFUSED
        try:
            status = read_transcription(fields)
        except ProviderProtocolError as error:
            return self._unreadable(error)
        line = self._line(status.call_sid, request)
        if line is None:
            return UNKNOWN
        line.transcription_changed(status)
        return DONE

    async def stream_status(self, request: Request) -> Response:
        """A media stream began, ended or failed; a failed one may never have reached us."""
        fields = await self.gate.read(request, "/stream-status")
        if fields is None:
            return REFUSED
        try:
            status = read_stream(fields)
        except ProviderProtocolError as error:
            return self._unreadable(error)
        if status.event == "stream-error":
            self._note(status.call_sid, "a media stream failed", status.error)
        return DONE

    async def after(self, request: Request) -> Response:
        """A transfer is over; there is nothing left to do but hang up."""
        fields = await self.gate.read(request, "/after")
        if fields is None:
            return REFUSED
        self.door.report(fields.get("CallSid", ""), Progress.ENDED)
        status = fields.get("DialCallStatus", "completed")
        if status not in {"completed", "answered"}:
            self._note(fields.get("CallSid", ""), "a transfer was not answered", status)
        return xml(twiml.document(twiml.hang_up()))

    async def _fields(self, request: Request, kind: str) -> Mapping[str, str] | None:
        return await self.gate.read(request, f"/{kind}/{request.path_params['id']}")

    def _line(self, call: str, request: Request) -> TwilioLine | None:
        """The live line that an address was made for."""
        line = self.lines.get(call)
        given = request.path_params["id"].encode()
        if line is None or not secrets.compare_digest(line.callback_id.encode(), given):
            self._note(call, "a callback came for a call that is not here", "")
            return None
        return line

    def _connect(self, request: HTTPConnection, call: CallMetadata) -> str:
        """Hand the call over, with all we know of it, since another process may get the socket."""
        path = f"/media/{self.door.issue(call.call_sid)}"
        stream = twiml.connect(
            self.door.url(request, path, websocket=True),
            name=self.settings.stream_name,
            status_callback=self.door.url(request, "/stream-status"),
            parameters=call.fields,
        )
        pause = self.settings.answer_pause
        first = [twiml.pause(pause)] if pause else []
        return twiml.document(*first, stream, twiml.hang_up())

    def _unreadable(self, error: ProviderProtocolError) -> Response:
        self._note("", "a webhook cannot be read", str(error))
        return Response(status_code=400)

    def _note(self, call: str, what: str, detail: str) -> None:
        self.services.observe(Trouble(call, "twilio.webhook", what, detail))


def xml(document: str) -> Response:
    """TwiML as Twilio wants it."""
    return Response(document, media_type="text/xml")


REFUSED = Response(status_code=403)
UNKNOWN = Response(status_code=404)
DONE = Response(status_code=204)
