"""Every message of Deepgram's two live transcription protocols: v1 (Nova and older) and v2 (Flux).

Frozen values; :func:`parse` and :func:`parse_flux` read what the server sends, :func:`build` writes either direction,
:func:`parse_command` reads what a client sends (the fake server needs it). Times are seconds of audio since the
connection began.

Source: Deepgram's pages "Live Audio", "Understand Endpointing and Interim Results", "Utterance End", "Finalize",
"Audio Keep Alive", "Close Stream", "Flux State Machine" and "Flux Configuration".
"""

from __future__ import annotations

from typing import TypeVar, cast

import msgspec

from dialog_core.errors import ProviderProtocolError

__all__ = [
    "Alternative",
    "Channel",
    "CloseStream",
    "Command",
    "Configure",
    "Connected",
    "Event",
    "Failure",
    "Finalize",
    "FluxCommand",
    "FluxFailure",
    "FluxMessage",
    "FluxWord",
    "ForceEndTurn",
    "KeepAlive",
    "Message",
    "Metadata",
    "ModelInfo",
    "Results",
    "ResultsMetadata",
    "SpeechBegan",
    "TurnInfo",
    "Unknown",
    "UtteranceEnd",
    "Warned",
    "Word",
    "build",
    "parse",
    "parse_command",
    "parse_flux",
    "parse_flux_command",
]

PROVIDER = "deepgram"
STAGE = "stt"

T = TypeVar("T")


class Unknown(msgspec.Struct, frozen=True):
    """A message whose type we do not know; it is recorded once per kind and skipped."""

    kind: str


# --- from the server, v1 ---------------------------------------------------------------------------------------------


class Word(msgspec.Struct, frozen=True):
    """A recognised word."""

    word: str
    start: float
    end: float
    confidence: float | None = None
    punctuated_word: str | None = None
    speaker: int | None = None
    language: str | None = None


class Alternative(msgspec.Struct, frozen=True):
    """One reading of a span; the first is the best."""

    transcript: str = ""
    confidence: float | None = None
    words: tuple[Word, ...] = ()
    languages: tuple[str, ...] | None = None


class Channel(msgspec.Struct, frozen=True):
    """The readings of one audio channel."""

    alternatives: tuple[Alternative, ...] = ()


class ModelInfo(msgspec.Struct, frozen=True):
    """Which model answered."""

    name: str = ""
    version: str = ""
    arch: str = ""


class ResultsMetadata(msgspec.Struct, frozen=True):
    """Where a result comes from."""

    request_id: str = ""
    model_uuid: str = ""
    model_info: ModelInfo = ModelInfo()


class Results(msgspec.Struct, frozen=True, tag="Results", tag_field="type"):
    """What a span of audio says. Interim results replace each other; a final one settles its span."""

    start: float
    duration: float
    channel: Channel
    channel_index: tuple[int, ...] = (0, 1)
    is_final: bool | None = None
    speech_final: bool | None = None
    """The endpointing silence was heard. Does not mean that `channel` holds the whole utterance."""
    from_finalize: bool | None = None
    """Forced by a :class:`Finalize`; often empty."""
    metadata: ResultsMetadata | None = None


class SpeechBegan(msgspec.Struct, frozen=True, tag="SpeechStarted", tag_field="type"):
    """Voice was detected (``vad_events``). Not paired with an end."""

    timestamp: float
    channel: tuple[int, ...] = (0, 1)


class UtteranceEnd(msgspec.Struct, frozen=True, tag="UtteranceEnd", tag_field="type"):
    """No word for ``utterance_end_ms``, judged by word times and not by sound."""

    last_word_end: float = -1.0
    """-1 when no word was settled."""
    channel: tuple[int, ...] = (0, 1)


class Metadata(msgspec.Struct, frozen=True, tag="Metadata", tag_field="type"):
    """The last message, in answer to :class:`CloseStream`."""

    request_id: str = ""
    duration: float = 0.0
    channels: int = 1
    transaction_key: str = "deprecated"
    sha256: str = ""
    created: str = ""


class Failure(msgspec.Struct, frozen=True, tag="Error", tag_field="type"):
    """The server could not read one of our messages."""

    variant: str = ""
    description: str = ""
    message: str = ""


Message = Results | SpeechBegan | UtteranceEnd | Metadata | Failure
"""What a v1 server sends, but for answers to ``Configure``, which we never send."""


# --- from the server, v2 ---------------------------------------------------------------------------------------------


class FluxWord(msgspec.Struct, frozen=True):
    """A word of a turn, with case and punctuation; times may be missing."""

    word: str
    confidence: float | None = None
    start: float | None = None
    end: float | None = None


class Connected(msgspec.Struct, frozen=True, tag="Connected", tag_field="type"):
    """The server is ready; the first message of a connection."""

    request_id: str = ""
    sequence_id: int = 0


class Event:
    """What became of a turn; the words of :attr:`TurnInfo.event`."""

    UPDATE = "Update"
    START = "StartOfTurn"
    EAGER_END = "EagerEndOfTurn"
    RESUMED = "TurnResumed"
    END = "EndOfTurn"


