r"""ElevenLabs' multi-context text-to-speech socket: every message, parsed and built (pure).

One socket carries up to five *contexts*, each a reply of ours under an id that we choose. We write `context_id`, the
server writes `contextId`; both spellings are read, as are both spellings of the alignment's durations::

    {"text": " ", "context_id": "r1", "voice_settings": {"speed": 1.1}}     first, with all that may be set
    {"text": "Hello there. ", "context_id": "r1", "flush": true}
    {"text": "", "context_id": "r1"}                                        keeps the context alive
    {"context_id": "r1", "close_context": true}
                        {"audio": "...", "contextId": "r1", "alignment": {"chars": ["H"], ...}}
                        {"isFinal": true, "contextId": "r1"}                only after the context is closed

An empty text keeps a context alive here; on the single-context socket the same message ends the stream. As the first
message of a context it would open it without voice settings, and the vendor then refuses the real first message.

Source: ElevenLabs docs, "Multi-Context WebSocket", "Multi-context streaming", "Error messages".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec

from dialog_core.audio import AudioFormat, Encoding
from dialog_core.errors import (
    ProviderError,
    ProviderProtocolError,
    ProviderRejected,
    ProviderUnavailable,
    SettingsError,
    SettingsProblem,
)
from dialog_core.messages import Manner
from dialog_elevenlabs.settings import RANGES, ElevenLabsSettings

__all__ = [
    "CLOSE_SOCKET",
    "NAME",
    "STAGE",
    "Alignment",
    "Audio",
    "Failure",
    "Final",
    "Message",
    "Unknown",
    "build_close",
    "build_keepalive",
    "build_open",
    "build_text",
    "context_of",
    "error_for",
    "handshake_headers",
    "output_format",
    "parse",
    "refusal",
    "socket_path",
    "unheeded",
    "voice_settings",
]

NAME = "elevenlabs"
STAGE = "tts"
PCM_RATES = (8000, 16000, 22050, 24000, 44100)
TELEPHONE_RATE = 8000
MILLISECONDS = 1000
REFUSED = range(400, 500)
COME_BACK = frozenset({408, 425, 429})
PASSING = frozenset(
    {
        "input_timeout_exceeded",
        "internal_server_error",
        "max_active_contexts",
        "system_busy",
        "too_many_concurrent_requests",
    }
)
"""Words of errors that another try may mend."""
LASTING = frozenset(
    {
        "detected_unusual_activity",
        "invalid_api_key",
        "invalid_input_message",
        "max_character_limit_exceeded",
        "missing_permissions",
        "model_not_found",
        "needs_authorization",
        "quota_exceeded",
        "unaccepted_terms",
        "voice_not_found",
    }
)
"""Words of errors that no other try mends."""


# --- what the server sends --------------------------------------------------------------------------------------------


class Alignment(msgspec.Struct, frozen=True):
    """When each character sounds: seconds from the beginning of the audio beside it."""

    chars: tuple[str, ...]
    starts: tuple[float, ...]
    ends: tuple[float, ...]


class Audio(msgspec.Struct, frozen=True):
    """A piece of audio, of any length, maybe not whole samples."""

    context: str | None
    data: bytes
    alignment: Alignment | None = None


class Final(msgspec.Struct, frozen=True):
    """The context is closed, by us or for its silence: all its audio is out."""

    context: str | None


class Failure(msgspec.Struct, frozen=True):
    """The context failed, or without one the socket, which then closes."""

    context: str | None
    error: str
    message: str = ""

    @property
    def text(self) -> str:
        """The vendor's reason."""
        return f"{self.error}: {self.message}" if self.message else self.error


class Unknown(msgspec.Struct, frozen=True):
    """A message that is none of these; its keys, in order."""

    context: str | None
    keys: str


Message = Audio | Final | Failure | Unknown


class Characters(msgspec.Struct, frozen=True):
    """An alignment as it is written, in either spelling."""

    chars: list[str]
    charStartTimesMs: list[float] | None = None  # noqa: N815 - the vendor's spelling
    charsStartTimesMs: list[float] | None = None  # noqa: N815
    charDurationsMs: list[float] | None = None  # noqa: N815
    charsDurationsMs: list[float] | None = None  # noqa: N815


