"""The forms that Plivo posts to us, as typed values.

Each `read_` function is a guard: it returns a value whose required fields are there and of their form, or raises
ProviderProtocolError. Plivo adds fields without notice, so all of them are kept as they came in `fields`.

Source: Plivo docs, "XML request", "The AudioStream element", "Make a call", "Record a call", "The Dial element".
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import attrs

from dialog_core.errors import ProviderProtocolError
from dialog_core.line import Progress

__all__ = [
    "CALL_UUID",
    "CallMetadata",
    "DialResult",
    "RecordingResult",
    "StreamStatus",
    "number",
    "read_call",
    "read_dial",
    "read_recording",
    "read_stream",
]

Fields = Mapping[str, str]

CALL_UUID = re.compile(r"[0-9A-Za-z-]{8,64}")
"""Of calls, requests, streams and recordings: UUIDs, as a rule."""
STREAM_EVENTS: Mapping[str, str] = {
    "startstream": "started",
    "started": "started",
    "stopstream": "stopped",
    "stopped": "stopped",
    "droppedstream": "failed",
    "failed": "failed",
    "degradedstream": "degraded",
    "degraded": "degraded",
}
"""Two families of names are documented for the same events."""
PROGRESS: Mapping[str, Progress] = {
    "ringing": Progress.RINGING,
    "in-progress": Progress.ANSWERED,
    "busy": Progress.BUSY,
    "no-answer": Progress.NO_ANSWER,
    "timeout": Progress.NO_ANSWER,
    "cancel": Progress.NO_ANSWER,
    "failed": Progress.FAILED,
    "completed": Progress.ENDED,
}


@attrs.frozen
class CallMetadata:
    """What Plivo says of a call: when it asks what to do, when it rings, and when it is over."""

    call_uuid: str
    request_uuid: str
    """Of the REST request that placed it; empty for inbound calls."""
    caller: str
    """E.164 where it is a number, else as it came; empty when withheld. Personal."""
    called: str
    direction: str
    """``inbound`` or ``outbound``."""
    status: str
    """``ringing``, ``in-progress``, ``completed``, ``busy``, ``failed``, ``timeout``, ``no-answer``, ``cancel``."""
    event: str
    """``StartApp`` when it was answered, ``Ring``, ``Hangup``; empty where Plivo does not say."""
    machine: bool
    """True when machine detection found one."""
    cause: str
    """Why it ended, in Plivo's words; empty before."""
    cause_code: str
    seconds: float | None
    """How long it lasted, once it is over."""
    fields: Fields

    @property
    def id(self) -> str:
        """What the call is known by: the id that placing it returned, or Plivo's of one that came in."""
        return self.request_uuid or self.call_uuid

    @property
    def progress(self) -> Progress | None:
        """How far the call has come; None if this does not tell."""
        if self.status in PROGRESS:
            return PROGRESS[self.status]
        return Progress.ENDED if self.event == "Hangup" or self.cause else None

    @property
    def reason(self) -> str:
        """Plivo's own word for what became of it."""
        return self.cause or self.status


@attrs.frozen
class RecordingResult:
    """A recording is done. Plivo tells nothing before."""

    call_uuid: str
    recording_id: str
    url: str
    """Where the file is. Personal."""
    seconds: float | None
    fields: Fields


@attrs.frozen
class StreamStatus:
    """A media stream started, stopped, failed or fell behind. The only news of a stream whose socket never came."""

    call_uuid: str
    stream_id: str
    event: str
    """``started``, ``stopped``, ``failed`` or ``degraded``; else as Plivo wrote it."""
    detail: str
    fields: Fields


@attrs.frozen
class DialResult:
    """What came of dialling somebody for the caller."""

    call_uuid: str
    status: str
    """``completed``, ``busy``, ``failed``, ``cancel``, ``timeout`` or ``no-answer``."""
    cause: str
    fields: Fields


def read_call(fields: Fields) -> CallMetadata:
    """The answer, ring, hangup and machine callbacks. Raises: ProviderProtocolError."""
    request = fields.get("ALegRequestUUID") or fields.get("RequestUUID", "")
    if request and not CALL_UUID.fullmatch(request):
        raise _unreadable("ALegRequestUUID is not a UUID")
    direction = "outbound" if fields.get("Direction", "") == "outbound" else "inbound"
    placed = fields.get("Direction", "") != "inbound"
    return CallMetadata(
        call_uuid=_uuid(fields, "CallUUID"),
        request_uuid=request if placed else "",
        caller=number(fields.get("From", "")),
        called=number(fields.get("To", "")),
        direction=direction,
        status=fields.get("CallStatus", ""),
        event=fields.get("Event", ""),
        machine=fields.get("Machine", "").lower() == "true",
        cause=fields.get("HangupCause") or fields.get("HangupCauseName", ""),
        cause_code=fields.get("HangupCauseCode", ""),
        seconds=_number(fields, "Duration"),
        fields=dict(fields),
    )


def read_recording(fields: Fields) -> RecordingResult:
    """The recording callback, in either of its two spellings. Raises: ProviderProtocolError."""
    call = "call_uuid" if "call_uuid" in fields else "CallUUID"
    recording = "recording_id" if "recording_id" in fields else "RecordingID"
    seconds = "recording_duration" if "recording_duration" in fields else "RecordingDuration"
    exact = _number(fields, "recording_duration_ms") or _number(fields, "RecordingDurationMs")
    return RecordingResult(
        call_uuid=_uuid(fields, call),
        recording_id=_uuid(fields, recording),
        url=fields.get("record_url") or fields.get("RecordUrl", ""),
        seconds=exact / 1000 if exact and exact > 0 else _number(fields, seconds),
        fields=dict(fields),
    )


def read_stream(fields: Fields) -> StreamStatus:
    """The stream callback. Raises: ProviderProtocolError."""
    event = fields.get("Event", "") or fields.get("Status", "")
    return StreamStatus(
        call_uuid=_uuid(fields, "CallUUID"),
        stream_id=fields.get("StreamID") or fields.get("StreamId", ""),
        event=STREAM_EVENTS.get(event.lower(), event),
        detail=fields.get("StatusReason") or fields.get("Reason", ""),
        fields=dict(fields),
    )


def read_dial(fields: Fields) -> DialResult:
    """What a Dial's action is told. Raises: ProviderProtocolError."""
    return DialResult(
        call_uuid=_uuid(fields, "CallUUID"),
        status=fields.get("DialStatus", ""),
        cause=fields.get("DialHangupCause", ""),
        fields=dict(fields),
    )


def number(value: str) -> str:
    """A number as E.164: Plivo leaves out the ``+``. Anything else as it is."""
    return f"+{value}" if re.fullmatch("[1-9][0-9]{6,14}", value) else value


def _uuid(fields: Fields, name: str) -> str:
    value = fields.get(name, "")
    if not CALL_UUID.fullmatch(value):
        raise _unreadable(f"{name} must be a UUID")
    return value


def _number(fields: Fields, name: str) -> float | None:
    value = fields.get(name, "")
    if not value:
        return None
    if not re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,9})?", value):
        raise _unreadable(f"{name} must be a number")
    return float(value)


def _unreadable(message: str) -> ProviderProtocolError:
    return ProviderProtocolError("plivo", message, stage="voip")
