"""The forms that Twilio posts to us, as typed values.

Each `read_` function is a guard: it returns a value whose required fields are there and of their form, or raises
ProviderProtocolError. Twilio adds fields without notice, so all of them are kept as they came in `fields`.

Source: Twilio docs, "Call resource", "Recordings resource", "TwiML Voice: Stream", "TwiML Voice: Transcription".
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import attrs
import msgspec

from dialog_core.errors import ProviderProtocolError
from dialog_core.line import Progress

__all__ = [
    "CallMetadata",
    "RecordingStatus",
    "StreamStatus",
    "TranscriptionStatus",
    "read_call",
    "read_progress",
    "read_recording",
    "read_stream",
    "read_transcription",
]

Fields = Mapping[str, str]

RECORDING_STATUSES = frozenset({"in-progress", "completed", "absent", "failed"})
RECORDING_OVER = RECORDING_STATUSES - {"in-progress"}
TRANSCRIPTION_EVENTS = frozenset(
    {
        "transcription-started",
        "transcription-content",
        "transcription-stopped",
        "transcription-error",
    }
)
TRANSCRIPTION_OVER = frozenset({"transcription-stopped", "transcription-error"})
PROGRESS: Mapping[str, Progress] = {
    "ringing": Progress.RINGING,
    "in-progress": Progress.ANSWERED,
    "completed": Progress.ENDED,
    "busy": Progress.BUSY,
    "no-answer": Progress.NO_ANSWER,
    "canceled": Progress.NO_ANSWER,
    "failed": Progress.FAILED,
}
"""Of calls that are queued or initiated nothing is known yet."""
TRACKS: Mapping[str, str] = {"inbound_track": "caller", "outbound_track": "agent"}


@attrs.frozen
class CallMetadata:
    """What Twilio says of a call when it asks what to do with it."""

    account_sid: str
    call_sid: str
    caller: str
    """E.164, ``client:name`` or a SIP address; empty when withheld. Personal."""
    called: str
    direction: str
    """``inbound`` or ``outbound``."""
    status: str
    fields: Fields


@attrs.frozen
class RecordingStatus:
    """What became of a recording."""

    account_sid: str
    call_sid: str
    recording_sid: str
    status: str
    """``in-progress``, ``completed``, ``absent`` or ``failed``."""
    url: str
    """Without an extension; wants the account's credentials. Personal."""
    seconds: float | None
    fields: Fields

    @property
    def over(self) -> bool:
        """True when no more will be said of this recording."""
        return self.status in RECORDING_OVER


@attrs.frozen
class TranscriptionStatus:
    """A step of a transcription. They may arrive out of order: `sequence` tells."""

    account_sid: str
    call_sid: str
    transcription_sid: str
    event: str
    """``transcription-started``, ``-content``, ``-stopped`` or ``-error``."""
    sequence: int
    track: str
    """``caller`` or ``agent``; empty where the event is of neither."""
    text: str
    final: bool
    confidence: float | None
    """0..1, on final texts."""
    error: str
    fields: Fields

    @property
    def over(self) -> bool:
        """True when no more will be said in this transcription."""
        return self.event in TRANSCRIPTION_OVER


@attrs.frozen
class StreamStatus:
    """A media stream started, stopped or failed. The only news of a stream whose socket never came."""

    account_sid: str
    call_sid: str
    stream_sid: str
    event: str
    """``stream-started``, ``stream-stopped`` or ``stream-error``."""
    error: str
    fields: Fields


@attrs.frozen
class CallProgress:
    """How far a call has come."""

    call_sid: str
    progress: Progress | None
    """None before it rings."""
    reason: str
    """A SIP response code, or Twilio's own word."""


class Heard(msgspec.Struct, frozen=True):
    """The JSON text inside a transcription's form."""

    transcript: str
    confidence: float | None = None


_decode_heard = msgspec.json.Decoder(Heard).decode


