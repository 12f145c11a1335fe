"""The fields of the commands that the fake knows. Telnyx ignores others; the fake refuses them, as likely misspelt.

Source: Telnyx docs, "Call Control commands".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import attrs

__all__ = ["ACTIONS", "BEFORE_ANSWER", "DIAL", "Action", "fault_in"]

ANY = r"(?s:.*)"
ID = r"[0-9a-f-]{36}"
BASE64 = r"[A-Za-z0-9+/]*={0,2}"
NUMBER = r"\+[1-9][0-9]{1,14}|sips?:\S+"
COUNT = r"[0-9]{1,5}"
CODEC = "PCMU|PCMA|G722|OPUS|AMR-WB|L16"

Rules = Mapping[str, str]
"""Fields, and what matches their values as text."""

COMMON: Rules = {"client_state": BASE64, "command_id": ID}
STREAM: Rules = {
    "stream_url": r"wss?://\S+",
    "stream_track": "inbound_track|outbound_track|both_tracks",
    "stream_codec": f"default|{CODEC}",
    "stream_bidirectional_mode": "mp3|rtp",
    "stream_bidirectional_codec": CODEC,
    "stream_bidirectional_sampling_rate": "8000|16000|22050|24000|48000",
    "stream_bidirectional_target_legs": "both|self|opposite",
}
WEBHOOK: Rules = {"webhook_url": r"https?://\S+", "webhook_url_method": "POST|GET"}
DIAL: Rules = {
    **COMMON,
    **STREAM,
    **WEBHOOK,
    "connection_id": r"[0-9]+",
    "to": NUMBER,
    "from": NUMBER,
    "timeout_secs": COUNT,
    "time_limit_secs": COUNT,
}


@attrs.frozen
class Action:
    """A command's fields."""

    fields: Rules
    required: AbstractSet[str] = frozenset()


ACTIONS: Mapping[str, Action] = {
    "answer": Action({**COMMON, **STREAM, **WEBHOOK, "send_silence_when_idle": "True|False"}),
    "reject": Action(
        {**COMMON, "cause": "CALL_REJECTED|NOT_FOUND|TEMPORARILY_UNAVAILABLE|USER_BUSY"}, {"cause"}
    ),
    "hangup": Action(COMMON),
    "streaming_start": Action({**COMMON, **STREAM}),
    "streaming_stop": Action({**COMMON, "stream_id": ID}),
    "transfer": Action(
        {**COMMON, **WEBHOOK, "to": NUMBER, "from": NUMBER, "timeout_secs": COUNT}, {"to"}
    ),
    "send_dtmf": Action(
        {**COMMON, "digits": r"[0-9A-DwW*#]+", "duration_millis": COUNT}, {"digits"}
    ),
    "record_start": Action(
        {
            **COMMON,
            "format": "wav|mp3",
            "channels": "single|dual",
            "recording_track": "both|inbound|outbound",
            "play_beep": "True|False",
        },
        {"format", "channels"},
    ),
    "record_stop": Action({**COMMON, "recording_id": ID}),
    "transcription_start": Action(
        {**COMMON, "transcription_engine": ANY, "transcription_tracks": "inbound|outbound|both"}
    ),
    "transcription_stop": Action(COMMON),
}
BEFORE_ANSWER = frozenset({"answer", "reject", "hangup"})


def fault_in(body: Mapping[str, Any], rules: Rules, *, required: AbstractSet[str]) -> str | None:
    """The first field that is missing, unknown, or has a value that it cannot have; None if all is well."""
    for name in required - body.keys():
        return name
    for name, value in body.items():
        if name not in rules or re.fullmatch(rules[name], str(value)) is None:
            return name
    return None
