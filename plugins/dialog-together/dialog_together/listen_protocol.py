"""Together's realtime transcription: every message, parsed and built (pure).

A `delta` holds the whole hypothesis of its item so far and replaces the one before, other than in similar protocols.
The configuration is called ``transcription_session.updated`` in both directions. Audio is base64 in JSON: a binary
frame ends the session. A `failed` with an `event_type` concerns one utterance; without, the session, which then closes.

Source: Together AI's API reference, "Realtime", and its Python SDK.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec

from dialog_core.errors import ProviderError
from dialog_together.failures import Failure, error_for, unreadable
from dialog_together.settings import TogetherSttSettings

__all__ = [
    "CLEAR",
    "COMMIT",
    "STAGE",
    "Completed",
    "Configured",
    "Created",
    "Delta",
    "Echo",
    "Erred",
    "Failed",
    "Message",
    "Processed",
    "Unknown",
    "build_append",
    "build_echo",
    "handshake_headers",
    "parse",
    "session_error",
    "socket_url",
]

STAGE = "stt"
TRANSCRIPTION = "conversation.item.input_audio_transcription"
VAD_OPTIONS = (
    "threshold",
    "min_silence_duration_ms",
    "min_speech_duration_ms",
    "max_speech_duration_s",
    "speech_pad_ms",
)


# --- what the server sends --------------------------------------------------------------------------------------------


class Created(msgspec.Struct, frozen=True, tag="session.created"):
    """The session is there."""


class Configured(msgspec.Struct, frozen=True, tag="transcription_session.updated"):
    """The configuration was taken."""


class Delta(msgspec.Struct, frozen=True, tag=f"{TRANSCRIPTION}.delta"):
    """The present hypothesis of an item, whole. Some servers write it into `transcript`."""

    item_id: str | None = None
    delta: str | None = None
    transcript: str | None = None

    @property
    def text(self) -> str:
        """The hypothesis, wherever it stands."""
        return (self.delta or self.transcript or "").strip()


class Completed(msgspec.Struct, frozen=True, tag=f"{TRANSCRIPTION}.completed"):
    """An item is settled. Its times skip silence, so they say nothing of the call's."""

    item_id: str | None = None
    transcript: str | None = None

    @property
    def text(self) -> str:
        """What was said, maybe nothing."""
        return (self.transcript or "").strip()


class Failed(msgspec.Struct, frozen=True, tag=f"{TRANSCRIPTION}.failed"):
    """An item failed, or the session."""

    item_id: str | None = None
    event_type: str | None = None
    error: Failure = Failure()

    @property
    def is_fatal(self) -> bool:
        """True if the session is over."""
        return self.event_type is None


class Erred(msgspec.Struct, frozen=True, tag="error"):
    """Something of ours was not understood, or something is wrong over there."""

    error: Failure | str | None = None

    @property
    def failure(self) -> Failure:
        """The error, whatever its shape."""
        told = self.error
        return told if isinstance(told, Failure) else Failure(message=told)


class Echo(msgspec.Struct, frozen=True, tag="echo.response"):
    """A sign of life that was asked for."""


class Processed(msgspec.Struct, frozen=True, tag="input_audio_buffer.processed"):
    """So much audio was looked at."""


class Unknown(msgspec.Struct, frozen=True):
    """A kind of message that this plugin does not know."""

    type: str


Known = Created | Configured | Delta | Completed | Failed | Erred | Echo | Processed
Message = Known | Unknown

KNOWN: msgspec.json.Decoder[Known] = msgspec.json.Decoder(Known)
UNKNOWN = msgspec.json.Decoder(Unknown)
KINDS = frozenset(
    {
        "session.created",
        "transcription_session.updated",
        f"{TRANSCRIPTION}.delta",
        f"{TRANSCRIPTION}.completed",
        f"{TRANSCRIPTION}.failed",
        "error",
        "echo.response",
        "input_audio_buffer.processed",
    }
)


def parse(raw: str | bytes) -> Message:
    """Read one message. Raises: ProviderProtocolError."""
    try:
        return KNOWN.decode(raw)
    except msgspec.ValidationError as error:
        try:
            message = UNKNOWN.decode(raw)
        except msgspec.ValidationError:
            raise unreadable("a message has no type", stage=STAGE) from error
        if message.type in KINDS:
            # The decoder's text names the field and the type, never the content.
            reason = f"a message of type {message.type!r} is malformed: {error}"
            raise unreadable(reason, stage=STAGE) from error
        return message
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise unreadable("a message is not JSON", stage=STAGE) from error


def session_error(failure: Failure) -> ProviderError:
    """Why the session is over."""
    return error_for(failure, stage=STAGE)


# --- what we send -----------------------------------------------------------------------------------------------------


def handshake_headers(settings: TogetherSttSettings) -> dict[str, str]:
    """Headers of the upgrade, names in lower case; those of the settings come before ours."""
    ours = {
        "authorization": f"Bearer {settings.api_key.reveal()}",
        "openai-beta": "realtime=v1",
    }
    return ours | {name.lower(): value for name, value in settings.headers.items()}


def socket_url(settings: TogetherSttSettings) -> str:
    """The socket's address; the model must stand in it, or audio is queued for ever."""
    query: dict[str, str] = {
        "model": settings.model,
        "input_audio_format": f"pcm_s16le_{settings.sample_rate}",
        "turn_detection": settings.turn_detection,
    }
    if settings.language is not None:
        query["language"] = settings.language
    for name in VAD_OPTIONS:
        value = getattr(settings, name)
        if value is not None:
            query[name] = str(value)
    return f"{settings.url.rstrip('/')}/realtime?{urlencode(query | dict(settings.query))}"


def build_append(audio: bytes) -> str:
    """More audio; PCM of the rate in the address, at most a second."""
    data = b64encode(audio).decode("ascii")
    return f'{{"type":"input_audio_buffer.append","audio":"{data}"}}'


COMMIT = '{"type":"input_audio_buffer.commit"}'
"""Transcribe what was sent. May be answered with nothing at all."""
CLEAR = '{"type":"input_audio_buffer.clear"}'
"""Forget what was sent and not committed."""


def build_echo(number: int) -> str:
    """Ask for a sign of life."""
    fields: Mapping[str, Any] = {"type": "echo", "echo_id": number}
    return msgspec.json.encode(fields).decode()
