"""Transcription of a file: the request's fields, and the answer in its three forms (pure).

::

    {"text": "I want to cancel.", "logprobs": [...]}                              json
    {"text": "...", "words": [{"word": "I", "start": 0.1, "end": 0.2}, ...]}      verbose_json
    data: {"type": "transcript.text.delta", "delta": " want"}                     streamed, then
    data: {"type": "transcript.text.done", "text": "I want to cancel."}

Source: OpenAI's API reference, "Create transcription"; the guide "Speech to text".
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import attrs
import msgspec

from dialog_core.audio import AudioFormat, Encoding
from dialog_core.errors import ProviderProtocolError
from dialog_core.g711 import to_pcm16
from dialog_core.messages import Word
from dialog_core.wav import Wav, write
from dialog_openai.failures import PROVIDER, Failure, as_failure, refusal
from dialog_openai.transcribe.settings import TranscribeSettings

__all__ = ["STAGE", "Heard", "build", "certainty", "read_event", "read_whole", "wav_of"]

STAGE = "stt"
DELTA, DONE, ERROR = "transcript.text.delta", "transcript.text.done", "error"


class LogProb(msgspec.Struct, frozen=True):
    """How likely a token was."""

    logprob: float


class TimedWord(msgspec.Struct, frozen=True):
    """A word and its place in the file, in seconds."""

    word: str
    start: float
    end: float


class Answer(msgspec.Struct, frozen=True):
    """A whole transcript."""

    text: str
    words: tuple[TimedWord, ...] | None = None
    logprobs: tuple[LogProb, ...] | None = None


class Event(msgspec.Struct, frozen=True):
    """One event of a stream; which fields it has depends on its type."""

    type: str = ""
    delta: str | None = None
    text: str | None = None
    logprobs: tuple[LogProb, ...] | None = None
    error: Failure | str | None = None


ANSWERS = msgspec.json.Decoder(Answer)
EVENTS = msgspec.json.Decoder(Event)


@attrs.frozen
class Heard:
    """What is known of a phrase."""

    text: str
    is_whole: bool
    """False for a piece that follows what came before."""
    confidence: float | None = None
    words: tuple[Word, ...] = ()
    """Times are seconds of the file."""


def wav_of(audio: bytes, fmt: AudioFormat) -> bytes:
    """The file to upload: PCM at the line's rate, which every server reads."""
    return write(Wav(AudioFormat(Encoding.PCM16, fmt.rate), to_pcm16(audio, fmt.encoding)))


def build(settings: TranscribeSettings) -> dict[str, str]:
    """The fields beside the file."""
    fields = {
        "model": settings.model,
        "language": settings.language or "",
        "prompt": settings.prompt,
        "temperature": "" if settings.temperature is None else f"{settings.temperature:g}",
        "response_format": "verbose_json" if settings.word_times else "json",
        "timestamp_granularities[]": "word" if settings.word_times else "",
        "stream": "true" if settings.streams else "",
        "include[]": "logprobs" if settings.logprobs else "",
    }
    return {**{name: value for name, value in fields.items() if value}, **settings.options}


def read_whole(body: bytes) -> Heard:
    """Read an answer that came in one piece. Raises: ProviderProtocolError."""
    try:
        answer = ANSWERS.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProviderProtocolError(
            PROVIDER, "sent an answer that is no transcript", stage=STAGE
        ) from error
    words = tuple(Word(each.word.strip(), each.start, each.end) for each in answer.words or ())
    return Heard(answer.text.strip(), True, certainty(answer.logprobs), words)


def read_event(data: str) -> Heard | None:
    """Read the data of one event; None for one without words. Raises: ProviderError."""
    try:
        event = EVENTS.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProviderProtocolError(
            PROVIDER, "sent an event that belongs to no transcript", stage=STAGE
        ) from error
    if event.error is not None or event.type == ERROR:
        raise refusal(as_failure(event.error or Failure()), stage=STAGE)
    if event.type == DELTA:
        return Heard(event.delta or "", False)
    if event.type == DONE:
        return Heard((event.text or "").strip(), True, certainty(event.logprobs))
    return None


def certainty(logprobs: Iterable[LogProb] | None) -> float | None:
    """How sure the model is, 0..1: the geometric mean of its tokens' probabilities."""
    values = [each.logprob for each in logprobs or ()]
    return min(1.0, math.exp(sum(values) / len(values))) if values else None
