from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialog_core import g711
from dialog_core.audio import Encoding

MULAW, ALAW, PCM16 = Encoding.MULAW, Encoding.ALAW, Encoding.PCM16
LAWS = pytest.mark.parametrize("law", [MULAW, ALAW])
ALL_CODES = bytes(range(256))
pytestmark = pytest.mark.requirement("B.3")


@pytest.mark.parametrize(
    ("law", "code", "sample"),
    [
        (MULAW, 0x80, 32124),
        (MULAW, 0x00, -32124),
        (MULAW, 0xFF, 0),
        (MULAW, 0x7F, 0),
        (MULAW, 0xFE, 8),
        (MULAW, 0xEF, 132),
        (MULAW, 0x8F, 16764),
        (ALAW, 0xAA, 32256),
        (ALAW, 0x2A, -32256),
        (ALAW, 0xD5, 8),
        (ALAW, 0x55, -8),
        (ALAW, 0x85, 4224),
        (ALAW, 0xC5, 264),
    ],
)
def test_codes_of_the_standards_tables_decode_to_their_values(
    law: Encoding, code: int, sample: int
) -> None:
    assert g711.decode(bytes([code]), law)[0] == sample


@LAWS
def test_every_code_survives_a_round_trip_but_negative_zero(law: Encoding) -> None:
    again = g711.encode(g711.decode(ALL_CODES, law), law)
    changed = {code for code in range(256) if again[code] != code}
    assert changed == ({0x7F} if law is MULAW else set())


@pytest.mark.parametrize(
    ("law", "decisions", "scale"),
    [
        (MULAW, (1, 3, 29, 31, 35, 91, 95, 103, 223, 479, 991, 2015, 4063, 4319, 7903), 4),
        (ALAW, (2, 4, 62, 64, 68, 124, 128, 136, 256, 512, 544, 1024, 2048, 2176, 3968), 8),
    ],
)
def test_the_code_changes_exactly_at_the_standards_decision_values(
    law: Encoding, decisions: tuple[int, ...], scale: int
) -> None:
    edges = np.array(decisions, np.int16) * np.int16(scale)
    below = g711.decode(g711.encode(edges - np.int16(1), law), law)
    at = g711.decode(g711.encode(edges, law), law)
    assert (below < at).all()
    assert (below < edges).all()
    assert (at >= edges).all()


@LAWS
def test_encoding_never_reverses_order(law: Encoding) -> None:
    every = np.arange(-32768, 32768).astype(np.int16)
    decoded = g711.decode(g711.encode(every, law), law).astype(int)
    assert (np.diff(decoded) >= 0).all()


@LAWS
@given(sample=st.integers(-32635, 32635))
def test_the_error_is_at_most_half_a_step(law: Encoding, sample: int) -> None:
    decoded = int(g711.decode(g711.encode(np.array([sample], np.int16), law), law)[0])
    assert abs(decoded - sample) <= max(8, (abs(sample) + 132) / 32)


@LAWS
def test_tables_agree_with_the_standard_library(law: Encoding) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        audioop = pytest.importorskip("audioop")
    expand = audioop.ulaw2lin if law is MULAW else audioop.alaw2lin
    assert g711.to_pcm16(ALL_CODES, law) == expand(ALL_CODES, 2)


def test_silence_is_ff_and_d5() -> None:
    zero = np.zeros(3, np.int16)
    assert g711.encode(zero, MULAW) == b"\xff\xff\xff"
    assert g711.encode(zero, ALAW) == b"\xd5\xd5\xd5"


@LAWS
@given(data=st.binary(max_size=400))
def test_floats_are_the_samples_over_full_scale(law: Encoding, data: bytes) -> None:
    floats = g711.decode_floats(data, law)
    assert floats.dtype == np.float32
    assert (floats * 32768 == g711.decode(data, law)).all()


@pytest.mark.parametrize("law", list(Encoding))
def test_a_batch_of_windows_decodes_as_each_alone(law: Encoding) -> None:
    windows = [bytes([n, 3 * n, 255 - n, 17]) * 64 for n in range(5)]
    batch = g711.decode_windows(b"".join(windows), law, len(windows))
    assert (batch == np.stack([g711.decode_floats(window, law) for window in windows])).all()


@pytest.mark.parametrize("target", list(Encoding))
@pytest.mark.parametrize("source", list(Encoding))
@given(data=st.binary(max_size=200).map(lambda data: data[: len(data) // 2 * 2]))
def test_converting_is_decoding_and_encoding(
    source: Encoding, target: Encoding, data: bytes
) -> None:
    expected = data if source is target else g711.encode(g711.decode(data, source), target)
    assert g711.convert(data, source, target) == expected


@pytest.mark.requirement("B.7")
@pytest.mark.parametrize("law", list(Encoding))
@given(data=st.binary(min_size=2, max_size=900).map(lambda data: data[: len(data) // 2 * 2]))
def test_the_level_is_the_root_mean_square(law: Encoding, data: bytes) -> None:
    samples = g711.decode(data, law).astype(float)
    power = float(np.mean(samples**2)) / 32768**2
    expected = max(10 * math.log10(power), g711.SILENT_DB) if power else g711.SILENT_DB
    assert g711.level(data, law) == pytest.approx(expected, abs=0.15)


@pytest.mark.requirement("B.7")
def test_the_level_of_silence_is_the_floor_and_of_full_scale_nearly_zero() -> None:
    assert g711.level(b"", MULAW) == g711.SILENT_DB
    assert g711.level(b"\xff\x7f" * 80, MULAW) == g711.SILENT_DB
    assert g711.level(b"\x80\x00" * 80, MULAW) == pytest.approx(-0.17, abs=0.01)
