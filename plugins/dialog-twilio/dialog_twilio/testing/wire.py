"""What the server may send to Twilio, read as strictly as Twilio reads it."""

from __future__ import annotations

import msgspec

__all__ = ["Clear", "Fault", "MarkMessage", "MediaMessage", "read"]


class Payload(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """Base64 of raw mu-law."""

    payload: bytes


class MediaMessage(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    gc=False,
    tag_field="event",
    tag="media",
    rename="camel",
):
    """Audio to be played."""

    stream_sid: str
    media: Payload


class Name(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of a mark."""

    name: str


class MarkMessage(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    tag_field="event",
    tag="mark",
    rename="camel",
):
    """To be echoed when all audio before was played."""

    stream_sid: str
    mark: Name


class Clear(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    tag_field="event",
    tag="clear",
    rename="camel",
):
    """Throw away what has not been played."""

    stream_sid: str


class Fault(msgspec.Struct, frozen=True):
    """A message that Twilio warns of, and ignores."""

    warning: str
    """Twilio's number of it, then a sentence."""


Outgoing = MediaMessage | MarkMessage | Clear
_decode = msgspec.json.Decoder(Outgoing).decode


def read(data: str | bytes, sid: str) -> Outgoing | Fault:
    """Read what the server sent to the stream `sid`."""
    if isinstance(data, bytes):
        return Fault("31950: a binary message")
    try:
        message: Outgoing = _decode(data)
    except msgspec.DecodeError as error:
        return Fault(f"31951: {error}")
    if message.stream_sid != sid:
        return Fault("31951: the streamSid is not this stream's")
    if isinstance(message, MediaMessage) and message.media.payload[:4] == b"RIFF":
        return Fault("31951: the payload has a file header, which would sound as noise")
    return message
