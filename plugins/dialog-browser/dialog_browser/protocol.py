"""The messages between a page and its line, version 1.

::

    page                                        line
    config {rate, codecs}              -->
                                       <--      session {version, call, agent, codec, rate}
    (binary: float samples)            -->
                                       <--      transcript, thinking, speaking, done, barge-in
                                       <--      (binary: speech in the codec)  mark {id}  clear
    mark {id}: played up to here       -->
    mute, unmute, key {digit}, stop    -->
                                       <--      ended {reason}, and the socket closes

Text messages are JSON objects with a `type`. Binary messages from the page are mono samples, 32-bit floats,
little-endian, in -1..1, at the rate of `config`. Binary messages to the page are mono speech: whole 16-bit samples,
little-endian, at the rate of `session`; or one Opus packet each, where `codecs` asked for it first and the server can.

A mark is the end of what was sent before it. `clear` throws away all audio and all marks that have not been played.
"""

from __future__ import annotations

import msgspec

from dialog_core.errors import ProviderProtocolError

__all__ = [
    "OPUS",
    "PCM16",
    "RATES",
    "VERSION",
    "BargeIn",
    "Clear",
    "Config",
    "Done",
    "Ended",
    "Key",
    "MarkPlayed",
    "Mute",
    "PageMessage",
    "PlaceMark",
    "Session",
    "Speaking",
    "Stop",
    "Thinking",
    "ToPage",
    "Transcript",
    "Unknown",
    "Unmute",
    "build",
    "parse",
]

VERSION = 1
OPUS, PCM16 = "opus", "pcm16"
RATES = (8000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000)
"""Samples per second that a page may send. A closed list: each pair of rates needs a filter of its own."""
TEXT_MOST = 4096
"""Characters of a text message; all that are defined are far shorter."""


class Message(msgspec.Struct, frozen=True, tag_field="type"):
    """A text message."""


# --- from the page


class Config(Message, frozen=True, tag="config"):
    """The first message: how the page will send, and what it can play, best first."""

    rate: int
    codecs: tuple[str, ...] = (PCM16,)


class Mute(Message, frozen=True, tag="mute"):
    """No audio will come until `unmute`; what still does is silence to us."""


class Unmute(Message, frozen=True, tag="unmute"):
    """Audio comes again."""


class Key(Message, frozen=True, tag="key"):
    """The caller pressed a key of the keypad."""

    digit: str


class MarkPlayed(Message, frozen=True, tag="mark"):
    """Playback has reached a mark."""

    id: int


class Stop(Message, frozen=True, tag="stop"):
    """The caller hangs up."""


class Unknown(msgspec.Struct, frozen=True):
    """A message of a kind that this version does not know."""

    kind: str


PageMessage = Config | Mute | Unmute | Key | MarkPlayed | Stop
DECODER = msgspec.json.Decoder(PageMessage)
KINDS = frozenset({"config", "mute", "unmute", "key", "mark", "stop"})


class Kind(msgspec.Struct):
    """Enough of a message to tell what it is."""

    type: str


KIND = msgspec.json.Decoder(Kind)


def parse(text: str) -> PageMessage | Unknown:
    """Read a text message of the page. Raises: ProviderProtocolError."""
    if len(text) > TEXT_MOST:
        raise broken("a text message is too long")
    try:
        kind = KIND.decode(text).type
        return DECODER.decode(text) if kind in KINDS else Unknown(kind[:40])
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise broken("a text message is not one of the protocol") from error


def broken(message: str) -> ProviderProtocolError:
    """The page, or somebody in its place, broke the protocol."""
    return ProviderProtocolError("browser", message, stage="voip")


# --- to the page


class Session(Message, frozen=True, tag="session"):
    """The call has begun, and this is how speech will be sent."""

    call: str
    agent: str
    codec: str
    rate: int
    """Samples per second of the speech, before encoding."""
    version: int = VERSION


class Transcript(Message, frozen=True, tag="transcript"):
    """What one side has said in one turn, so far or, when `final`, altogether; replaces what was told of it before."""

    side: str
    """``caller`` or ``agent``. What the agent says is told when it has been heard."""
    turn: int
    """Of the caller, counted from 1; or the reply's number."""
    text: str
    final: bool = False


class Thinking(Message, frozen=True, tag="thinking"):
    """A reply is being made."""

    reply: int


class Speaking(Message, frozen=True, tag="speaking"):
    """A reply begins to sound."""

    reply: int


class Done(Message, frozen=True, tag="done"):
    """A reply is over, and it is the caller's turn."""

    reply: int
    heard: str
    complete: bool = True
    """False if it broke off, or was taken back because the caller went on: their turn is then open again."""


class BargeIn(Message, frozen=True, tag="barge-in"):
    """The caller interrupted a reply; `heard` is what they got of it."""

    reply: int
    heard: str


class PlaceMark(Message, frozen=True, tag="mark"):
    """Say when what was sent before this has been played."""

    id: int


class Clear(Message, frozen=True, tag="clear"):
    """Throw away what has not been played."""


class Ended(Message, frozen=True, tag="ended"):
    """The call is over: ``hangup`` by the caller, or why it ended."""

    reason: str


ToPage = Session | Transcript | Thinking | Speaking | Done | BargeIn | PlaceMark | Clear | Ended
ENCODER = msgspec.json.Encoder()


def build(message: ToPage) -> str:
    """A text message for the page."""
    return ENCODER.encode(message).decode()
