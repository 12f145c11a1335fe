from __future__ import annotations

from functools import partial

import attrs
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from dialog_core.carriers.answers import Answers, Placed
from dialog_core.carriers.desk import DONE, UNKNOWN, Desk, Fields
from dialog_core.carriers.lines import Lines
from dialog_core.line import Progress
from dialog_core.protocols import FrontDoor
from dialog_twilio import twiml
from dialog_twilio.line import TwilioLine
from dialog_twilio.settings import TwilioSettings
from dialog_twilio.webhooks import (
    CallMetadata,
    CallProgress,
    RecordingStatus,
    StreamStatus,
    TranscriptionStatus,
    read_call,
    read_progress,
    read_recording,
    read_stream,
    read_transcription,
)

__all__ = ["Webhooks"]


@attrs.frozen
class Webhooks:
    """The routes that Twilio posts forms to."""

    settings: TwilioSettings
    door: FrontDoor
    desk: Desk
    answers: Answers[CallMetadata]
    placed: Placed
    lines: Lines[TwilioLine]

    async def voice(self, request: Request) -> Response:
        """A call comes in: connect it to our media socket. Asked again about a call, say the same again."""
        return await self._take(request, "/voice", {})

    async def outbound(self, request: Request) -> Response:
        """A call that we placed was answered: connect it in the same way."""
        reference = request.path_params["id"]
        return await self._take(request, f"/outbound/{reference}", self.placed.get(reference))

    async def status(self, request: Request) -> Response:
        """A call has come further."""
        return await self.desk.take(request, "/status", read_progress, self._report)

    async def recording(self, request: Request) -> Response:
        """A recording began or ended."""

        def act(status: RecordingStatus) -> Response:
            line = self._line(status.call_sid, request)
            if line is None:
                return UNKNOWN
            line.recording_changed(status)
            return DONE

        path = f"/recording/{request.path_params['id']}"
        return await self.desk.take(request, path, read_recording, act)

    async def transcription(self, request: Request) -> Response:
        """Twilio's transcription heard something, began or ended."""

        def act(status: TranscriptionStatus) -> Response:
            line = self._line(status.call_sid, request)
            if line is None:
                return UNKNOWN
            line.transcription_changed(status)
            return DONE

        path = f"/transcription/{request.path_params['id']}"
        return await self.desk.take(request, path, read_transcription, act)

    async def stream_status(self, request: Request) -> Response:
        """A media stream began, ended or failed; a failed one may never have reached us."""
        return await self.desk.take(request, "/stream-status", read_stream, self._note_stream)

    async def after(self, request: Request) -> Response:
        """A transfer is over; there is nothing left to do but hang up."""
        return await self.desk.take(request, "/after", dict, self._let_go)

    async def _take(self, request: Request, path: str, more: Fields) -> Response:
        """more: what we know of the call besides Twilio's fields."""

        def read(fields: Fields) -> CallMetadata:
            return read_call({**fields, **more})

        def act(call: CallMetadata) -> Response:
            busy = twiml.busy(self.settings.busy_message)
            connect = partial(self._connect, request, call)
            return xml(self.answers.give(call.call_sid, call, connect, busy=busy))

        return await self.desk.take(request, path, read, act)

    def _report(self, told: CallProgress) -> None:
        if told.progress is not None:
            self.door.report(told.call_sid, told.progress, reason=told.reason)

    def _note_stream(self, status: StreamStatus) -> None:
        if status.event == "stream-error":
            self.desk.note(status.call_sid, "a media stream failed", status.error)

    def _let_go(self, fields: Fields) -> Response:
        call, status = fields.get("CallSid", ""), fields.get("DialCallStatus", "completed")
        self.door.report(call, Progress.ENDED)
        if status not in {"completed", "answered"}:
            self.desk.note(call, "a transfer was not answered", status)
        return xml(twiml.document(twiml.hang_up()))

    def _line(self, call: str, request: Request) -> TwilioLine | None:
        """The live line that a callback's address was made for."""
        line = self.lines.get(call)
        callback_id = line.callback_id if line else None
        return line if self.desk.is_for(callback_id, request, call) else None

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


def xml(document: str) -> Response:
    """TwiML as Twilio wants it."""
    return Response(document, media_type="text/xml")
