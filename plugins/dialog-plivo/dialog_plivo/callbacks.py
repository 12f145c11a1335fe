from __future__ import annotations

from functools import partial

import attrs
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from dialog_core.carriers.answers import Answers, Placed
from dialog_core.carriers.desk import DONE, UNKNOWN, UNREADABLE, Desk, Fields
from dialog_core.carriers.lines import Lines
from dialog_core.line import Progress, is_address
from dialog_core.protocols import FrontDoor
from dialog_plivo import xml
from dialog_plivo.line import PlivoLine
from dialog_plivo.media import stream_headers
from dialog_plivo.settings import PlivoSettings
from dialog_plivo.webhooks import (
    CallMetadata,
    DialResult,
    RecordingResult,
    StreamStatus,
    read_call,
    read_dial,
    read_recording,
    read_stream,
)

__all__ = ["Webhooks"]


@attrs.frozen
class Webhooks:
    """The routes that Plivo posts forms to."""

    settings: PlivoSettings
    door: FrontDoor
    desk: Desk
    answers: Answers[CallMetadata]
    placed: Placed
    lines: Lines[PlivoLine]

    async def answer(self, request: Request) -> Response:
        """A call comes in: connect it to our media socket. Asked again about a call, say the same again."""
        return await self._take(request, "/answer", {})

    async def outbound(self, request: Request) -> Response:
        """A call that we placed was answered: connect it in the same way."""
        reference = request.path_params["id"]
        return await self._take(request, f"/outbound/{reference}", self.placed.get(reference))

    async def status(self, request: Request) -> Response:
        """A call rings, or is over."""
        return await self.desk.take(request, "/status", read_call, self._report)

    async def recording(self, request: Request) -> Response:
        """A recording is done."""

        def act(result: RecordingResult) -> Response:
            line = self.lines.get(result.call_uuid)
            callback_id = line.callback_id if line else None
            if line is None or not self.desk.is_for(callback_id, request, result.call_uuid):
                return UNKNOWN
            line.recording_done(result)
            return DONE

        path = f"/recording/{request.path_params['id']}"
        return await self.desk.take(request, path, read_recording, act)

    async def stream_status(self, request: Request) -> Response:
        """A media stream began, ended, failed or fell behind; a failed one may never have reached us."""
        return await self.desk.take(request, "/stream-status", read_stream, self._note_stream)

    async def transfer(self, request: Request) -> Response:
        """A caller is handed over: dial whom the address names, which nobody but us can have written."""

        def act(fields: Fields) -> Response:
            number = fields.get("number", "")
            if not is_address(number):
                return UNREADABLE
            settings = self.settings
            verb = xml.dial(
                number,
                caller_id=settings.transfer_caller_id,
                timeout=settings.transfer_timeout,
                action=self.door.url(request, "/after"),
            )
            return answer(xml.document(verb, xml.hang_up()))

        return await self.desk.take(request, "/transfer", dict, act)

    async def after(self, request: Request) -> Response:
        """A transfer is over; the document goes on and hangs up."""

        def read(fields: Fields) -> tuple[DialResult, CallMetadata]:
            return read_dial(fields), read_call(fields)

        def act(told: tuple[DialResult, CallMetadata]) -> Response:
            result, call = told
            self.door.report(self._id(call), Progress.ENDED)
            if result.status not in {"completed", ""}:
                self.desk.note(result.call_uuid, "a transfer was not answered", result.status)
            return answer(xml.document(xml.hang_up()))

        return await self.desk.take(request, "/after", read, act)

    async def _take(self, request: Request, path: str, more: Fields) -> Response:
        """more: what we know of the call besides Plivo's fields."""

        def read(fields: Fields) -> CallMetadata:
            return read_call({**more, **fields})

        def act(call: CallMetadata) -> Response:
            over = call.progress is not None and call.progress.is_final
            if over and self.answers.get(call.call_uuid) is None:  # one address for everything
                self._report(call)
                return answer(xml.document(xml.hang_up()))
            busy, connect = (
                xml.busy(self.settings.busy_message),
                partial(self._connect, request, call),
            )
            return answer(
                self.answers.give(call.call_uuid, call, connect, busy=busy, known_by=call.id)
            )

        return await self.desk.take(request, path, read, act)

    def _report(self, call: CallMetadata) -> None:
        if call.progress is not None:
            self.door.report(self._id(call), call.progress, reason=call.reason)

    def _note_stream(self, status: StreamStatus) -> None:
        if status.event == "failed":
            self.desk.note(status.call_uuid, "a media stream failed", status.detail)
        elif status.event == "degraded":
            self.desk.note(status.call_uuid, "a media stream's buffer is filling", status.detail)

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


def answer(document: str) -> Response:
    """XML as Plivo wants it."""
    return Response(document, media_type="application/xml")
