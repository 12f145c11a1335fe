"""Plivo's XML, read as strictly as Plivo reads it, and as far as dialog writes it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from urllib.parse import urlsplit

import attrs

from dialog_plivo.protocol import read_headers

__all__ = [
    "Dial",
    "Hangup",
    "PhoneFault",
    "Speak",
    "Stream",
    "Verb",
    "Wait",
    "read_xml",
]

LONGEST_DOCUMENT = 100_000
LONGEST_HEADERS = 512
LONGEST_URL = 2048
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
"""Where tests on real sockets need no TLS."""
CONTENT_TYPES = frozenset(
    {"audio/x-mulaw;rate=8000", "audio/x-l16;rate=8000", "audio/x-l16;rate=16000"}
)


class PhoneFault(AssertionError):
    """The server did something that Plivo would not put up with. Begins with Plivo's number of it."""


@attrs.frozen
class Stream:
    """Audio both ways, until either side closes."""

    url: str
    status_callback: str = ""
    headers: Mapping[str, str] = attrs.field(factory=dict)
    written_headers: str = ""


@attrs.frozen
class Dial:
    """Ring somebody."""

    number: str
    action: str = ""
    caller_id: str = ""


@attrs.frozen
class Wait:
    """Silence, in seconds."""

    length: int


@attrs.frozen
class Speak:
    """Plivo's own voice."""

    text: str


@attrs.frozen
class Hangup:
    """The end; or, with a reason, a refusal."""

    reason: str = ""


Verb = Stream | Dial | Wait | Speak | Hangup


def read_xml(document: str | bytes) -> tuple[Verb, ...]:
    """The verbs of a document. Raises: PhoneFault, naming what Plivo would refuse."""
    if len(document) > LONGEST_DOCUMENT:
        raise PhoneFault("8011: the document is over 100 KB")
    try:
        root = ET.fromstring(document)  # noqa: S314 - written by the server under test
    except ET.ParseError as error:
        raise PhoneFault(f"8011: the answer is not XML: {error}") from error
    if root.tag != "Response":
        raise PhoneFault(f"8011: the root is {root.tag!r}, not Response")
    return tuple(_verb(element) for element in root)


def _verb(element: ET.Element) -> Verb:
    match element.tag:
        case "Stream":
            return _stream(element)
        case "Dial":
            return _dial(element)
        case "Wait":
            return Wait(int(_attributes(element, "length").get("length", "1")))
        case "Speak":
            _attributes(element, "voice", "language", "loop")
            return Speak(element.text or "")
        case "Hangup":
            reason = _attributes(element, "reason").get("reason", "")
            if reason not in {"", "busy", "rejected"}:
                raise PhoneFault(f"8011: Hangup has no reason {reason!r}")
            return Hangup(reason)
    raise PhoneFault(f"8011: there is no verb {element.tag!r}")


def _stream(element: ET.Element) -> Stream:
    given = _attributes(
        element,
        "bidirectional",
        "keepCallAlive",
        "contentType",
        "audioTrack",
        "streamTimeout",
        "statusCallbackUrl",
        "statusCallbackMethod",
        "extraHeaders",
        "noiseCancellation",
        "noiseCancellationLevel",
    )
    address = (element.text or "").strip()
    url = urlsplit(address)
    if url.scheme != "wss" and not (url.scheme == "ws" and url.hostname in LOOPBACK):
        raise PhoneFault(f"8011: the stream's scheme is {url.scheme!r}, not wss")
    if not url.hostname or len(address) > LONGEST_URL:
        raise PhoneFault("8011: the stream's address has no host, or is too long")
    if given.get("bidirectional") != "true":
        raise PhoneFault("8011: without bidirectional the caller never hears anything")
    if given.get("keepCallAlive") != "true":
        raise PhoneFault("4010: without keepCallAlive the call ends beside its stream")
    if given.get("audioTrack", "inbound") != "inbound":
        raise PhoneFault("8011: a bidirectional stream has the inbound track only")
    if given.get("contentType") not in CONTENT_TYPES:
        raise PhoneFault("8011: there is no such contentType, or none, which is ambiguous")
    headers = given.get("extraHeaders", "")
    if len(headers) > LONGEST_HEADERS or not re.fullmatch("[A-Za-z0-9=,]*", headers):
        raise PhoneFault("8011: extra headers are letters and digits, at most 512 bytes")
    callback = given.get("statusCallbackUrl", "")
    return Stream(address, callback, read_headers(headers), headers.replace(",", ";"))


def _dial(element: ET.Element) -> Dial:
    given = _attributes(element, "action", "method", "callerId", "timeout", "redirect")
    if [child.tag for child in element] not in (["Number"], ["User"]):
        raise PhoneFault("8011: Dial must hold one Number or one User")
    if given.get("redirect", "true") != "false":
        raise PhoneFault("8011: with redirect the rest of this document is never reached")
    return Dial(element[0].text or "", given.get("action", ""), given.get("callerId", ""))


def _attributes(element: ET.Element, *known: str) -> Mapping[str, str]:
    strange = set(element.attrib) - set(known)
    if strange:
        raise PhoneFault(f"8011: {element.tag} has no attribute {', '.join(sorted(strange))}")
    return element.attrib
