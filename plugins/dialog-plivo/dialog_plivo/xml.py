"""The verbs of the XML documents that we give Plivo.

Source: Plivo docs, "XML overview", pages Stream, Dial, Hangup, Speak and Wait.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from dialog_core.carriers.documents import document, element, text

__all__ = [
    "HEADERS_LIMIT",
    "busy",
    "dial",
    "document",
    "extra_headers",
    "hang_up",
    "stream",
    "wait",
]

HEADERS_LIMIT = 512
"""Bytes of a stream's extra headers."""
MULAW = "audio/x-mulaw;rate=8000"
PLAIN = re.compile("[A-Za-z0-9]+")


def stream(
    url: str,
    *,
    status_callback: str,
    headers: Mapping[str, str] | None = None,
    noise_cancellation: int = 0,
) -> str:
    """Hand the call's audio to a WebSocket until either side closes it; what follows runs then.

    url: ws or wss. headers: see :func:`extra_headers`. noise_cancellation: Plivo's level, 0 for none.
    """
    attributes = {
        "bidirectional": "true",
        "keepCallAlive": "true",
        "contentType": MULAW,
        "statusCallbackUrl": status_callback,
        "statusCallbackMethod": "POST" if status_callback else "",
        "extraHeaders": extra_headers(headers or {}),
        "noiseCancellation": "true" if noise_cancellation else "",
        "noiseCancellationLevel": str(noise_cancellation or ""),
    }
    return element("Stream", attributes, text(url))


def extra_headers(headers: Mapping[str, str]) -> str:
    """Names and values as the stream carries them. What is not letters and digits, or too much, is left out."""
    written = ""
    for name, value in headers.items():
        if PLAIN.fullmatch(name) and PLAIN.fullmatch(value):
            longer = f"{written},{name}={value}" if written else f"{name}={value}"
            if len(longer) <= HEADERS_LIMIT:
                written = longer
    return written


def dial(number: str, *, caller_id: str, timeout: int, action: str) -> str:
    """Ring somebody and join them with the caller; the document goes on afterwards.

    number: digits with or without ``+``, or a SIP address with its scheme.
    """
    noun = "User" if number.startswith(("sip:", "sips:")) else "Number"
    attributes = {
        "callerId": caller_id,
        "timeout": str(timeout),
        "action": action,
        "method": "POST",
        "redirect": "false",
    }
    return element("Dial", attributes, element(noun, None, text(number)))


def wait(seconds: int) -> str:
    """Wait, silently."""
    return element("Wait", {"length": str(seconds)})


def hang_up() -> str:
    """End the call."""
    return element("Hangup")


def busy(message: str) -> str:
    """Refuse a call: with a sentence, or a busy tone if there is none."""
    if not message:
        return document(element("Hangup", {"reason": "busy"}))
    return document(element("Speak", None, text(message)), hang_up())
