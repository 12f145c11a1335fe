"""Together's speech socket: every message, parsed and built (pure).

Text is appended and committed; each piece that the vendor makes of it is an *item*, whose audio comes in deltas and
ends with `done`. One commit may make several items, and nothing says which is the last. A `clear` drops text that is
not being spoken yet; audio under way keeps coming, and names no utterance of ours::

    append "Hello there. ", commit            ->  input_text.received
    audio_output.delta tts_1 ... done tts_1   <-
    audio_output.delta tts_2 ... done tts_2   <-  maybe

Audio is PCM of 24 kHz in base64, appended; some models put a RIFF header before it, and a delta may cut a sample.

Source: Together AI's API reference, "Realtime text-to-speech".
"""

from __future__ import annotations

from urllib.parse import urlencode

import msgspec

from dialog_core.errors import ProviderError
from dialog_together.failures import Failure, error_for, unreadable
from dialog_together.settings import TogetherTtsSettings

__all__ = [
    "CLEAR",
    "COMMIT",
    "STAGE",
    "Audio",
    "Created",
    "Done",
    "Erred",
    "Failed",
    "Message",
    "Received",
    "Unknown",
    "Updated",
    "build_append",
    "handshake_headers",
    "parse",
    "socket_url",
    "speech_error",
]

STAGE = "tts"


# --- what the server sends --------------------------------------------------------------------------------------------


class Created(msgspec.Struct, frozen=True, tag="session.created"):
    """The session is there."""


class Updated(msgspec.Struct, frozen=True, tag="tts_session.updated"):
    """The configuration was taken."""


class Received(msgspec.Struct, frozen=True, tag="conversation.item.input_text.received"):
    """Text was taken."""

    text: str | None = None


class Audio(msgspec.Struct, frozen=True, tag="conversation.item.audio_output.delta"):
    """More audio of an item; of any length, maybe not whole samples."""

    delta: bytes
    """Base64 on the wire, decoded here."""
    item_id: str | None = None


class Done(msgspec.Struct, frozen=True, tag="conversation.item.audio_output.done"):
    """All audio of an item is out."""

    item_id: str | None = None


class Failed(msgspec.Struct, frozen=True, tag="conversation.item.tts.failed"):
    """A text could not be spoken."""

    error: Failure = Failure()


class Erred(msgspec.Struct, frozen=True, tag="error"):
    """Something of ours was not understood, or something is wrong over there."""

    error: Failure | str | None = None

    @property
    def failure(self) -> Failure:
        """The error, whatever its shape."""
        told = self.error
        return told if isinstance(told, Failure) else Failure(message=told)


class Unknown(msgspec.Struct, frozen=True):
    """A kind of message that this plugin does not know."""

    type: str


Known = Created | Updated | Received | Audio | Done | Failed | Erred
Message = Known | Unknown

KNOWN: msgspec.json.Decoder[Known] = msgspec.json.Decoder(Known)
UNKNOWN = msgspec.json.Decoder(Unknown)
KINDS = frozenset(
    {
        "session.created",
        "tts_session.updated",
        "conversation.item.input_text.received",
        "conversation.item.audio_output.delta",
        "conversation.item.audio_output.done",
        "conversation.item.tts.failed",
        "error",
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


def speech_error(failure: Failure) -> ProviderError:
    """Why a text is not spoken."""
    return error_for(failure, stage=STAGE)


# --- what we send -----------------------------------------------------------------------------------------------------


def handshake_headers(settings: TogetherTtsSettings) -> dict[str, str]:
    """Headers of the upgrade, names in lower case; those of the settings come before ours."""
    ours = {"authorization": f"Bearer {settings.api_key.reveal()}"}
    return ours | {name.lower(): value for name, value in settings.headers.items()}


def socket_url(settings: TogetherTtsSettings) -> str:
    """The socket's address."""
    query = {"model": settings.model, "voice": settings.voice}
    if settings.max_partial_length is not None:
        query["max_partial_length"] = str(settings.max_partial_length)
    address = f"{settings.url.rstrip('/')}/audio/speech/websocket"
    return f"{address}?{urlencode(query | dict(settings.query))}"


def build_append(text: str) -> str:
    """More text."""
    return msgspec.json.encode({"type": "input_text_buffer.append", "text": text}).decode()


COMMIT = '{"type":"input_text_buffer.commit"}'
"""Speak all text so far. More may follow."""
CLEAR = '{"type":"input_text_buffer.clear"}'
"""Forget text that is not being spoken yet."""
