"""Realtime transcription sessions, generally available form: every message, parsed and built (pure).

All messages are JSON objects with a `type`. An utterance is an *item*; its messages share an `item_id`::

    input_audio_buffer.speech_started    {item_id, audio_start_ms}      only where OpenAI detects voice
    input_audio_buffer.speech_stopped    {item_id, audio_end_ms}
    input_audio_buffer.committed         {item_id, previous_item_id}
    conversation.item.input_audio_transcription.delta      {item_id, delta}       appended to what came before
    conversation.item.input_audio_transcription.completed  {item_id, transcript}
    conversation.item.input_audio_transcription.failed     {item_id, error}

Milliseconds count audio that was sent on this connection. Items may complete in another order than they were spoken in.

Source: OpenAI's guide "Realtime transcription"; API reference, "Realtime client events", "Realtime server events".
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import msgspec

from dialog_core.errors import ProviderProtocolError
from dialog_openai.failures import PROVIDER, Failure
from dialog_openai.realtime.settings import SEMANTIC_VAD, SERVER_VAD, RealtimeSettings

__all__ = [
    "CLEAR",
    "COMMIT",
    "EMPTY_COMMIT",
    "Cleared",
    "Committed",
    "Completed",
    "Delta",
    "Erred",
    "Failed",
    "ItemAdded",
    "ItemDone",
    "LogProb",
    "Message",
    "Segment",
    "SessionCreated",
    "SessionUpdated",
    "SpeechBegan",
    "SpeechEnded",
    "Unknown",
    "append",
    "configure",
    "parse",
    "unreadable",
]

STAGE = "stt"
ITEM = "conversation.item"
RESULT = f"{ITEM}.input_audio_transcription"
EMPTY_COMMIT = "input_audio_buffer_commit_empty"
"""Code of the error that answers a commit of less than 100 ms."""
EXPIRED = "session_expired"
HARMLESS = frozenset(
    {EMPTY_COMMIT, "response_cancel_not_active", "conversation_already_has_active_response"}
)
"""Codes of errors that change nothing."""


# --- what the server sends --------------------------------------------------------------------------------------------


class SessionCreated(msgspec.Struct, frozen=True, tag="session.created"):
    """The server's greeting."""


class SessionUpdated(msgspec.Struct, frozen=True, tag="session.updated"):
    """The configuration is accepted."""


class SpeechBegan(msgspec.Struct, frozen=True, tag="input_audio_buffer.speech_started"):
    """OpenAI hears the caller; the item will be committed later."""

    item_id: str
    audio_start_ms: float
    """Prefix padding included."""


class SpeechEnded(msgspec.Struct, frozen=True, tag="input_audio_buffer.speech_stopped"):
    """OpenAI hears the end of it."""

    item_id: str
    audio_end_ms: float
    """The silence that was waited for included."""


class Committed(msgspec.Struct, frozen=True, tag="input_audio_buffer.committed"):
    """An utterance is cut and will be transcribed."""

    item_id: str
    previous_item_id: str | None = None


class Cleared(msgspec.Struct, frozen=True, tag="input_audio_buffer.cleared"):
    """What was not committed is thrown away."""


class ItemAdded(msgspec.Struct, frozen=True, tag=f"{ITEM}.added"):
    """An utterance became an item."""


class ItemDone(msgspec.Struct, frozen=True, tag=f"{ITEM}.done"):
    """The same, once more."""


class LogProb(msgspec.Struct, frozen=True):
    """How likely a token was."""

    logprob: float
    token: str = ""


class Language(msgspec.Struct, frozen=True):
    """A language that was heard."""

    code: str = ""


class Delta(msgspec.Struct, frozen=True, tag=f"{RESULT}.delta"):
    """More of an item's text."""

    item_id: str
    delta: str | None = None


class Completed(msgspec.Struct, frozen=True, tag=f"{RESULT}.completed"):
    """All of an item's text."""

    item_id: str
    transcript: str
    logprobs: tuple[LogProb, ...] | None = None
    languages: tuple[Language, ...] | None = None


