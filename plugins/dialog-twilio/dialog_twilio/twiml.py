"""The verbs of the TwiML documents that we give Twilio.

Source: Twilio docs, "TwiML for Programmable Voice", pages Connect, Stream, Dial, Play, Reject, Say and Hangup.
"""

from __future__ import annotations

from collections.abc import Mapping

from dialog_core.carriers.documents import document, element, text

__all__ = [
    "PARAMETER_LIMIT",
    "busy",
    "connect",
    "dial",
    "document",
    "hang_up",
    "play_digits",
]

PARAMETER_LIMIT = 500
"""Name and value of a stream parameter must be shorter than this, together."""


def connect(
    url: str, *, name: str, status_callback: str, parameters: Mapping[str, str] | None = None
) -> str:
    """Hand the call's audio to a WebSocket until either side closes it.

    url: ws or wss, without a query, which Twilio would drop. Parameters that are too long for Twilio are left out.
    """
    kept = [
        element("Parameter", {"name": key, "value": value})
        for key, value in (parameters or {}).items()
        if value and len(key) + len(value) < PARAMETER_LIMIT
    ]
    stream = {"url": url, "name": name, "statusCallback": status_callback}
    return element("Connect", None, element("Stream", stream, *kept))


def dial(number: str, *, caller_id: str, timeout: int, action: str) -> str:
    """Ring somebody and join them with the caller. number: E.164, or a SIP address with its scheme."""
    noun = "Sip" if number.startswith(("sip:", "sips:")) else "Number"
    attributes = {"callerId": caller_id, "timeout": str(timeout), "action": action}
    return element("Dial", attributes, element(noun, None, text(number)))


def play_digits(digits: str) -> str:
    """Play keypad tones; ``w`` waits half a second."""
    return element("Play", {"digits": digits})


def pause(seconds: int) -> str:
    """Wait, silently."""
    return element("Pause", {"length": str(seconds)})


def hang_up() -> str:
    """End the call."""
    return element("Hangup")


def busy(message: str) -> str:
    """Refuse a call: with a sentence, or a busy tone if there is none."""
    if not message:
        return document(element("Reject", {"reason": "busy"}))
    return document(element("Say", None, text(message)), hang_up())