def read_call(fields: Fields) -> CallMetadata:
    """The voice webhook. Raises: ProviderProtocolError."""
    return CallMetadata(
        account_sid=_sid(fields, "AccountSid", "AC"),
        call_sid=_sid(fields, "CallSid", "CA"),
        caller=fields.get("From", ""),
        called=fields.get("To", ""),
        direction="outbound" if fields.get("Direction", "").startswith("outbound") else "inbound",
        status=fields.get("CallStatus", ""),
        fields=dict(fields),
    )


def read_progress(fields: Fields) -> CallProgress:
    """The status callback of a call. Raises: ProviderProtocolError."""
    status = fields.get("CallStatus", "")
    return CallProgress(
        call_sid=_sid(fields, "CallSid", "CA"),
        progress=PROGRESS.get(status),
        reason=fields.get("SipResponseCode", "") or status,
    )


def read_recording(fields: Fields) -> RecordingStatus:
    """The recording callback. Raises: ProviderProtocolError."""
    status = fields.get("RecordingStatus", "")
    if status not in RECORDING_STATUSES:
        raise _unreadable(f"a recording cannot be {status!r}")
    return RecordingStatus(
        account_sid=_sid(fields, "AccountSid", "AC"),
        call_sid=_sid(fields, "CallSid", "CA"),
        recording_sid=_sid(fields, "RecordingSid", "RE"),
        status=status,
        url=fields.get("RecordingUrl", ""),
        seconds=_number(fields, "RecordingDuration"),
        fields=dict(fields),
    )


def read_transcription(fields: Fields) -> TranscriptionStatus:
    """The transcription callback. Raises: ProviderProtocolError."""
    event = fields.get("TranscriptionEvent", "")
    if event not in TRANSCRIPTION_EVENTS:
        raise _unreadable(f"a transcription has no event {event!r}")
    heard = _heard(fields) if event == "transcription-content" else Heard("")
    return TranscriptionStatus(
        account_sid=_sid(fields, "AccountSid", "AC"),
        call_sid=_sid(fields, "CallSid", "CA"),
        transcription_sid=_sid(fields, "TranscriptionSid", "GT"),
        event=event,
        sequence=int(_number(fields, "SequenceId") or 0),
        track=TRACKS.get(fields.get("Track", ""), ""),
        text=heard.transcript,
        final=fields.get("Final", "").lower() == "true",
        confidence=heard.confidence,
        error=fields.get("TranscriptionErrorCode", "") or fields.get("TranscriptionError", ""),
        fields=dict(fields),
    )


def read_stream(fields: Fields) -> StreamStatus:
    """The stream callback. Raises: ProviderProtocolError."""
    return StreamStatus(
        account_sid=_sid(fields, "AccountSid", "AC"),
        call_sid=_sid(fields, "CallSid", "CA"),
        stream_sid=_sid(fields, "StreamSid", "MZ"),
        event=fields.get("StreamEvent", ""),
        error=fields.get("StreamError", ""),
        fields=dict(fields),
    )


def _heard(fields: Fields) -> Heard:
    if fields.get("Track") not in TRACKS:
        raise _unreadable("a transcription's Track is neither inbound_track nor outbound_track")
    try:
        return _decode_heard(fields.get("TranscriptionData", ""))
    except msgspec.DecodeError as error:
        raise _unreadable(f"TranscriptionData cannot be read: {error}") from error


def _sid(fields: Fields, name: str, prefix: str) -> str:
    value = fields.get(name, "")
    if not re.fullmatch(f"{prefix}[0-9a-fA-F]{{32}}", value):
        raise _unreadable(f"{name} must be {prefix} and 32 hexadecimal digits")
    return value


def _number(fields: Fields, name: str) -> float | None:
    value = fields.get(name, "")
    if not value:
        return None
    if not re.fullmatch(r"-?[0-9]{1,12}(\.[0-9]{1,9})?", value):
        raise _unreadable(f"{name} must be a number")
    return float(value)


def _unreadable(message: str) -> ProviderProtocolError:
    return ProviderProtocolError("twilio", message, stage="voip")
