"""Messages of a Twilio Media Stream, both directions.

Twilio sends ``connected``, ``start``, then ``media``, ``dtmf`` and ``mark`` in any order, and ``stop``. We send
``media``, ``mark`` and ``clear``, with exactly the fields Twilio wants: it complains once about a field too many or too
few and is silent from then on.

A mark is echoed when all audio before it has been played, and also, at once, when `clear` threw that audio away. The
echo does not tell which. So each name carries a generation, ``g3:name``, that grows before every `clear`: an echo of
an older generation was not played.

Source: Twilio docs, "Media Streams - WebSocket Messages".
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Callable

import attrs
import msgspec

from dialog_core.carriers.messages import Unknown, read_unknown, unreadable

__all__ = [
    "MESSAGE_LIMIT",
    "Connected",
    "Dtmf",
    "Envelopes",
    "Mark",
    "Media",
    "Message",
    "Start",
    "Stop",
    "Unknown",
    "parse",
]

MESSAGE_LIMIT = 64_000
"""Characters of a message; one of 20 ms has about 350."""

Number = str | int
"""Twilio writes these numbers as strings; both are understood."""


class Connected(msgspec.Struct, frozen=True, tag_field="event", tag="connected"):
    """The socket is open; nothing is known of the call yet."""

    protocol: str
    version: str


class MediaFormat(msgspec.Struct, frozen=True, rename="camel"):
    """How payloads are to be read; always mu-law, 8000 Hz, one channel."""

    encoding: str
    sample_rate: Number
    channels: Number


class StartBody(msgspec.Struct, frozen=True, rename="camel"):
    """What a stream is and which call it belongs to."""

    account_sid: str
    stream_sid: str
    call_sid: str
    tracks: tuple[str, ...]
    media_format: MediaFormat
    custom_parameters: dict[str, str] = {}


class Start(msgspec.Struct, frozen=True, tag_field="event", tag="start", rename="camel"):
    """The stream begins."""

    sequence_number: Number
    stream_sid: str
    start: StartBody


class MediaBody(msgspec.Struct, frozen=True, gc=False):
    """A piece of the caller's audio."""

    track: str
    chunk: Number
    timestamp: Number
    """Milliseconds from the start of the stream to the first sample."""
    payload: bytes
    """mu-law; base64 on the wire."""


class Media(msgspec.Struct, frozen=True, gc=False, tag_field="event", tag="media", rename="camel"):
    """Audio from the caller, usually 20 ms."""

    sequence_number: Number
    stream_sid: str
    media: MediaBody


class DtmfBody(msgspec.Struct, frozen=True):
    """A pressed key."""

    track: str
    digit: str


class Dtmf(msgspec.Struct, frozen=True, tag_field="event", tag="dtmf", rename="camel"):
    """The caller pressed a key."""

    sequence_number: Number
    stream_sid: str
    dtmf: DtmfBody


class MarkBody(msgspec.Struct, frozen=True):
    """A mark of ours."""

    name: str


class Mark(msgspec.Struct, frozen=True, tag_field="event", tag="mark", rename="camel"):
    """All audio before a mark of ours was played, or cleared."""

    sequence_number: Number
    stream_sid: str
    mark: MarkBody


class StopBody(msgspec.Struct, frozen=True, rename="camel"):
    """Which stream stopped. There is no reason in it."""

    account_sid: str
    call_sid: str


class Stop(msgspec.Struct, frozen=True, tag_field="event", tag="stop", rename="camel"):
    """The stream ended: the call is over, or other TwiML has replaced the stream."""

    sequence_number: Number
    stream_sid: str
    stop: StopBody


Known = Connected | Start | Media | Dtmf | Mark | Stop
Message = Known | Unknown

KINDS = frozenset({"connected", "start", "media", "dtmf", "mark", "stop"})
_decode: Callable[[str | bytes], Known] = msgspec.json.Decoder(Known).decode


def parse(text: str | bytes) -> Message:  # per frame
    """Read one message.

    Raises: ProviderProtocolError if it is not JSON, or lacks what its kind must have.
    """
    if len(text) > MESSAGE_LIMIT:
        message = f"a message of {len(text)} characters is over {MESSAGE_LIMIT}"
        raise unreadable("twilio", message)
    try:
        return _decode(text)
    except (msgspec.DecodeError, UnicodeError) as error:
        return read_unknown("twilio", text, error, kinds=KINDS)


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()


@attrs.frozen
class Envelopes:
    """Outgoing messages of one stream, with all that never changes written once."""

    stream_sid: str
    _media: str = attrs.field(init=False)
    _mark: str = attrs.field(init=False)
    clear: str = attrs.field(init=False)
    """Throw away unplayed audio; pending marks are echoed at once."""

    def __attrs_post_init__(self) -> None:
        sid = _quoted(self.stream_sid)
        set_once = object.__setattr__
        set_once(self, "_media", f'{{"event":"media","streamSid":{sid},"media":{{"payload":"')
        set_once(self, "_mark", f'{{"event":"mark","streamSid":{sid},"mark":{{"name":')
        set_once(self, "clear", f'{{"event":"clear","streamSid":{sid}}}')

    def media(self, audio: bytes) -> str:  # per frame
        """Audio to be played after all that was sent before. mu-law, without any header."""
        return self._media + b2a_base64(audio, newline=False).decode("ascii") + '"}}'

    def mark(self, name: str) -> str:
        """Ask for an echo when all audio before was played."""
        return f"{self._mark}{_quoted(name)}}}}}"
