"""Cartesia's text-to-speech socket: every message, parsed and built.

One socket carries many *contexts*, each a reply of ours under an id that we choose. The text of a context comes in
submissions, which repeat every field; what comes back is interleaved and told apart by context id.

Source: Cartesia docs, "TTS WebSocket", "Contexts", "Buffering and flushing", "API conventions".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from dialog_cartesia.settings import FASTEST, SLOWEST, CartesiaSettings
from dialog_core.audio import AudioFormat, Encoding
from dialog_core.errors import (
    ProviderError,
    ProviderProtocolError,
    ProviderRejected,
    ProviderUnavailable,
    SettingsError,
    SettingsProblem,
)
from dialog_core.messages import PLAIN, Manner

__all__ = [
    "NAME",
    "PATH",
    "RATES",
    "STAGE",
    "TOO_MANY",
    "Chunk",
    "Done",
    "Failure",
    "FlushDone",
    "Message",
    "PhonemeTimestamps",
    "Timestamps",
    "Unknown",
    "WordTimes",
    "build_cancel",
    "build_end",
    "build_text",
    "context_of",
    "error_for",
    "generation",
    "handshake_headers",
    "in_manner",
    "parse",
    "unheeded",
]

NAME = "cartesia"
STAGE = "tts"
PATH = "/tts/websocket"
RATES = (8000, 16000, 22050, 24000, 44100, 48000)
ENCODINGS = {
    Encoding.MULAW: "pcm_mulaw",
    Encoding.ALAW: "pcm_alaw",
    Encoding.PCM16: "pcm_s16le",
}
TOO_MANY = 429
CLIENT_FAULTS = range(400, 500)


# --- what the server sends ------------------------------------------------------------------------------------------


class Chunk(msgspec.Struct, frozen=True, tag="chunk"):
    """A piece of audio; of any length, maybe not whole samples."""

    context_id: str
    data: bytes
    """Base64 on the wire, decoded here."""
    flush_id: int | None = None


class FlushDone(msgspec.Struct, frozen=True, tag="flush_done"):
    """All audio of a submission that asked for a flush is out."""

    context_id: str
    flush_id: int | None = None


class WordTimes(msgspec.Struct, frozen=True):
    """Parallel arrays: words, and when each sounds, in seconds from the context's first audio."""

    words: list[str]
    start: list[float]
    end: list[float]

    def __post_init__(self) -> None:
        if not len(self.words) == len(self.start) == len(self.end):
            raise ValueError("words, start and end differ in length")


class Timestamps(msgspec.Struct, frozen=True, tag="timestamps"):
    """Word times; their order relative to the audio is not promised."""

    context_id: str
    word_timestamps: WordTimes | None = None


class PhonemeTimestamps(msgspec.Struct, frozen=True, tag="phoneme_timestamps"):
    """Phoneme times; sent only if `options` ask for them, and not used."""

    context_id: str


class Done(msgspec.Struct, frozen=True, tag="done"):
    """The context is over: all its audio is out."""

    context_id: str


class Failure(msgspec.Struct, frozen=True, tag="error"):
    """The context failed; the socket lives on. From version 2026-03-01 with a title, before with `error`."""

    context_id: str | None = None
    status_code: int | None = None
    title: str | None = None
    message: str | None = None
    error: str | None = None
    error_code: str | None = None
    request_id: str | None = None

    @property
    def text(self) -> str:
        """The vendor's reason, whichever the shape."""
        parts = (self.error_code, self.title or self.error, self.message)
        return ": ".join(part for part in parts if part) or "no reason given"


class Unknown(msgspec.Struct, frozen=True):
    """A kind of message that this plugin does not know."""

    type: str
    context_id: str | None = None


Message = Chunk | FlushDone | Timestamps | PhonemeTimestamps | Done | Failure | Unknown
Known = Chunk | FlushDone | Timestamps | PhonemeTimestamps | Done | Failure

KNOWN: msgspec.json.Decoder[Known] = msgspec.json.Decoder(Known)
UNKNOWN = msgspec.json.Decoder(Unknown)
KINDS = frozenset({"chunk", "flush_done", "timestamps", "phoneme_timestamps", "done", "error"})


class Address(msgspec.Struct, frozen=True):
    """Only the context of a message."""

    context_id: str | None = None


ADDRESS = msgspec.json.Decoder(Address)


def parse(raw: str | bytes) -> Message:
    """Read one frame. Raises: ProviderProtocolError."""
    try:
        return KNOWN.decode(raw)
    except msgspec.ValidationError as error:
        return unknown(raw, error)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProviderProtocolError(NAME, "a message is not JSON", stage=STAGE) from error


