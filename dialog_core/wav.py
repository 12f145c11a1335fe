"""WAV files and streams: write a header, read a file, strip a header that arrives in pieces.

A WAV file is ``RIFF size WAVE`` and then chunks, each an id, a length and a body padded to an even
length; ``fmt `` says how to read the samples and ``data`` holds them. Streams that were not finished
when they began write 0 or 0xFFFFFFFF as the length of ``data``: read to the end.

Source: Microsoft, "Multimedia Programming Interface and Data Specifications 1.0"; RFC 2361 for the
format numbers of G.711.
"""

from __future__ import annotations

import struct

import attrs

from dialog_core.audio import AudioFormat, Encoding

__all__ = ["Aligner", "Wav", "WavStripper", "header", "parse", "write"]

NUMBERS = {Encoding.PCM16: 1, Encoding.ALAW: 6, Encoding.MULAW: 7}
ENCODINGS = {(1, 16): Encoding.PCM16, (6, 8): Encoding.ALAW, (7, 8): Encoding.MULAW}
EXTENSIBLE = 0xFFFE
RIFF_BYTES = 12
FORMAT_BYTES = 16
SUBFORMAT_AT = 24
"""Where an extensible format keeps its number."""
UNKNOWN_LENGTH = 0xFFFFFFFF
LONGEST_HEADER = 65536
"""Bytes before the audio after which a stream is taken to be broken."""


@attrs.frozen
class Wav:
    """A recording."""

    fmt: AudioFormat
    data: bytes
    channels: int = 1
    """With more than one, samples of the channels alternate."""

    def channel(self, number: int) -> bytes:
        """The samples of one channel, counted from 0."""
        width = self.fmt.width
        first = number * width
        step = self.channels * width
        alone = bytearray(len(self.data) // self.channels)
        for byte in range(width):
            alone[byte::width] = self.data[first + byte :: step]
        return bytes(alone)


def header(fmt: AudioFormat, nbytes: int | None = None, *, channels: int = 1) -> bytes:
    """What stands before `nbytes` of audio; None for a stream whose length is not known yet."""
    body = struct.pack(
        "<HHIIHH",
        NUMBERS[fmt.encoding],
        channels,
        fmt.rate,
        fmt.bytes_per_second * channels,
        fmt.width * channels,
        fmt.width * 8,
    )
    frames = 0 if nbytes is None else nbytes // (fmt.width * channels)
    if fmt.encoding is not Encoding.PCM16:
        body += struct.pack("<H", 0)
    chunks = b"fmt " + struct.pack("<I", len(body)) + body
    if fmt.encoding is not Encoding.PCM16:
        chunks += b"fact" + struct.pack("<II", 4, frames)
    if nbytes is None:
        size = length = UNKNOWN_LENGTH
    else:
        length = nbytes
        size = 4 + len(chunks) + 8 + nbytes + nbytes % 2
    riff = b"RIFF" + struct.pack("<I", size) + b"WAVE"
    return riff + chunks + b"data" + struct.pack("<I", length)


def write(wav: Wav) -> bytes:
    """A whole WAV file."""
    padding = b"\0" * (len(wav.data) % 2)
    return header(wav.fmt, len(wav.data), channels=wav.channels) + wav.data + padding


def parse(file: bytes) -> Wav:
    """Read a whole WAV file. Raises: ValueError if it is none, or not PCM16, mu-law or A-law."""
    if not file.startswith(b"RIFF"):
        raise ValueError("not a WAV file: it does not begin with 'RIFF'")
    stripper = WavStripper()
    data = stripper.feed(file)
    if stripper.fmt is None:
        raise ValueError("WAV file ends before its audio begins")
    frame = stripper.fmt.width * stripper.channels
    return Wav(stripper.fmt, data[: len(data) // frame * frame], stripper.channels)


class WavStripper:
    """Takes the header off a stream of audio, however the stream is cut.

    A stream that does not begin with ``RIFF`` has no header: it passes as it is, and `fmt` stays None.
    """

    def __init__(self) -> None:
        self.fmt: AudioFormat | None = None
        """Known once the first audio has come out."""
        self.channels = 1
        self._held = b""
        self._in_audio = False
        self._left: int | None = None

    def feed(self, chunk: bytes) -> bytes:
        """The audio in this chunk. Raises: ValueError on a header that cannot be read."""
        if self._in_audio:
            return self._audio(chunk)
        self._held += chunk
        if self._held[:4] != b"RIFF"[: len(self._held)]:
            self._in_audio = True
            return self._release(0)
        start = self._find_audio()
        return b"" if start is None else self._release(start)

    def flush(self) -> bytes:
        """What was held back while it might still have become a header. Call it at the end."""
        if self._in_audio or len(self._held) >= len(b"RIFF"):
            return b""
        return self._release(0)

    def _release(self, start: int) -> bytes:
        self._in_audio = True
        held, self._held = self._held, b""
        return self._audio(held[start:])

    def _audio(self, chunk: bytes) -> bytes:
        if self._left is None:
            return chunk
        audio = chunk[: self._left]
        self._left -= len(audio)
        return audio

    def _find_audio(self) -> int | None:
        """Where the audio begins, or None while the header is incomplete."""
        held = self._held
        if len(held) >= RIFF_BYTES and held[8:12] != b"WAVE":
            raise ValueError(f"not a WAV stream: its RIFF form is {held[8:12]!r}, expected b'WAVE'")
        at = RIFF_BYTES
        while at + 8 <= len(held):
            name = held[at : at + 4]
            (length,) = struct.unpack_from("<I", held, at + 4)
            body = at + 8
            if name == b"data":
                if self.fmt is None:
                    raise ValueError("WAV header has no 'fmt ' chunk before its audio")
                self._left = None if length in (0, UNKNOWN_LENGTH) else length
                return body
            if name == b"fmt " and len(held) >= body + length:
                self._read_format(held[body : body + length])
            at = body + length + length % 2
        if max(at, len(held)) > LONGEST_HEADER:
            raise ValueError(f"WAV header is longer than {LONGEST_HEADER} bytes")
        return None

    def _read_format(self, body: bytes) -> None:
        if len(body) < FORMAT_BYTES:
            raise ValueError(
                f"WAV 'fmt ' chunk has {len(body)} bytes, expected at least {FORMAT_BYTES}"
            )
        number, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", body)
        if number == EXTENSIBLE and len(body) > SUBFORMAT_AT + 1:
            (number,) = struct.unpack_from("<H", body, SUBFORMAT_AT)
        encoding = ENCODINGS.get((number, bits))
        if encoding is None or not channels or not rate:
            raise ValueError(
                f"WAV format {number} with {bits} bits, {channels} channels at {rate} Hz cannot be "
                "read; PCM of 16 bits, mu-law and A-law can"
            )
        self.fmt = AudioFormat(encoding, rate)
        self.channels = channels


class Aligner:
    """Cuts a stream of bytes at whole samples: odd bytes wait for the next chunk."""

    def __init__(self, width: int) -> None:
        """width: bytes that belong together: of a sample, or of a sample of each channel."""
        self._width = width
        self._rest = b""

    def feed(self, chunk: bytes) -> bytes:
        """All whole samples so far."""
        if not self._rest and not len(chunk) % self._width:
            return chunk
        joined = self._rest + chunk
        whole = len(joined) // self._width * self._width
        self._rest = joined[whole:]
        return joined[:whole]

    @property
    def rest(self) -> bytes:
        """Bytes that wait for the rest of their sample."""
        return self._rest