class Failed(msgspec.Struct, frozen=True, tag=f"{RESULT}.failed"):
    """An item that could not be transcribed; the session goes on."""

    item_id: str
    error: Failure = Failure()


class Segment(msgspec.Struct, frozen=True, tag=f"{RESULT}.segment"):
    """A speaker's part of an item; the item's whole text comes all the same."""

    item_id: str = ""


class Erred(msgspec.Struct, frozen=True, tag="error"):
    """Something that we sent was refused, or the server failed; mostly the session goes on."""

    error: Failure = Failure()


class Unknown(msgspec.Struct, frozen=True):
    """A message of a kind that this page does not have."""

    kind: str


Message = (
    SessionCreated
    | SessionUpdated
    | SpeechBegan
    | SpeechEnded
    | Committed
    | Cleared
    | ItemAdded
    | ItemDone
    | Delta
    | Completed
    | Failed
    | Segment
    | Erred
)


class Kind(msgspec.Struct, frozen=True):
    """What every message has."""

    type: str


MESSAGES: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)
KINDS = msgspec.json.Decoder(Kind)
KNOWN = frozenset(each.__struct_config__.tag for each in Message.__args__)


def parse(data: str | bytes) -> Message | Unknown:
    """Read a message; unknown keys are ignored. Raises: ProviderProtocolError if it cannot be read."""
    try:
        return MESSAGES.decode(data)
    except msgspec.ValidationError as error:
        kind = kind_of(data)
        if kind is None or kind in KNOWN:
            raise unreadable(f"a malformed {kind or 'message'}") from error
        return Unknown(kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise unreadable("a message that is not JSON") from error


def kind_of(data: str | bytes) -> str | None:
    try:
        return KINDS.decode(data).type
    except msgspec.ValidationError:
        return None


def unreadable(what: str) -> ProviderProtocolError:
    """The error of a message that makes no sense."""
    return ProviderProtocolError(PROVIDER, f"sent {what}", stage=STAGE)


# --- what we send -----------------------------------------------------------------------------------------------------

COMMIT = '{"type":"input_audio_buffer.commit"}'
CLEAR = '{"type":"input_audio_buffer.clear"}'


def append(audio: bytes) -> str:
    """Audio in the configured format, at most 15 MiB once it is encoded."""
    return f'{{"type":"input_audio_buffer.append","audio":"{b64encode(audio).decode()}"}}'


def configure(settings: RealtimeSettings, audio_format: dict[str, Any]) -> str:
    """The session's configuration. Everything is said, since what is left out keeps a default that may change."""
    reduction = settings.noise_reduction
    audio = {
        "format": audio_format,
        "noise_reduction": None if reduction is None else {"type": reduction},
        "transcription": transcription(settings),
        "turn_detection": detection(settings),
    }
    session: dict[str, Any] = {"type": "transcription", "audio": {"input": audio}}
    if settings.logprobs:
        session["include"] = ["item.input_audio_transcription.logprobs"]
    return msgspec.json.encode({"type": "session.update", "session": session}).decode()


def transcription(settings: RealtimeSettings) -> dict[str, Any]:
    """The model, and what it is told beforehand."""
    said = {name: getattr(settings, name) for name in ("language", "prompt", "delay")}
    listed = {name: list(getattr(settings, name)) for name in ("languages", "keywords")}
    told = {name: value for name, value in {**said, **listed}.items() if value}
    return {"model": settings.model, **told}


def detection(settings: RealtimeSettings) -> dict[str, Any] | None:
    """Who cuts turns; None for us."""
    if settings.turn_detection == SERVER_VAD:
        names = ("threshold", "prefix_padding_ms", "silence_duration_ms")
        said = {name: getattr(settings, name) for name in names}
        return {
            "type": SERVER_VAD,
            **{key: value for key, value in said.items() if value is not None},
        }
    if settings.turn_detection == SEMANTIC_VAD:
        eagerness = settings.eagerness
        return {"type": SEMANTIC_VAD, **({} if eagerness is None else {"eagerness": eagerness})}
    return None
