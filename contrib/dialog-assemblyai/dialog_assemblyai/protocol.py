"""AssemblyAI's streaming messages: text to values and back. Nothing here waits.

A session is a series of turns. Each `Turn` message tells all words of its turn anew; the last one
has `end_of_turn`, and may come once more with punctuation::

    -> audio, 50 ms to 1 s a message          <- Begin
    -> ForceEndpoint                          <- Turn, Turn, Turn end_of_turn
    -> Terminate                              <- Termination

Refusals come on the open socket: an `Error` message, then a close with the same code.

Source: AssemblyAI's pages "Message Sequence", "Streaming API" and "Common session errors and
closures".
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from urllib.parse import urlencode

import attrs
import msgspec
from dialog_core import (
    AudioFormat,
    Encoding,
    ProviderError,
    ProviderProtocolError,
    ProviderRejected,
    ProviderUnavailable,
    Transcript,
    Word,
)

from dialog_assemblyai.settings import AssemblyAISettings

__all__ = [
    "FORCE_ENDPOINT",
    "FORMATS",
    "LEAST",
    "MOST",
    "PROVIDER",
    "TERMINATE",
    "Begin",
    "Failed",
    "Heard",
    "Message",
    "Turn",
    "Unknown",
    "Warned",
    "cut",
    "failure",
    "heard_before",
    "parse",
    "transcript",
    "url_for",
]

PROVIDER = "assemblyai"
FORCE_ENDPOINT = '{"type":"ForceEndpoint"}'
"""Ends the turn now; its last `Turn` is the answer. Where nothing was said there may be none."""
TERMINATE = '{"type":"Terminate"}'
"""Ends the session, which is paid for by the time that it is open."""
LEAST = 0.05
"""Seconds of audio that a message has at least; less is refused with 3007."""
MOST = 0.9
"""Seconds of audio that we put into a message; over 1 s is refused, and the rest needs `LEAST`."""
ENCODINGS = {Encoding.MULAW: "pcm_mulaw", Encoding.PCM16: "pcm_s16le"}
FORMATS = (
    AudioFormat(Encoding.MULAW, 8000),
    AudioFormat(Encoding.PCM16, 8000),
    AudioFormat(Encoding.PCM16, 16000),
    AudioFormat(Encoding.PCM16, 24000),
)
"""What the vendor takes of what a line may have."""
REFUSALS = frozenset({1008, 3006, 4000, 4001, 4002, 4003})
"""Close codes for what trying again cannot mend: the key, the account, the parameters."""
SAME_WORD = 0.1
"""Seconds by which the beginning of a word may be corrected; its end is open while it is said."""
MILLISECONDS = 1000


# --- what we are sent -----------------------------------------------------------------------------


class Heard(msgspec.Struct, frozen=True):
    """A word; times are milliseconds since the session's first sample."""

    text: str
    start: float
    end: float
    confidence: float | None = None


class Turn(msgspec.Struct, frozen=True):
    """All words of a turn so far; `transcript` has only those that will not change."""

    turn_order: int
    end_of_turn: bool
    transcript: str = ""
    words: tuple[Heard, ...] = ()
    turn_is_formatted: bool = False
    language_code: str | None = None

    @property
    def text(self) -> str:
        """What was said; while the turn goes on, with the words that may change."""
        said = " ".join(word.text for word in self.words)
        return self.transcript or said if self.end_of_turn else said or self.transcript


class Begin(msgspec.Struct, frozen=True):
    """The session is open."""

    id: str = ""


class Failed(msgspec.Struct, frozen=True):
    """The vendor gives up on this session, and closes it next."""

    error: str
    error_code: int | None = None


class Warned(msgspec.Struct, frozen=True):
    """Something was ignored or is outdated; the session goes on."""

    warning: str = ""
    warning_code: int | None = None


@attrs.frozen
class Unknown:
    """A message of a kind that we have no use for, or do not know."""

    kind: str


Message = Turn | Begin | Failed | Warned | Unknown


class Envelope(msgspec.Struct, frozen=True):
    """What tells the kinds apart; an error may come without a type."""

    type: str = ""
    error: str | None = None


