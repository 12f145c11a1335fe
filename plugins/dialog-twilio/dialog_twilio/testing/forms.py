"""The fields of the REST requests that the fake knows, and the values they may have.

Twilio ignores a field it does not know; the fake refuses it, since a misspelt field is a fault that nobody would see.

Source: Twilio docs, "Call resource", "Recordings resource", "Real-Time Transcription resource".
"""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = [
    "CALL",
    "RECORDING",
    "RECORDING_UPDATE",
    "TRANSCRIPTION",
    "TRANSCRIPTION_UPDATE",
    "UPDATE",
    "wrong",
]

URL = r"https?://[^/\s]+/\S*"
METHOD = "GET|POST"
FREE = r"(?s:.*)"

Rules = Mapping[str, str]
"""Fields, and what matches their values."""

CALL: Rules = {
    "To": FREE,
    "From": FREE,
    "Url": URL,
    "Method": METHOD,
    "StatusCallback": URL,
    "StatusCallbackMethod": METHOD,
    "StatusCallbackEvent": r"(initiated|ringing|answered|completed)( (initiated|ringing|answered|completed))*",
    "Timeout": r"[0-9]{1,3}",
}
UPDATE: Rules = {"Status": "completed|canceled", "Twiml": FREE}
RECORDING: Rules = {
    "RecordingChannels": "mono|dual",
    "RecordingTrack": "inbound|outbound|both",
    "Trim": "trim-silence|do-not-trim",
    "RecordingStatusCallback": URL,
    "RecordingStatusCallbackMethod": METHOD,
    "RecordingStatusCallbackEvent": r"(in-progress|completed|absent)( (in-progress|completed|absent))*",
}
RECORDING_UPDATE: Rules = {
    "Status": "paused|in-progress|stopped",
    "PauseBehavior": "skip|silence",
}
TRANSCRIPTION: Rules = {
    "Name": FREE,
    "Track": "inbound_track|outbound_track|both_tracks",
    "StatusCallbackUrl": URL,
    "StatusCallbackMethod": METHOD,
    "InboundTrackLabel": FREE,
    "OutboundTrackLabel": FREE,
    "PartialResults": "true|false",
    "LanguageCode": FREE,
    "TranscriptionEngine": FREE,
    "ProfanityFilter": "true|false",
    "SpeechModel": FREE,
    "Hints": FREE,
    "EnableAutomaticPunctuation": "true|false",
}
TRANSCRIPTION_UPDATE: Rules = {"Status": "stopped"}


def wrong(form: Mapping[str, str], rules: Rules) -> str | None:
    """The first field that is unknown, or has a value it cannot have; None if all is well."""
    for name, value in form.items():
        if name not in rules or re.fullmatch(rules[name], value) is None:
            return name
    return None
