"""Messages of Telnyx media streaming, both directions, in its bidirectional mode ``rtp``.

Telnyx sends ``connected``, ``start``, then ``media``, ``dtmf``, ``mark`` and ``error``, and ``stop``. Media may come in
any order: `chunk` tells the true one. We send ``media`` (20 ms to 30 s each, raw codec bytes), ``mark`` and ``clear``.

A mark is echoed when all audio before it has been played, and also, at once, when ``clear`` threw that audio away. The
echo does not tell which. So each name carries a generation, ``g3:name``, that grows before every ``clear``.

Source: Telnyx docs, "Media Streaming over Websockets" and "Stream call media over WebSocket".
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Callable

import attrs
import msgspec

from dialog_core.carriers.messages import Unknown, read_unknown, unreadable

__all__ = [
    "ENCODINGS",
    "MESSAGE_LIMIT",
    "Connected",
    "Dtmf",
    "Envelopes",
    "Failed",
    "Mark",
    "Media",
    "MediaBody",
    "Message",
    "Start",
    "StartBody",
    "Stop",
    "Unknown",
    "parse",
]

MESSAGE_LIMIT = 64_000
"""Characters of a message; one of 20 ms has about 350."""
ENCODINGS = {
    "PCMU": "PCMU",
    "audio/x-mulaw": "PCMU",
    "PCMA": "PCMA",
    "audio/x-alaw": "PCMA",
    "L16": "L16",
    "audio/x-l16": "L16",
}
"""How media formats are written, now and in older pages."""

Number = str | int
"""Telnyx writes these numbers as strings; both are understood."""


class Connected(msgspec.Struct, frozen=True, tag_field="event", tag="connected"):
    """The socket is open; nothing is known of the call yet."""

    version: str = ""


class MediaFormat(msgspec.Struct, frozen=True):
    """How the payloads that we get are to be read."""

    encoding: str
    sample_rate: Number
    channels: Number = 1


class StartBody(msgspec.Struct, frozen=True, rename={"caller": "from", "called": "to"}):
    """Which call a stream belongs to."""

    call_control_id: str
    media_format: MediaFormat
    call_session_id: str = ""
    caller: str = ""
    called: str = ""
    client_state: str | None = None


class Start(msgspec.Struct, frozen=True, tag_field="event", tag="start"):
    """The stream begins."""

    start: StartBody
    stream_id: str = ""


class MediaBody(msgspec.Struct, frozen=True, gc=False):
    """A piece of audio."""

    chunk: Number
    timestamp: Number
    """Milliseconds from the start of the stream to the first sample."""
    payload: bytes
    """In the stream's codec, without an RTP header; base64 on the wire."""
    track: str = "inbound"


class Media(msgspec.Struct, frozen=True, gc=False, tag_field="event", tag="media"):
    """Audio from the caller, usually 20 ms."""

    media: MediaBody


class DtmfBody(msgspec.Struct, frozen=True):
    """A pressed key."""

    digit: str


class Dtmf(msgspec.Struct, frozen=True, tag_field="event", tag="dtmf"):
    """The caller pressed a key."""

    dtmf: DtmfBody
    sequence_number: Number = ""


class MarkBody(msgspec.Struct, frozen=True):
    """A mark of ours."""

    name: str


class Mark(msgspec.Struct, frozen=True, tag_field="event", tag="mark"):
    """All audio before a mark of ours was played, or cleared."""

    mark: MarkBody


class Stop(msgspec.Struct, frozen=True, tag_field="event", tag="stop"):
    """The stream ended: the call is over, or we stopped the stream."""


class Problem(msgspec.Struct, frozen=True):
    """What Telnyx did not like; the code is a number or a text."""

    code: Number = ""
    title: str = ""


class Failed(msgspec.Struct, frozen=True, tag_field="event", tag="error"):
    """A message of ours was refused; the stream goes on. Older pages call the body ``error``."""

    payload: Problem | None = None
    error: Problem | None = None

    @property
    def reason(self) -> str:
        """Code and title."""
        problem = self.payload or self.error or Problem()
        return f"{problem.code} {problem.title}".strip()


Known = Connected | Start | Media | Dtmf | Mark | Stop | Failed
Message = Known | Unknown

KINDS = frozenset({"connected", "start", "media", "dtmf", "mark", "stop", "error"})
_decode: Callable[[str | bytes], Known] = msgspec.json.Decoder(Known).decode


def parse(text: str | bytes) -> Message:  # per frame
    """Read one message.

    Raises: ProviderProtocolError if it is not JSON, or lacks what its kind must have.
    """
    if len(text) > MESSAGE_LIMIT:
        message = f"a message of {len(text)} characters is over {MESSAGE_LIMIT}"
        raise unreadable("telnyx", message)
    try:
        return _decode(text)
    except (msgspec.DecodeError, UnicodeError) as error:
        return read_unknown("telnyx", text, error, kinds=KINDS)


@attrs.frozen
class Envelopes:
    """Outgoing messages; they name no stream."""

    clear: str = '{"event":"clear"}'
    """Throw away unplayed audio; pending marks are echoed at once."""

    def media(self, audio: bytes) -> str:  # per frame
        """Audio to be played after all that was sent before; 20 ms to 30 s, without any header."""
        payload = b2a_base64(audio, newline=False).decode("ascii")
        return f'{{"event":"media","media":{{"payload":"{payload}"}}}}'

    def mark(self, name: str) -> str:
        """Ask for an echo when all audio before was played."""
        return f'{{"event":"mark","mark":{{"name":{msgspec.json.encode(name).decode()}}}}}'