def unknown(raw: str | bytes, error: msgspec.ValidationError) -> Unknown:
    """Tell a new kind of message from a known kind in a wrong shape. Raises: ProviderProtocolError."""
    try:
        message = UNKNOWN.decode(raw)
    except msgspec.ValidationError:
        raise ProviderProtocolError(NAME, "a message has no type", stage=STAGE) from error
    if message.type in KINDS:
        # The decoder's text names the field and the type, never the content.
        reason = f"a message of type {message.type!r} is malformed: {error}"
        raise ProviderProtocolError(NAME, reason, stage=STAGE) from error
    return message


def context_of(raw: str | bytes) -> str | None:
    """The context that an unreadable message names, if as much can be read."""
    try:
        return ADDRESS.decode(raw).context_id
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def error_for(status: int | None, reason: str, *, request_id: str | None = None) -> ProviderError:
    """The error that a status means: 4xx but 429 is a refusal, all else may pass."""
    refused = status in CLIENT_FAULTS and status != TOO_MANY
    kind = ProviderRejected if refused else ProviderUnavailable
    return kind(NAME, reason, stage=STAGE, status=status, request_id=request_id)


# --- what the client sends ------------------------------------------------------------------------------------------


def handshake_headers(settings: CartesiaSettings) -> dict[str, str]:
    """Headers of the upgrade, names in lower case; those of the settings come before ours."""
    ours = {
        "authorization": f"Bearer {settings.api_key.reveal()}",
        "cartesia-version": settings.version,
    }
    return ours | {name.lower(): value for name, value in settings.headers.items()}


def generation(settings: CartesiaSettings, fmt: AudioFormat) -> Mapping[str, Any]:
    """The fields that every submission of a context repeats. Raises: SettingsError for a rate that is not offered."""
    if fmt.rate not in RATES:
        offered = ", ".join(map(str, RATES))
        raise SettingsError(
            SettingsProblem("", f"cartesia cannot speak at {fmt.rate} Hz; it offers {offered}")
        )
    fields: dict[str, Any] = {
        **settings.options,
        "model_id": settings.model,
        "voice": {"mode": "id", "id": settings.voice},
        "output_format": {
            "container": "raw",
            "encoding": ENCODINGS[fmt.encoding],
            "sample_rate": fmt.rate,
        },
        "max_buffer_delay_ms": settings.max_buffer_delay_ms,
        "add_timestamps": settings.timestamps,
    }
    controls = {
        "speed": settings.speed,
        "volume": settings.volume,
        "emotion": settings.emotion,
    }
    wanted = {name: value for name, value in controls.items() if value is not None}
    if wanted:
        fields["generation_config"] = wanted
    if settings.language is not None:
        fields["language"] = settings.language
    if settings.pronunciation_dict_id is not None:
        fields["pronunciation_dict_id"] = settings.pronunciation_dict_id
    return fields


def in_manner(
    fields: Mapping[str, Any], settings: CartesiaSettings, manner: Manner
) -> Mapping[str, Any]:
    """The fields for a context that is spoken in this manner, as far as the model can."""
    if not settings.is_sonic_3 or manner == PLAIN:
        return fields
    controls = dict(fields.get("generation_config", {}))
    if manner.speed is not None:
        controls["speed"] = min(max(manner.speed, SLOWEST), FASTEST)
    if manner.mood is not None:
        controls["emotion"] = manner.mood
    return {**fields, "generation_config": controls}


def unheeded(settings: CartesiaSettings, manner: Manner) -> tuple[str, ...]:
    """What of a manner cannot be done."""
    wishes = []
    if manner.mood is not None and not settings.is_sonic_3:
        wishes.append(f"mood {manner.mood!r}; it needs model sonic-3 or later")
    if manner.speed is not None and not settings.is_sonic_3:
        wishes.append(f"speed {manner.speed:g}; it needs model sonic-3 or later")
    elif manner.speed is not None and not SLOWEST <= manner.speed <= FASTEST:
        wishes.append(f"speed {manner.speed:g}; offered: {SLOWEST} to {FASTEST}")
    return tuple(wishes)


def build_text(fields: Mapping[str, Any], context: str, transcript: str) -> str:
    """Submit text, say that more follows, and ask for a boundary after it.

    The flush travels with the text, so that one segment is one submission and, by either reading of the vendor's
    documentation, causes its `flush_done`.
    """
    return encode({**submission(fields, context, transcript), "continue": True, "flush": True})


def build_end(fields: Mapping[str, Any], context: str) -> str:
    """Say that no more text follows."""
    return encode({**submission(fields, context, ""), "continue": False})


def build_cancel(context: str) -> str:
    """Stop a context; audio of it may still arrive."""
    return encode({"context_id": context, "cancel": True})


def submission(fields: Mapping[str, Any], context: str, transcript: str) -> dict[str, Any]:
    """A request without its continuation flags."""
    return {"context_id": context, **fields, "transcript": transcript}


def encode(fields: Mapping[str, Any]) -> str:
    """As one text frame."""
    return msgspec.json.encode(fields).decode()