class TurnInfo(msgspec.Struct, frozen=True, tag="TurnInfo", tag_field="type"):
    """A turn so far: `transcript` is always the whole of it."""

    event: str
    turn_index: int
    audio_window_start: float
    audio_window_end: float
    transcript: str = ""
    words: tuple[FluxWord, ...] = ()
    end_of_turn_confidence: float | None = None
    request_id: str = ""
    sequence_id: int = 0
    trigger: str | None = None
    languages: tuple[str, ...] | None = None


class Warned(msgspec.Struct, frozen=True, tag="Warning", tag_field="type"):
    """Something is amiss but the connection goes on."""

    code: str = ""
    description: str = ""
    request_id: str = ""
    sequence_id: int = 0


class FluxFailure(msgspec.Struct, frozen=True, tag="Error", tag_field="type"):
    """The connection is about to end."""

    code: str = ""
    description: str = ""
    sequence_id: int = 0


FluxMessage = Connected | TurnInfo | Warned | FluxFailure
"""What a v2 server sends, but for answers to ``Configure``, which we never send."""


# --- from the client -------------------------------------------------------------------------------------------------


class KeepAlive(msgspec.Struct, frozen=True, tag="KeepAlive", tag_field="type"):
    """Puts off the idle close of a v1 connection. Must be a text message."""


class Finalize(msgspec.Struct, frozen=True, tag="Finalize", tag_field="type", omit_defaults=True):
    """Settle what was heard so far, now (v1). An answer is usual, not certain."""

    channel: int | None = None


class CloseStream(msgspec.Struct, frozen=True, tag="CloseStream", tag_field="type"):
    """No more audio comes."""


class ForceEndTurn(msgspec.Struct, frozen=True, tag="ForceEndTurn", tag_field="type"):
    """End the open turn, now (v2)."""


class Configure(msgspec.Struct, frozen=True, tag="Configure", tag_field="type", omit_defaults=True):
    """Change options while listening. We never send it; the fake server accepts it."""

    keyterms: tuple[str, ...] | None = None
    features: dict[str, bool] | None = None
    thresholds: dict[str, float] | None = None
    language_hints: tuple[str, ...] | None = None
    numerals: bool | None = None


Command = KeepAlive | Finalize | CloseStream | Configure
FluxCommand = CloseStream | ForceEndTurn | Configure


# --- bytes and values ------------------------------------------------------------------------------------------------


class Head(msgspec.Struct, frozen=True):
    type: str


HEAD = msgspec.json.Decoder(Head)
MESSAGE = msgspec.json.Decoder(Message)
FLUX_MESSAGE = msgspec.json.Decoder(FluxMessage)
COMMAND = msgspec.json.Decoder(Command)
FLUX_COMMAND = msgspec.json.Decoder(FluxCommand)
ENCODER = msgspec.json.Encoder()

KINDS = frozenset({"Results", "SpeechStarted", "UtteranceEnd", "Metadata", "Error"})
FLUX_KINDS = frozenset({"Connected", "TurnInfo", "Warning", "Error"})
COMMANDS = frozenset({"KeepAlive", "Finalize", "CloseStream", "Configure"})
FLUX_COMMANDS = frozenset({"CloseStream", "ForceEndTurn", "Configure"})


def parse(raw: str | bytes) -> Message | Unknown:
    """Read a message of a v1 server. Raises: ProviderProtocolError."""
    return cast("Message | Unknown", read(raw, MESSAGE, KINDS))


def parse_flux(raw: str | bytes) -> FluxMessage | Unknown:
    """Read a message of a v2 server. Raises: ProviderProtocolError."""
    return cast("FluxMessage | Unknown", read(raw, FLUX_MESSAGE, FLUX_KINDS))


def parse_command(raw: str | bytes) -> Command | Unknown:
    """Read a text message of a v1 client. Raises: ProviderProtocolError."""
    return cast("Command | Unknown", read(raw, COMMAND, COMMANDS))


def parse_flux_command(raw: str | bytes) -> FluxCommand | Unknown:
    """Read a text message of a v2 client. Raises: ProviderProtocolError."""
    return cast("FluxCommand | Unknown", read(raw, FLUX_COMMAND, FLUX_COMMANDS))


def build(message: Message | FluxMessage | Command | FluxCommand) -> str:
    """Write a message as JSON text."""
    return ENCODER.encode(message).decode()


def read(raw: str | bytes, decoder: msgspec.json.Decoder[T], kinds: frozenset[str]) -> T | Unknown:
    """Decode a message; its kind decides between one we do not know and one that is malformed."""
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        kind = kind_of(raw)
        if kind is not None and kind not in kinds:
            return Unknown(kind)
        # The error's text holds a path and types, never what the caller said.
        what = f"malformed {kind}" if kind else "a message that is not JSON with a type"
        raise ProviderProtocolError(PROVIDER, f"{what}: {error}", stage=STAGE) from error


def kind_of(raw: str | bytes) -> str | None:
    """The type of a message, or None where it has none."""
    try:
        return HEAD.decode(raw).type
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
