"""What the server may send to Plivo, read as strictly as Plivo could read it."""

from __future__ import annotations

import re
from base64 import b64encode

import msgspec

__all__ = ["Checkpoint", "Clear", "Fault", "PlayAudio", "SendDtmf", "read"]

LONGEST_MESSAGE = 65_536
LONGEST_CHUNK = 16_384
"""Characters of base64."""


class AudioBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False, rename="camel"):
    """Base64 of raw samples, and how to read them."""

    content_type: str
    sample_rate: int
    payload: bytes


class PlayAudio(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    gc=False,
    tag_field="event",
    tag="playAudio",
    rename="camel",
):
    """Audio to be played."""

    media: AudioBody
    stream_id: str = ""


class Checkpoint(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    tag_field="event",
    tag="checkpoint",
    rename="camel",
):
    """To be confirmed when all audio before was played."""

    stream_id: str
    name: str


class Clear(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    tag_field="event",
    tag="clearAudio",
    rename="camel",
):
    """Throw away what has not been played."""

    stream_id: str = ""


class SendDtmf(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="event", tag="sendDTMF"
):
    """Play keypad tones."""

    dtmf: str


class Fault(msgspec.Struct, frozen=True):
    """A message that Plivo would not understand."""

    warning: str


Outgoing = PlayAudio | Checkpoint | Clear | SendDtmf
_decode = msgspec.json.Decoder(Outgoing).decode


def read(data: str | bytes, stream_id: str) -> Outgoing | Fault:
    """Read what the server sent to a stream."""
    if isinstance(data, bytes):
        return Fault("a binary message")
    if len(data) > LONGEST_MESSAGE:
        return Fault("a message is over 64 KB")
    try:
        message: Outgoing = _decode(data)
    except msgspec.DecodeError as error:
        return Fault(f"a message cannot be read: {error}")
    match message:
        case PlayAudio(media=body):
            if (body.content_type, body.sample_rate) != ("audio/x-mulaw", 8000):
                return Fault("the audio is not of the stream's contentType")
            if len(b64encode(body.payload)) > LONGEST_CHUNK:
                return Fault("a piece of audio is over 16 KB")
            if body.payload[:4] == b"RIFF":
                return Fault("the payload has a file header, which would sound as noise")
        case SendDtmf(dtmf=keys) if not re.fullmatch(r"[0-9A-D*#]+", keys):
            return Fault("there are no such keys")
    if getattr(message, "stream_id", "") not in {"", stream_id}:
        return Fault("the streamId is not this stream's")
    return message
