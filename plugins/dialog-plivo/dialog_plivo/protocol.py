"""Messages of a Plivo audio stream, both directions.

Plivo sends ``start``, then ``media``, ``dtmf``, ``playedStream`` and ``clearedAudio`` in any order; the end is the end
of the socket. We send ``playAudio``, ``checkpoint``, ``clearAudio`` and ``sendDTMF``.

``playedStream`` comes when all audio before a checkpoint has really been played. What `clearAudio` throws away takes
its checkpoints along: they never return. An answer may still be on its way when audio is cleared, so names carry a
generation, ``g3:name``, that grows at every `clearAudio`; answers of an older one are too late to matter.

Plivo's pages disagree whether numbers are numbers or texts, and on the name of ``playedStream``: all are understood.

Source: Plivo docs, "Audio streaming protocol reference", "Stream event protocol"; package ``plivo-stream-sdk``.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import msgspec

from dialog_core.carriers.messages import Unknown, read_unknown, unreadable

__all__ = [
    "AUDIO_LIMIT",
    "MESSAGE_LIMIT",
    "Cleared",
    "Dtmf",
    "Envelopes",
    "Failed",
    "Media",
    "Message",
    "Played",
    "Start",
    "Stop",
    "Unknown",
    "parse",
    "read_headers",
]

MESSAGE_LIMIT = 65_536
"""Characters of a message; one of 20 ms has about 400."""
AUDIO_LIMIT = 12_000
"""Bytes of audio in one message: 16 KB in base64, or 1.5 s."""
HEADERS_MOST = 100

Number = str | int | float


class MediaFormat(msgspec.Struct, frozen=True, rename="camel"):
    """How payloads are to be read."""

    encoding: str
    sample_rate: Number


class StartBody(msgspec.Struct, frozen=True, rename="camel"):
    """What a stream is and which call it belongs to."""

    call_id: str
    stream_id: str
    media_format: MediaFormat
    account_id: str | None = None
    tracks: tuple[str, ...] | str | None = None


class Start(msgspec.Struct, frozen=True, tag_field="event", tag="start"):
    """The stream begins. Nothing comes before."""

    start: StartBody
    extra_headers: Any = ""

    @property
    def headers(self) -> Mapping[str, str]:
        """What our document gave the stream."""
        return read_headers(self.extra_headers)


class MediaBody(msgspec.Struct, frozen=True, gc=False):
    """A piece of the caller's audio."""

    payload: bytes
    """mu-law; base64 on the wire."""
    timestamp: Number = 0
    """Milliseconds; from when, Plivo's pages do not agree."""
    chunk: Number = 0
    """Counts the stream's pieces; 0 where it is left out."""
    track: str = "inbound"


class Media(msgspec.Struct, frozen=True, gc=False, tag_field="event", tag="media"):
    """Audio from the caller, usually 20 ms."""

    media: MediaBody


class DtmfBody(msgspec.Struct, frozen=True):
    """A pressed key."""

    digit: str | int


class Dtmf(msgspec.Struct, frozen=True, tag_field="event", tag="dtmf"):
    """The caller pressed a key."""

    dtmf: DtmfBody


class Played(msgspec.Struct, frozen=True, tag_field="event", tag="playedStream"):
    """All audio before a checkpoint of ours was played."""

    name: str


class AlsoPlayed(msgspec.Struct, frozen=True, tag_field="event", tag="played"):
    """The same under the name that one page gives it."""

    name: str


class Cleared(msgspec.Struct, frozen=True, tag_field="event", tag="clearedAudio"):
    """Unplayed audio was thrown away. It does not tell which request this answers: they are in order."""


class PlayFailed(msgspec.Struct, frozen=True, tag_field="event", tag="playFailed"):
    """Audio was not played."""

    reason: str = ""


class Error(msgspec.Struct, frozen=True, tag_field="event", tag="error"):
    """Plivo complains."""

    reason: str = ""


Failed = PlayFailed | Error


class Stop(msgspec.Struct, frozen=True, tag_field="event", tag="stop"):
    """The stream ended. Not documented, but seen in samples; the close of the socket says the same."""


Known = Start | Media | Dtmf | Played | AlsoPlayed | Cleared | PlayFailed | Error | Stop
Message = Start | Media | Dtmf | Played | Cleared | PlayFailed | Error | Stop | Unknown

KINDS = frozenset({"start", "media", "dtmf", "playedStream", "played"})
_decode: Callable[[str | bytes], Known] = msgspec.json.Decoder(Known).decode
_decode_headers = msgspec.json.Decoder(dict[str, Any]).decode


def parse(text: str | bytes) -> Message:  # per frame
    """Read one message.

    Raises: ProviderProtocolError if it is not JSON, or lacks what its kind must have.
    """
    if len(text) > MESSAGE_LIMIT:
        raise unreadable("plivo", f"a message of {len(text)} characters is over {MESSAGE_LIMIT}")
    try:
        message = _decode(text)
    except (msgspec.DecodeError, UnicodeError) as error:
        return read_unknown("plivo", text, error, kinds=KINDS)
    return Played(message.name) if isinstance(message, AlsoPlayed) else message


def read_headers(written: Any) -> Mapping[str, str]:
    """Extra headers: ``k=v`` joined by ``;`` or ``,``, or an object, or one as text. Else there are none."""
    if isinstance(written, dict):
        return {str(name): str(value) for name, value in written.items()}
    if not isinstance(written, str):
        return {}
    if written.lstrip().startswith("{"):
        try:
            return read_headers(_decode_headers(written))
        except (msgspec.DecodeError, UnicodeError):
            return {}
    pairs = (each.partition("=") for each in written.replace(",", ";").split(";", HEADERS_MOST))
    return {name.strip(): value.strip() for name, equals, value in pairs if equals}


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()


@attrs.frozen
class Envelopes:
    """Outgoing messages of one stream, with all that never changes written once."""

    stream_id: str
    _audio: str = attrs.field(init=False)
    _checkpoint: str = attrs.field(init=False)
    clear: str = attrs.field(init=False)
    """Throw away unplayed audio."""

    def __attrs_post_init__(self) -> None:
        stream = _quoted(self.stream_id)
        fmt = '"contentType":"audio/x-mulaw","sampleRate":8000'
        set_once = object.__setattr__
        set_once(self, "_audio", f'{{"event":"playAudio","media":{{{fmt},"payload":"')
        set_once(self, "_checkpoint", f'{{"event":"checkpoint","streamId":{stream},"name":')
        set_once(self, "clear", f'{{"event":"clearAudio","streamId":{stream}}}')

    def audio(self, data: bytes) -> str:  # per frame
        """Audio to be played after all that was sent before. data: mu-law, at most :data:`AUDIO_LIMIT` bytes."""
        return self._audio + b2a_base64(data, newline=False).decode("ascii") + '"}}'

    def mark(self, name: str) -> str:
        """Ask to be told when all audio before was played: Plivo's checkpoint."""
        return f"{self._checkpoint}{_quoted(name)}}}"

    def digits(self, keys: str) -> str:
        """Play keypad tones. keys: of ``0123456789*#ABCD``."""
        return f'{{"event":"sendDTMF","dtmf":{_quoted(keys)}}}'
