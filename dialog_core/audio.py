"""Audio formats and pieces of audio. Bytes keep the line's own encoding until somebody needs samples."""

from __future__ import annotations

import enum

import attrs

from dialog_core.messages import Word

__all__ = ["TELEPHONE", "AudioFormat", "AudioFrame", "AudioOut", "Encoding", "Sound"]


class Encoding(enum.Enum):
    """How a sample is written. All are mono."""

    MULAW = "mulaw"
    ALAW = "alaw"
    PCM16 = "pcm16"
    """Signed 16-bit, little-endian."""

    __hash__ = (
        object.__hash__
    )  # members are single; an enumeration's own hash is a call into Python for each look-up


WIDTHS = {Encoding.MULAW: 1, Encoding.ALAW: 1, Encoding.PCM16: 2}
SILENCE = {Encoding.MULAW: b"\xff", Encoding.ALAW: b"\xd5", Encoding.PCM16: b"\x00"}


@attrs.frozen
class AudioFormat:
    """How audio bytes are to be read. Fixed for the life of a stream."""

    encoding: Encoding
    rate: int
    """Samples per second."""
    width: int = attrs.field(init=False, eq=False, repr=False)
    """Bytes per sample."""
    bytes_per_second: int = attrs.field(init=False, eq=False, repr=False)

    @width.default
    def _width(self) -> int:
        return WIDTHS[self.encoding]

    @bytes_per_second.default
    def _bytes_per_second(self) -> int:
        return self.rate * self.width

    def seconds(self, nbytes: int) -> float:
        """How long this many bytes sound."""
        return nbytes / self.bytes_per_second

    def nbytes(self, seconds: float) -> int:
        """How many bytes sound this long, rounded to whole samples."""
        return round(seconds * self.rate) * self.width

    def silence(self, seconds: float) -> bytes:
        """Digital silence; for mu-law that is 0xFF, not zero."""
        return SILENCE[self.encoding] * self.nbytes(seconds)


TELEPHONE = AudioFormat(Encoding.MULAW, 8000)
"""What most carriers send: G.711 mu-law at 8 kHz."""


@attrs.frozen
class AudioFrame:
    """A piece of the caller's audio, as the line sent it (no decoding yet)."""

    at: float
    """Seconds since the call began, of the first sample."""
    data: bytes
    """Usually 20 ms: 160 bytes of mu-law at 8 kHz; any length must be accepted."""


@attrs.frozen
class Sound:
    """A stretch of the caller's audio, in the line's format."""

    at: float
    """Seconds since the call began, of the first sample."""
    data: bytes = attrs.field(repr=False)
    fmt: AudioFormat

    @property
    def seconds(self) -> float:
        """How long it sounds."""
        return self.fmt.seconds(len(self.data))


@attrs.frozen
class AudioOut:
    """Synthesised audio of one segment of a reply, in the line's format."""

    reply: int
    index: int
    """The segment that this audio speaks. Never smaller than that of audio before it."""
    data: bytes
    """Whole samples; may be empty when only `words` or `last` are news."""
    words: tuple[Word, ...] = ()
    """Word times in seconds since this reply's first audio; may come before or after their audio."""
    last: bool = False
    """True on the last piece of the segment."""
