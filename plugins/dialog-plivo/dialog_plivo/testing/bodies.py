"""The fields of the REST requests that the fake knows, and the values they may have.

Plivo ignores a field it does not know; the fake refuses it, since a misspelt field is a fault that nobody would see.

Source: Plivo docs, "Make a call", "Transfer a call", "Record a call"; package ``plivo``, ``resources.calls``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["CREATE", "DELETE", "HANG_UP", "RECORD", "STOP_RECORD", "TRANSFER", "wrong"]

URL = r"https?://[^/\s]+/\S*"
METHOD = "GET|POST"
NUMBER = r"[1-9][0-9]{1,14}|sips?:[^\s<>]+"
SECONDS = "[0-9]{1,6}"
FREE = r"(?s:.*)"

Rules = Mapping[str, str]
"""Fields, and what matches their values as text."""

CREATE: Rules = {
    "from": NUMBER,
    "to": NUMBER,
    "answer_url": URL,
    "answer_method": METHOD,
    "ring_url": URL,
    "ring_method": METHOD,
    "hangup_url": URL,
    "hangup_method": METHOD,
    "fallback_url": URL,
    "fallback_method": METHOD,
    "caller_name": ".{0,50}",
    "send_digits": "[0-9A-D*#wW]*",
    "time_limit": SECONDS,
    "ring_timeout": SECONDS,
    "machine_detection": "true|hangup",
    "machine_detection_time": SECONDS,
    "machine_detection_method": METHOD,
    "error_if_parent_not_found": "False",
}
OF_CALL: Rules = {"call_uuid": FREE}
"""Plivo's own client repeats in the body what stands in the address."""
HANG_UP: Rules = {**OF_CALL}
DELETE: Rules = {"recording_id": FREE}
TRANSFER: Rules = {**OF_CALL, "legs": "aleg", "aleg_url": URL, "aleg_method": METHOD}
RECORD: Rules = {
    **OF_CALL,
    "time_limit": SECONDS,
    "file_format": "wav|mp3",
    "record_channel_type": "mono|stereo",
    "callback_url": URL,
    "callback_method": METHOD,
}
STOP_RECORD: Rules = {**OF_CALL, "URL": FREE}
NEEDED: Mapping[int, tuple[str, ...]] = {
    id(CREATE): ("from", "to", "answer_url"),
    id(TRANSFER): ("legs", "aleg_url"),
}


def wrong(body: Mapping[str, object], rules: Rules) -> str | None:
    """The first field that is unknown, missing, or has a value it cannot have; None if all is well."""
    for name in NEEDED.get(id(rules), ()):
        if name not in body:
            return name
    for name, value in body.items():
        if name not in rules or re.fullmatch(rules[name], str(value)) is None:
            return name
    return None
