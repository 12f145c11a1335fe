"""Text-to-speech: the request, and the audio that comes back (pure).

The answer's body is headerless PCM, 16 bits, mono, little-endian, at 24 kHz, in chunks whose edges fall anywhere. Some
compatible servers put a WAV header before it all the same, and some send another format than was asked for: the first
is taken off, the second refused, because it would be noise in a caller's ear.

Source: OpenAI's API reference, "Create speech".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import msgspec
import numpy as np

from dialog_core import g711
from dialog_core.audio import AudioFormat, Encoding
from dialog_core.errors import ProviderProtocolError
from dialog_core.messages import Manner
from dialog_core.resample import Resampler
from dialog_core.wav import Aligner, WavStripper
from dialog_openai.failures import PROVIDER
from dialog_openai.speech.settings import FASTEST, SLOWEST, SpeechSettings

__all__ = ["STAGE", "Converter", "build", "check_type", "parts_of", "unheeded"]

STAGE = "tts"
LONGEST_TEXT = 4096
"""Characters that one request may hold."""
CODED = ("audio/aac", "audio/flac", "audio/mp3", "audio/mpeg", "audio/ogg", "audio/opus")
"""Types of audio that is not what we asked for."""
PLAIN = ("audio/", "application/octet-stream", "binary/")


def parts_of(text: str, longest: int = LONGEST_TEXT) -> Iterator[str]:
    """A text in pieces that a request can hold, cut between words where there are any."""
    rest = text.strip()
    while len(rest) > longest:
        cut = rest.rfind(" ", 1, longest + 1)
        cut = longest if cut < 0 else cut
        yield rest[:cut]
        rest = rest[cut:].lstrip()
    if rest:
        yield rest


def build(text: str, manner: Manner, settings: SpeechSettings) -> bytes:
    """The body of a request for one text, spoken in one manner."""
    body: dict[str, Any] = {
        "model": settings.model,
        "voice": settings.voice,
        "input": text,
        "response_format": "pcm",
    }
    told = [settings.instructions]
    if manner.mood is not None and settings.heeds_instructions:
        told.append(f"Speak in a {manner.mood} mood.")
    if any(told):
        body["instructions"] = " ".join(filter(None, told))
    speed = settings.speed if manner.speed is None else manner.speed
    if speed is not None:
        body["speed"] = min(max(speed, SLOWEST), FASTEST)
    return msgspec.json.encode(body | dict(settings.options))


def unheeded(settings: SpeechSettings, manner: Manner) -> Iterator[str]:
    """What of a manner cannot be done."""
    if manner.mood is not None and not settings.heeds_instructions:
        yield f"mood {manner.mood!r}; model {settings.model!r} has none"
    if manner.speed is not None and not SLOWEST <= manner.speed <= FASTEST:
        yield f"speed {manner.speed:g}; offered: {SLOWEST:g} to {FASTEST:g}"


def check_type(content_type: str) -> None:
    """Refuse an answer that is no PCM. Raises: ProviderProtocolError."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind and (kind.startswith(CODED) or not kind.startswith(PLAIN)):
        raise wrong(f"sent {kind} where PCM was asked for")


def wrong(what: str) -> ProviderProtocolError:
    return ProviderProtocolError(PROVIDER, what, stage=STAGE)


@attrs.define(eq=False)
class Converter:
    """From the bytes of one answer to the line's audio. How the bytes were cut does not matter.

    The framework's own resampler is used: as exact as soxr for speech on a telephone, it holds back 1.5 ms where soxr
    holds back 60 to 80, which a caller would wait for at each first word.
    """

    fmt: AudioFormat
    rate: int
    """Samples per second of the answer, unless a WAV header says otherwise."""
    _stripper: WavStripper = attrs.field(factory=WavStripper)
    _aligner: Aligner = attrs.field(factory=lambda: Aligner(2))
    _resampler: Resampler | None = None

    def feed(self, data: bytes) -> bytes:
        """The next audio for the line, often a little less. Raises: ProviderProtocolError."""
        try:
            audio = self._stripper.feed(data)
        except ValueError as error:
            raise wrong(f"sent audio that cannot be read: {error}") from error
        return self._convert(audio)

    def flush(self) -> bytes:
        """The last of it; half a sample at the end is dropped."""
        rest = self._convert(self._stripper.flush())
        tail = b"" if self._resampler is None else self._encode(self._resampler.flush())
        return rest + tail

    def _convert(self, audio: bytes) -> bytes:
        whole = self._aligner.feed(audio)
        if not whole:
            return b""
        if self._resampler is None:
            self._resampler = Resampler(self._rate(), self.fmt.rate)
        return self._encode(self._resampler.feed(np.frombuffer(whole, "<i2").astype(np.int16)))

    def _rate(self) -> int:
        """The answer's rate, known with its first audio."""
        declared = self._stripper.fmt
        if declared is None:
            return self.rate
        if declared.encoding is not Encoding.PCM16 or self._stripper.channels != 1:
            what = f"{declared.encoding.value} with {self._stripper.channels} channels"
            raise wrong(f"sent a WAV file of {what} where mono PCM was asked for")
        return declared.rate

    def _encode(self, samples: np.typing.NDArray[np.int16]) -> bytes:
        return g711.encode(samples, self.fmt.encoding)