class Frame(msgspec.Struct, frozen=True):
    """Any message of the server's."""

    audio: bytes | None = None
    contextId: str | None = None  # noqa: N815 - the vendor's spelling
    context_id: str | None = None
    isFinal: bool | None = None  # noqa: N815
    is_final: bool | None = None
    alignment: Characters | None = None
    error: str | None = None
    message: str | None = None

    @property
    def context(self) -> str | None:
        """The context, whichever the spelling."""
        return self.contextId or self.context_id


class Address(msgspec.Struct, frozen=True):
    """Only the context of a message."""

    contextId: str | None = None  # noqa: N815 - the vendor's spelling
    context_id: str | None = None


FRAMES = msgspec.json.Decoder(Frame)
ADDRESSES = msgspec.json.Decoder(Address)


def parse(raw: str | bytes) -> tuple[Message, ...]:
    """Read one frame; the last of a context may hold audio beside its end.

    Raises: ProviderProtocolError.
    """
    try:
        frame = FRAMES.decode(raw)
    except msgspec.ValidationError as error:
        # The decoder's text names the field and the type, never the content.
        raise broken(f"a message is malformed: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise broken("a message is not JSON") from error
    context = frame.context
    if frame.error is not None:
        return (Failure(context, frame.error, frame.message or ""),)
    audio = () if not frame.audio else (Audio(context, frame.audio, aligned(frame.alignment)),)
    if frame.isFinal or frame.is_final:
        return (*audio, Final(context))
    if audio or "audio" in msgspec.json.decode(raw):
        return audio
    return (Unknown(context, ", ".join(sorted(msgspec.json.decode(raw)))),)


def aligned(characters: Characters | None) -> Alignment | None:
    """An alignment in seconds. Raises: ProviderProtocolError if its lists differ in length."""
    if characters is None:
        return None
    starts = characters.charStartTimesMs or characters.charsStartTimesMs or []
    lengths = characters.charDurationsMs or characters.charsDurationsMs or []
    if not len(characters.chars) == len(starts) == len(lengths):
        raise broken("an alignment's characters, times and durations differ in number")
    return Alignment(
        tuple(characters.chars),
        tuple(start / MILLISECONDS for start in starts),
        tuple(
            (start + length) / MILLISECONDS for start, length in zip(starts, lengths, strict=True)
        ),
    )


def context_of(raw: str | bytes) -> str | None:
    """The context that an unreadable message names, if as much can be read."""
    try:
        address = ADDRESSES.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return address.contextId or address.context_id


def broken(reason: str) -> ProviderProtocolError:
    """A message that cannot be read."""
    return ProviderProtocolError(NAME, reason, stage=STAGE)


def error_for(error: str, text: str = "") -> ProviderError:
    """What an error's word means. The close code does not tell: every error of the account closes with 1008."""
    kind = ProviderRejected if error in LASTING else ProviderUnavailable
    return kind(NAME, text or error, stage=STAGE)


class Detail(msgspec.Struct, frozen=True):
    """Why an HTTP request was refused."""

    status: str | None = None
    message: str | None = None


class Denial(msgspec.Struct, frozen=True):
    """The body of an HTTP error; of a list of validation errors nothing is read."""

    detail: Detail | list[Any] | str | None = None


def refusal(status: int, body: bytes) -> ProviderError:
    """What a refused handshake means."""
    try:
        detail = msgspec.json.decode(body, type=Denial).detail
    except (msgspec.DecodeError, UnicodeDecodeError):
        detail = None
    word = detail.status if isinstance(detail, Detail) and detail.status else ""
    final = status in REFUSED and status not in COME_BACK and word not in PASSING
    kind = ProviderRejected if final or word in LASTING else ProviderUnavailable
    reason = f"the handshake was refused{f': {word}' if word else ''}"
    return kind(NAME, reason, stage=STAGE, status=status)


# --- what the client sends --------------------------------------------------------------------------------------------


def handshake_headers(settings: ElevenLabsSettings) -> dict[str, str]:
    """Headers of the upgrade, names in lower case; those of the settings come before ours."""
    ours = {"xi-api-key": settings.api_key.reveal()}
    return ours | {name.lower(): value for name, value in settings.headers.items()}


def socket_path(settings: ElevenLabsSettings, fmt: AudioFormat) -> str:
    """Path and query of the socket's address. Raises: SettingsError for a format that is not offered.

    Voice, model and format stand here, so calls can share a socket only if these are the same.
    """
    query = {
        "model_id": settings.model,
        "output_format": output_format(fmt),
        "auto_mode": flag(settings.auto_mode),
        "sync_alignment": "true",
        "inactivity_timeout": str(settings.inactivity_timeout),
        "apply_text_normalization": settings.text_normalization,
        "enable_logging": flag(settings.logging),
        "enable_ssml_parsing": flag(settings.ssml),
    }
    if settings.language is not None:
        query["language_code"] = settings.language
    if settings.seed is not None:
        query["seed"] = str(settings.seed)
    query |= settings.query
    return f"/v1/text-to-speech/{settings.voice}/multi-stream-input?{urlencode(query)}"


def flag(value: bool) -> str:  # noqa: FBT001 - it is the value
    return "true" if value else "false"


def output_format(fmt: AudioFormat) -> str:
    """The vendor's name of a format, so that nothing is converted. Raises: SettingsError if it has none."""
    match fmt:
        case AudioFormat(Encoding.MULAW, rate) if rate == TELEPHONE_RATE:
            return "ulaw_8000"
        case AudioFormat(Encoding.ALAW, rate) if rate == TELEPHONE_RATE:
            return "alaw_8000"
        case AudioFormat(Encoding.PCM16, rate) if rate in PCM_RATES:
            return f"pcm_{rate}"
    offered = ", ".join(map(str, PCM_RATES))
    what = f"{fmt.encoding.value} at {fmt.rate} Hz"
    message = f"elevenlabs cannot speak {what}; it offers mulaw and alaw at 8000 Hz, pcm16 at {offered} Hz"
    raise SettingsError(SettingsProblem("", message))


def voice_settings(settings: ElevenLabsSettings, manner: Manner) -> Mapping[str, Any]:
    """How a context is to sound: the settings, what the mood changes of them, and the pace of both together."""
    own = {
        "stability": settings.stability,
        "similarity_boost": settings.similarity_boost,
        "style": settings.style,
        "use_speaker_boost": settings.use_speaker_boost,
        "speed": settings.speed,
    }
    chosen: dict[str, Any] = {name: value for name, value in own.items() if value is not None}
    if manner.mood is not None:
        chosen |= settings.moods.get(manner.mood, {})
    if manner.speed is not None:
        low, high = RANGES["speed"]
        chosen["speed"] = min(max(manner.speed, low), high)
    return chosen


def unheeded(settings: ElevenLabsSettings, manner: Manner) -> tuple[str, ...]:
    """What of a manner cannot be done."""
    wishes = []
    if manner.mood is not None and manner.mood not in settings.moods:
        wishes.append(f"mood {manner.mood!r}; known: {', '.join(sorted(settings.moods))}")
    low, high = RANGES["speed"]
    if manner.speed is not None and not low <= manner.speed <= high:
        wishes.append(f"speed {manner.speed:g}; offered: {low} to {high}")
    return tuple(wishes)


def build_open(settings: ElevenLabsSettings, context: str, manner: Manner) -> str:
    """Begin a context. Only this message may say how it is to sound, and its text must be one blank."""
    fields: dict[str, Any] = {"text": " ", "context_id": context}
    if chosen := voice_settings(settings, manner):
        fields["voice_settings"] = chosen
    if settings.chunk_length_schedule:
        fields["generation_config"] = {"chunk_length_schedule": settings.chunk_length_schedule}
    if settings.pronunciation_dictionaries:
        fields["pronunciation_dictionary_locators"] = [
            {"pronunciation_dictionary_id": name, "version_id": version}
            for name, version in settings.pronunciation_dictionaries.items()
        ]
    return encode(fields)


def build_text(context: str, text: str) -> str:
    """Speak a text now, without waiting for more."""
    return encode({"text": text, "context_id": context, "flush": True})


def build_keepalive(context: str) -> str:
    """Keep an open context from being closed for its silence."""
    return encode({"text": "", "context_id": context})


def build_close(context: str) -> str:
    """No more text comes. What was flushed is still spoken, and may still arrive."""
    return encode({"context_id": context, "close_context": True})


CLOSE_SOCKET = '{"close_socket":true}'
"""Close all contexts, then the socket."""


def encode(fields: Mapping[str, Any]) -> str:
    """As one text frame."""
    return msgspec.json.encode(fields).decode()
