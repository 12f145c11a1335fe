from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import attrs
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

from dialog_core.carriers.desk import REFUSED, UNREADABLE
from dialog_core.carriers.lines import Lines
from dialog_core.errors import LineError, ProviderError, ProviderProtocolError
from dialog_core.factory import Services
from dialog_core.line import Progress
from dialog_core.observe.observations import Trouble
from dialog_core.protocols import FrontDoor
from dialog_telnyx.calls import Calls, KnownCall
from dialog_telnyx.gate import Gate
from dialog_telnyx.line import TelnyxLine
from dialog_telnyx.rest import TelnyxRest
from dialog_telnyx.settings import TelnyxSettings
from dialog_telnyx.webhooks import Event, Payload, progress_of, read_event

__all__ = ["Webhooks", "stream_fields"]

After = Callable[[], Awaitable[None]]
"""What is done when the webhook has been answered: Telnyx wants the answer at once."""


def stream_fields(settings: TelnyxSettings, url: str) -> dict[str, object]:
    """How a call's audio comes to us and goes back: raw codec bytes both ways, the caller's side only.

    Source: Telnyx docs, "Streaming start".
    """
    codec = settings.codec
    fields: dict[str, object] = {
        "stream_url": url,
        "stream_track": "inbound_track",
        "stream_codec": codec.value,
        "stream_bidirectional_mode": "rtp",
        "stream_bidirectional_codec": codec.value,
        "stream_bidirectional_target_legs": "self",
    }
    if codec.fmt.rate != 8000:  # noqa: PLR2004 - what Telnyx takes if nothing is said
        fields["stream_bidirectional_sampling_rate"] = codec.fmt.rate
    return fields


@attrs.frozen
class Webhooks:
    """The route that Telnyx posts events to: checks the signature, answers at once, and then acts."""

    settings: TelnyxSettings
    services: Services
    door: FrontDoor
    gate: Gate
    rest: TelnyxRest
    calls: Calls
    lines: Lines[TelnyxLine]
    """By call control id, and by leg."""

    async def take(self, request: Request) -> Response:
        """One event. An event that came before is answered and forgotten."""
        body = await request.body()
        if not self.gate.admits(request, body):
            return REFUSED
        try:
            event = read_event(body)
        except ProviderProtocolError as error:
            self._note("", "a webhook cannot be read", str(error))
            return UNREADABLE
        wanted, given = self.settings.connection_id, event.payload.connection_id
        if wanted and given and given != wanted:
            self.gate.refuse("a webhook of another application was refused")
            return REFUSED
        if not self.calls.is_new(event.id):
            return DONE
        after = self._react(event, request)
        return Response(background=BackgroundTask(after)) if after else DONE

    def _react(self, event: Event, request: Request) -> After | None:
        payload = event.payload
        match event.event_type:
            case "call.initiated":
                return self._initiated(payload, request)
            case "call.answered":
                return self._answered(payload, request)
            case "call.bridged":
                if (call := self.calls.get(payload.call_control_id)) is not None:
                    call.transferring = False
            case "call.hangup":
                return self._hung_up(payload)
            case "streaming.failed":
                return self._unheard(payload)
            case "call.recording.saved" | "call.recording.error":
                if line := self._line(payload):
                    line.recordings.changed(payload, saved=event.event_type.endswith("saved"))
            case "call.transcription":
                if payload.transcription_data and (line := self._line(payload)):
                    line.transcriptions.heard(payload.transcription_data)
        return None

    def _initiated(self, payload: Payload, request: Request) -> After | None:
        """A call comes in, or one that we placed is on its way. Telnyx does not tell when it rings."""
        if self.calls.get(payload.call_control_id) is not None:
            return None
        call = self.calls.ours(payload)
        if call is None:
            return None
        self.door.report(call.id, Progress.RINGING)
        if call.direction == "outbound":
            return None
        if not self.door.has_room():
            self._note(call.id, "a call was refused because the process is full", "")
            return partial(self._command, call, "reject", {"cause": "USER_BUSY"})
        return partial(self._command, call, "answer", self._streaming(call, request))

    def _answered(self, payload: Payload, request: Request) -> After | None:
        call = self.calls.ours(payload)
        if call is None:
            return None
        first, call.answered = not call.answered, True
        self.door.report(call.id, Progress.ANSWERED)
        if call.direction == "inbound" or not first:
            return None
        if not self.door.has_room():
            self._note(call.id, "an answered call was ended because the process is full", "")
            return partial(self._command, call, "hangup", {})
        return partial(self._command, call, "streaming_start", self._streaming(call, request))

    def _hung_up(self, payload: Payload) -> After | None:
        cause = payload.hangup_cause
        call = self.calls.get(payload.call_control_id)
        if call is not None:
            self.door.report(call.id, progress_of(cause, answered=call.answered), reason=cause)
            call.over = True
            return None
        caller = self.calls.of_session(payload.call_session_id)
        if caller is None or not caller.transferring:
            return None
        caller.transferring = False
        self._note(caller.id, "a transfer was not answered", cause)
        return partial(self._command, caller, "hangup", {})

    def _unheard(self, payload: Payload) -> After | None:
        """A media stream never came: end a call that nobody can hear."""
        call = self.calls.get(payload.call_control_id)
        if call is None or self.lines.get(call.id) is not None:
            return None
        self._note(call.id, "a media stream failed", payload.failure_reason)
        return partial(self._command, call, "hangup", {})

    def _streaming(self, call: KnownCall, request: Request) -> dict[str, object]:
        path = f"/media/{self.door.issue(call.id)}"
        return stream_fields(self.settings, self.door.url(request, path, websocket=True))

    async def _command(self, call: KnownCall, action: str, body: Mapping[str, object]) -> None:
        try:
            await self.rest.command(call.id, action, body)
        except (ProviderError, LineError) as error:
            self._note(call.id, f"a call's {action} failed", str(error))

    def _line(self, payload: Payload) -> TelnyxLine | None:
        """The live line of an event; events of recordings name the leg only."""
        line = self.lines.get(payload.call_control_id) or self.lines.get(payload.call_leg_id)
        if line is None:
            self._note(payload.call_control_id, "a webhook came for a call that is not here", "")
        return line

    def _note(self, call: str, what: str, detail: str) -> None:
        self.services.observe(Trouble(call, "telnyx.webhook", what, detail))


DONE = Response(status_code=200)