ENVELOPE = msgspec.json.Decoder(Envelope)
DECODERS: dict[str, msgspec.json.Decoder[Turn | Begin | Failed | Warned]] = {
    "Turn": msgspec.json.Decoder(Turn),
    "Begin": msgspec.json.Decoder(Begin),
    "Error": msgspec.json.Decoder(Failed),
    "Warning": msgspec.json.Decoder(Warned),
}


def parse(message: str | bytes) -> Message:
    """A message as a value. Raises: ProviderProtocolError for what is no message of theirs."""
    try:
        envelope = ENVELOPE.decode(message)
        kind = envelope.type or ("Error" if envelope.error is not None else "")
        if not kind:
            raise ProviderProtocolError(PROVIDER, "sent a message without a type", stage="stt")
        decoder = DECODERS.get(kind)
        return Unknown(kind) if decoder is None else decoder.decode(message)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise ProviderProtocolError(PROVIDER, f"sent no message: {error}", stage="stt") from error


def failure(code: int | None, text: str) -> ProviderError:
    """The error of an `Error` message or of a close, by its code."""
    cls = ProviderRejected if code in REFUSALS else ProviderUnavailable
    return cls(PROVIDER, text or "closed the session", stage="stt", status=code)


def transcript(
    turn: Turn, when: Callable[[float], float], *, final: bool, after: float = -math.inf
) -> Transcript | None:
    """A turn on the call's clock; None if nothing was said in it.

    when: the call's time of a second of the session. after: when the last word that was settled
    began; it and those before it are left out.
    """
    heard = tuple(word_of(word, when) for word in turn.words)
    words = tuple(word for word in heard if word.start > after + SAME_WORD)
    whole = len(words) == len(heard)
    text = turn.text if whole else " ".join(word.text for word in words)
    if not text:
        return None
    return Transcript(
        words[-1].end if words else when(math.inf),
        text,
        final,
        started=words[0].start if words else None,
        words=words,
        language=turn.language_code,
    )


def word_of(word: Heard, when: Callable[[float], float]) -> Word:
    """A word on the call's clock; it ends no sooner than it starts, whatever they say."""
    start = when(word.start / MILLISECONDS)
    end = max(start, when(word.end / MILLISECONDS))
    return Word(word.text, start, end, word.confidence)


def heard_before(pending: Transcript, start: float) -> Transcript | None:
    """The words, settled, that a session whose audio begins at `start` will not hear whole."""
    words = tuple(word for word in pending.words if word.start < start)
    if not words:
        return None
    text = " ".join(word.text for word in words)
    return attrs.evolve(pending, at=words[-1].end, text=text, final=True, words=words)


# --- what we send ---------------------------------------------------------------------------------


def url_for(settings: AssemblyAISettings, fmt: AudioFormat) -> str:
    """The address with the session's parameters."""
    query = {
        "speech_model": settings.model,
        "encoding": ENCODINGS[fmt.encoding],
        "sample_rate": str(fmt.rate),
    }
    if settings.language is not None and settings.chooses_language:
        query["language_codes"] = json.dumps([settings.language])
    if settings.keyterms:
        query["keyterms_prompt"] = json.dumps(settings.keyterms)
    if settings.format_turns and not settings.chooses_language:
        query["format_turns"] = "true"
    for name, seconds in (
        ("min_turn_silence", settings.min_turn_silence),
        ("max_turn_silence", settings.max_turn_silence),
    ):
        if seconds is not None:
            query[name] = str(round(seconds * MILLISECONDS))
    if settings.end_of_turn_confidence is not None and not settings.chooses_language:
        query["end_of_turn_confidence_threshold"] = str(settings.end_of_turn_confidence)
    return f"{settings.url}?{urlencode(query)}"


def cut(audio: bytes, fmt: AudioFormat) -> Iterator[bytes]:
    """Audio as messages that the vendor takes. The last one is too short if `audio` is."""
    most, least = fmt.nbytes(MOST), fmt.nbytes(LEAST)
    start = 0
    while len(audio) - start >= most + least:
        yield audio[start : start + most]
        start += most
    yield audio[start:]
