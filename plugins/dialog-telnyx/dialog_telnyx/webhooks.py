"""The JSON events that Telnyx posts to us, as typed values. Unknown fields and kinds are no error.

Source: Telnyx docs, "Receiving Webhooks for Programmable Voice", and the events of the Call Control reference.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime

import msgspec

from dialog_core.errors import ProviderProtocolError
from dialog_core.line import Progress

__all__ = [
    "Event",
    "Payload",
    "pack_state",
    "progress_of",
    "read_event",
    "seconds_between",
    "unpack_state",
]

OURS = "dialog"
"""Key of our part of a call's client state."""
TRACKS: Mapping[str, str] = {"inbound": "caller", "outbound": "agent"}
UNANSWERED: Mapping[str, Progress] = {
    "user_busy": Progress.BUSY,
    "no_answer": Progress.NO_ANSWER,
    "timeout": Progress.NO_ANSWER,
    "originator_cancel": Progress.NO_ANSWER,
    "normal_clearing": Progress.ENDED,
    "time_limit": Progress.ENDED,
}
"""What a hang-up cause means for a call that nobody has answered; any other is a failure."""


class RecordingUrls(msgspec.Struct, frozen=True):
    """Where a recording can be fetched for ten minutes, without credentials. Personal."""

    wav: str = ""
    mp3: str = ""


class Heard(msgspec.Struct, frozen=True):
    """What Telnyx's transcription heard."""

    transcript: str = ""
    is_final: bool = False
    confidence: float | None = None
    transcription_track: str = ""

    @property
    def track(self) -> str:
        """``caller`` or ``agent``."""
        return TRACKS.get(self.transcription_track, "caller")


class Payload(msgspec.Struct, frozen=True, rename={"caller": "from", "called": "to"}):
    """The fields of all events that we read; those of others keep their defaults."""

    call_control_id: str = ""
    call_leg_id: str = ""
    call_session_id: str = ""
    connection_id: str = ""
    client_state: str | None = None
    direction: str = ""
    """``incoming`` or ``outgoing``."""
    caller: str = ""
    called: str = ""
    hangup_cause: str = ""
    failure_reason: str = ""
    recording_urls: RecordingUrls | None = None
    recording_started_at: str = ""
    recording_ended_at: str = ""
    transcription_data: Heard | None = None


class Event(msgspec.Struct, frozen=True):
    """One webhook."""

    id: str
    event_type: str
    payload: Payload
    occurred_at: str = ""


class Envelope(msgspec.Struct, frozen=True):
    """What is around an event."""

    data: Event


_decode = msgspec.json.Decoder(Envelope).decode
_decode_state = msgspec.json.Decoder(dict[str, dict[str, str]]).decode


def read_event(body: bytes) -> Event:
    """One webhook. Raises: ProviderProtocolError if it is none."""
    try:
        return _decode(body).data
    except (msgspec.DecodeError, UnicodeError) as error:
        message = f"a webhook cannot be read: {error}"
        raise ProviderProtocolError("telnyx", message, stage="voip") from error


def progress_of(cause: str, *, answered: bool) -> Progress:
    """What a hang-up means."""
    return Progress.ENDED if answered else UNANSWERED.get(cause, Progress.FAILED)


def pack_state(values: Mapping[str, str]) -> str:
    """Text that Telnyx keeps with a call and tells again in every event of it."""
    return b64encode(msgspec.json.encode({OURS: dict(values)})).decode()


def unpack_state(state: str | None) -> Mapping[str, str] | None:
    """What we packed; None if it was not we who did."""
    try:
        return _decode_state(b64decode(state or "", validate=True)).get(OURS)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return None


def seconds_between(began: str, ended: str) -> float | None:
    """Length of what is between two ISO 8601 times; None if either is none."""
    try:
        first, last = (msgspec.convert(text, type=datetime) for text in (began, ended))
    except msgspec.ValidationError:
        return None
    return (last - first).total_seconds()
