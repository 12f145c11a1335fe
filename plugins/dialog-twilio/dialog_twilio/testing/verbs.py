"""TwiML, read as strictly as Twilio reads it, and as far as dialog writes it."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from urllib.parse import urlsplit

import attrs

__all__ = [
    "Dial",
    "Hangup",
    "Pause",
    "PhoneFault",
    "Play",
    "Reject",
    "Say",
    "Stream",
    "Verb",
    "read_twiml",
]

LONGEST_PARAMETER = 500
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
"""Where tests on real sockets need no TLS."""


class PhoneFault(AssertionError):
    """The server did something that Twilio would not put up with."""


@attrs.frozen
class Stream:
    """``<Connect><Stream>``: two-way audio, until either side closes."""

    url: str
    name: str = ""
    status_callback: str = ""
    parameters: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen
class Dial:
    """Ring somebody."""

    number: str
    action: str = ""
    caller_id: str = ""


@attrs.frozen
class Play:
    """Keypad tones."""

    digits: str


@attrs.frozen
class Pause:
    """Silence, in seconds."""

    length: int


@attrs.frozen
class Say:
    """Twilio's own voice."""

    text: str


@attrs.frozen
class Reject:
    """Not answered at all."""

    reason: str


@attrs.frozen
class Hangup:
    """The end."""


Verb = Stream | Dial | Play | Pause | Say | Reject | Hangup


def read_twiml(document: str | bytes) -> tuple[Verb, ...]:
    """The verbs of a document. Raises: PhoneFault, naming what Twilio would refuse."""
    try:
        root = ET.fromstring(document)  # noqa: S314 - written by the server under test
    except ET.ParseError as error:
        raise PhoneFault(f"12100: the TwiML is not XML: {error}") from error
    if root.tag != "Response":
        raise PhoneFault(f"12100: the root is {root.tag!r}, not Response")
    return tuple(_verb(element) for element in root)


def _verb(element: ET.Element) -> Verb:
    match element.tag:
        case "Connect":
            return _connect(element)
        case "Dial":
            return _dial(element)
        case "Play":
            return Play(_attributes(element, "digits")["digits"])
        case "Pause":
            return Pause(int(_attributes(element, "length").get("length", "1")))
        case "Say":
            _attributes(element)
            return Say(element.text or "")
        case "Reject":
            return Reject(_attributes(element, "reason").get("reason", "rejected"))
        case "Hangup":
            _attributes(element)
            return Hangup()
    raise PhoneFault(f"12200: there is no verb {element.tag!r}")


def _connect(element: ET.Element) -> Stream:
    _attributes(element, "action", "method")
    if [child.tag for child in element] != ["Stream"]:
        raise PhoneFault("12200: Connect must hold exactly one Stream")
    stream = element[0]
    given = _attributes(stream, "url", "name", "track", "statusCallback", "statusCallbackMethod")
    url = urlsplit(given.get("url", ""))
    if url.scheme != "wss" and not (url.scheme == "ws" and url.hostname in LOOPBACK):
        raise PhoneFault(f"31922: the stream's scheme is {url.scheme!r}, not wss")
    if not url.hostname or url.query or not url.path:
        raise PhoneFault("31923: the stream's address must have a host and a path, and no query")
    if given.get("track", "inbound_track") != "inbound_track":
        raise PhoneFault("31941: under Connect the track must be inbound_track")
    parameters = dict(_parameter(child) for child in stream)
    return Stream(given["url"], given.get("name", ""), given.get("statusCallback", ""), parameters)


def _parameter(element: ET.Element) -> tuple[str, str]:
    given = _attributes(element, "name", "value")
    name, value = given.get("name", ""), given.get("value", "")
    if element.tag != "Parameter" or not name or len(name) + len(value) >= LONGEST_PARAMETER:
        raise PhoneFault(f"12200: a stream's parameter {name!r} is not one, or is too long")
    return name, value


def _dial(element: ET.Element) -> Dial:
    given = _attributes(element, "action", "callerId", "timeout")
    if [child.tag for child in element] not in (["Number"], ["Sip"]):
        raise PhoneFault("12200: Dial must hold one Number or one Sip")
    number = element[0].text or ""
    return Dial(number, given.get("action", ""), given.get("callerId", ""))


def _attributes(element: ET.Element, *known: str) -> Mapping[str, str]:
    strange = set(element.attrib) - set(known)
    if strange:
        raise PhoneFault(f"12200: {element.tag} has no attribute {', '.join(sorted(strange))}")
    return element.attrib
