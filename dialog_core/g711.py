"""G.711, the telephone's own encoding: mu-law and A-law to samples and back.

A code is a sign, a segment (exponent) and a step within it (mantissa), so steps double from
segment to segment. Both directions are one table look-up: 256 entries to decode, 65,536 to encode.
PCM16 is accepted wherever a line's encoding may be either, so that callers need no second path.

Source: ITU-T G.711 (11/1988), tables 1a to 2b, at 16-bit scale; negative samples are quantised by
their one's complement, as in ITU-T G.191.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING
from zlib import adler32

import numpy as np

from dialog_core.audio import Encoding

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F32 = NDArray[np.float32]
    I16 = NDArray[np.int16]

__all__ = [
    "SILENT_DB",
    "convert",
    "decode",
    "decode_floats",
    "decode_windows",
    "encode",
    "is_below",
    "level",
    "to_pcm16",
]

MULAW_BIAS = 132
MULAW_CLIP = 32635
SILENT_DB = -100.0
"""What :func:`level` says of digital silence."""


def _mulaw_sample(code: int) -> int:
    code = ~code
    magnitude = (((code & 0x0F) << 3) + MULAW_BIAS << (code >> 4 & 7)) - MULAW_BIAS
    return -magnitude if code & 0x80 else magnitude


def _alaw_sample(code: int) -> int:
    code ^= 0x55
    exponent = code >> 4 & 7
    magnitude = ((code & 0x0F) << 4) + 8
    if exponent:
        magnitude = magnitude + 0x100 << exponent - 1
    return magnitude if code & 0x80 else -magnitude


def _mulaw_codes(samples: NDArray[np.int32]) -> NDArray[np.uint8]:
    magnitude = np.minimum(np.where(samples < 0, ~samples, samples), MULAW_CLIP) + MULAW_BIAS
    exponent = np.frexp(magnitude.astype(np.float64))[1] - 8
    code = exponent << 4 | magnitude >> exponent + 3 & 0x0F
    codes: NDArray[np.int64] = ~(code | np.where(samples < 0, 0x80, 0)) & 0xFF
    return codes.astype(np.uint8)


def _alaw_codes(samples: NDArray[np.int32]) -> NDArray[np.uint8]:
    magnitude = np.where(samples < 0, ~samples, samples)
    exponent = np.maximum(np.frexp(magnitude.astype(np.float64))[1] - 8, 0)
    code = exponent << 4 | magnitude >> np.maximum(exponent, 1) + 3 & 0x0F
    codes: NDArray[np.int64] = (code | np.where(samples < 0, 0, 0x80)) ^ 0x55
    return codes.astype(np.uint8)


# Indexed by the sample's bits read as unsigned, so that no offset has to be added.
EVERY_SAMPLE = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
SAMPLES: dict[Encoding, I16] = {
    Encoding.MULAW: np.array([_mulaw_sample(code) for code in range(256)], np.int16),
    Encoding.ALAW: np.array([_alaw_sample(code) for code in range(256)], np.int16),
}
FLOATS: dict[Encoding, F32] = {
    encoding: samples.astype(np.float32) / np.float32(32768)
    for encoding, samples in SAMPLES.items()
}
CODES: dict[Encoding, NDArray[np.uint8]] = {
    Encoding.MULAW: _mulaw_codes(EVERY_SAMPLE),
    Encoding.ALAW: _alaw_codes(EVERY_SAMPLE),
}
TRANSLATIONS: dict[tuple[Encoding, Encoding], bytes] = {
    (source, target): CODES[target][SAMPLES[source].view(np.uint16)].tobytes()
    for source, target in (
        (Encoding.MULAW, Encoding.ALAW),
        (Encoding.ALAW, Encoding.MULAW),
    )
}


def decode(data: bytes | memoryview, encoding: Encoding) -> I16:
    """Samples of line audio. data: whole samples."""
    if encoding is Encoding.PCM16:
        return np.frombuffer(data, "<i2").astype(np.int16, copy=False)
    return SAMPLES[encoding].take(np.frombuffer(data, np.uint8))


def decode_floats(data: bytes | memoryview, encoding: Encoding) -> F32:
    """Samples of line audio in -1..1."""
    if encoding is Encoding.PCM16:
        return np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32768)
    return FLOATS[encoding].take(np.frombuffer(data, np.uint8))


def decode_windows(data: bytes, encoding: Encoding, batch: int) -> F32:
    """Decode equally long windows, joined end to end, in one look-up: (batch, window) in -1..1."""
    return decode_floats(data, encoding).reshape(batch, -1)


def encode(samples: I16, encoding: Encoding) -> bytes:
    """Line audio of 16-bit samples; mu-law clips beyond +-32635."""
    if encoding is Encoding.PCM16:
        return samples.astype("<i2", copy=False).tobytes()
    return CODES[encoding].take(np.ascontiguousarray(samples).view(np.uint16)).tobytes()


def to_pcm16(data: bytes, encoding: Encoding) -> bytes:
    """The same audio as signed 16-bit little-endian samples."""
    return convert(data, encoding, Encoding.PCM16)


def convert(data: bytes, source: Encoding, target: Encoding) -> bytes:
    """The same audio in another encoding, at the same rate."""
    if source is target:
        return data
    translation = TRANSLATIONS.get((source, target))
    if translation is not None:
        return data.translate(translation)
    return encode(decode(data, source), target)


# The power of each code, in units of 8^2 so that it fits 24 bits, is kept as three planes of bytes.
# Translating a frame through a plane and summing bytes gives its energy; Adler-32's low half is
# such a sum, in C, modulo 65521. So a 20 ms frame costs about 1.4 us, and no array is made.

PLANES: dict[Encoding, tuple[bytes, bytes, bytes]] = {}
for _encoding, _samples in SAMPLES.items():
    _power = np.rint((_samples.astype(np.float64) / 8) ** 2).astype(np.int64)
    _low, _middle, _high = (
        (_power >> shift & 0xFF).astype(np.uint8).tobytes() for shift in (0, 8, 16)
    )
    PLANES[_encoding] = (_low, _middle, _high)
ADLER_LIMIT = 256  # bytes of at most 255 whose sum stays below Adler's modulus
FULL_SCALE = (32768 / 8) ** 2


def level(data: bytes, encoding: Encoding) -> float:
    """Root-mean-square level in dBFS (0: a full-scale square wave); SILENT_DB for silence."""
    if not data:
        return SILENT_DB
    if encoding is Encoding.PCM16:
        samples = decode(data, encoding).astype(np.float64)
        power = float(np.dot(samples, samples)) / samples.size / 32768**2
    else:
        power = _energy(data, encoding) / len(data) / FULL_SCALE
    return max(10 * math.log10(power), SILENT_DB) if power else SILENT_DB


def is_below(data: bytes, encoding: Encoding, decibels: float) -> bool:
    """Whether the level is below so many dBFS; at once if no sample is above, as on most silent lines."""
    if encoding is not Encoding.PCM16 and not data.translate(
        None, _quiet_codes(encoding, decibels)
    ):
        return bool(data)
    return level(data, encoding) < decibels


@cache
def _quiet_codes(encoding: Encoding, decibels: float) -> bytes:
    """The codes of samples whose amplitude alone is below a level."""
    amplitude = 32768 * 10 ** (decibels / 20)
    return bytes(
        code for code, sample in enumerate(SAMPLES[encoding].tolist()) if abs(sample) < amplitude
    )


def _energy(data: bytes, encoding: Encoding) -> int:
    if len(data) > ADLER_LIMIT:
        pieces = range(0, len(data), ADLER_LIMIT)
        return sum(_energy(data[start : start + ADLER_LIMIT], encoding) for start in pieces)
    low, middle, high = PLANES[encoding]
    return (
        (adler32(data.translate(low), 0) & 0xFFFF)
        + ((adler32(data.translate(middle), 0) & 0xFFFF) << 8)
        + ((adler32(data.translate(high), 0) & 0xFFFF) << 16)
    )
